"""Somebody owns the broker: hears all, says anything, holds back, repeats. No door opens, and it is told."""

import json
import time

import pytest

from config.contract.messages import Ack, DocumentName, OpenDoor, Session
from config.contract.signing import CabinetKeys, Head, SigningKey, mac, seal, sign
from config.contract.topics import Leaf
from tests.edge.bench import CABINET
from tests.hard.behind_a_network import behind_a_network

OWN_KEY = SigningKey.generate("2")
"""Of the intruder, under the name of the key that signs commands."""


def soon_ms(seconds=10.0):
    return int((time.time() + seconds) * 1000)


def forged_commands(bench, session, label, occupancy):
    """What an intruder can make: no signature, an own one, a true one over something else."""
    given = {"session": session, "compartment": label, "occupancy": occupancy, "deadline_ms": soon_ms()}
    body = OpenDoor(id="ab" * 8, cabinet=CABINET, purpose="service", **given).body()
    elsewhere = OpenDoor(id="ac" * 8, cabinet="another-cabinet", purpose="service", **given).body()
    genuine = bench.cloud.open_door(session, label, occupancy, deadline_ms=soon_ms(), purpose="service")
    head, _, _ = genuine.partition(b"\n")
    return [
        body,
        b"\n" + body,
        Head("commands", "", kid="2").line() + b"\n" + body,
        Head("commands", "", kid="").line() + b"\n" + body,
        head + b"\n" + body,
        sign(OWN_KEY, "commands", CABINET, body),
        sign(bench.cloud.commands, "commands", "another-cabinet", elsewhere),
        sign(bench.cloud.commands, "commands", "another-cabinet", body),
        sign(bench.cloud.desired, "commands", CABINET, body),
        sign(bench.cloud.commands, "desired", CABINET, body),
        genuine.replace(label.encode(), b"06"),
    ]


def forged_documents(bench, epoch, older):
    """Documents that were in force once, of others, of nobody."""
    parcels = bench.cloud.parcels_document()
    body = bench.cloud.document(DocumentName.PARCELS, parcels, epoch, version=99)
    other_keys = CabinetKeys.derive("another-cabinet", bytes(32))
    unsigned = json.dumps(
        {"cabinet": CABINET, "name": "parcels", "version": 99, "epoch": epoch, "content": {}}
    )
    return [
        *older,
        body[:-9] + body[-8:],
        seal(other_keys, "desired", sign(bench.cloud.desired, "desired", CABINET, unsigned.encode())),
        unsigned.encode(),
        sign(bench.cloud.root, "keys", CABINET, unsigned.encode()),
    ]


def forged_acks(bench, session):
    """A later time, a higher number, a nonce that nobody asked."""
    given = {"session": session, "epoch": session.epoch, "through": 10**6}
    ack = Ack(nonce="a" * 16, cloud_time_ms=soon_ms(1e6), **given).body()
    return [
        ack,
        mac(CabinetKeys.derive(CABINET, bytes(32)), Leaf.ACK, ack),
        mac(CabinetKeys.derive("another-cabinet", bench.cloud.cabinet_key), Leaf.ACK, ack),
        mac(bench.cloud.cabinet, Leaf.SYNC, ack),
        mac(bench.cloud.cabinet, Leaf.ACK, ack),
    ]


async def commanded(bench, cloud, label, **more):
    """A command of the cloud, over the wire; the message that brought it."""
    session = cloud.session
    message = bench.cloud.open_door(
        session, label, None, **{"purpose": "service", "deadline_ms": soon_ms(), **more}
    )
    before = bench.openings_on_the_wire()
    cloud.say(Leaf.COMMANDS, message)
    await bench.until(lambda: bench.openings_on_the_wire() == before + 1)
    await bench.collect(label)
    return message


async def owned_broker(folder, kind, rounds):
    async with behind_a_network(folder, kind) as (bench, cloud, network, _):
        order = await bench.loaded()
        epoch, edge = bench.edge.store.epoch, bench.edge
        older = [bench.cloud.document(DocumentName.PARCELS, bench.cloud.parcels_document(), epoch, version=1)]
        door = bench.door_of(order)
        used = await commanded(bench, cloud, "02")
        withheld = bench.cloud.open_door(
            cloud.session, "03", None, purpose="service", deadline_ms=soon_ms(60)
        )
        late = bench.cloud.open_door(cloud.session, "03", None, purpose="service", deadline_ms=soon_ms(-1))
        network.cut()
        session = cloud.session
        await bench.until(lambda: not edge.uplink.connected, 60)
        network.heal()
        await bench.until(lambda: cloud.session != session and edge.uplink.connected, 30)
        await bench.until(lambda: edge.clock.sync_age() < 60, 15)
        before, versions = bench.openings_on_the_wire(), dict(edge.store.least_versions)
        bound = edge.clock.latest_cloud_ms() - edge.clock.boot_seconds() * 1000
        for _ in range(rounds):
            for message in (used, withheld, late, *forged_commands(
                bench, cloud.session, door, bench.box(door).occupancy
            )):  # fmt: skip
                cloud.say(Leaf.COMMANDS, message)
                cloud.say(Leaf.COMMANDS, message, retain=True)
            for message in forged_documents(bench, epoch, older):
                cloud.say(Leaf.DESIRED, message)
            for message in forged_acks(bench, Session(epoch=epoch, n=cloud.session.n)):
                cloud.say(Leaf.ACK, message)
        await bench.until(lambda: edge.uplink.connected, 30)
        await commanded(bench, cloud, "05", id="fe" * 8)
        assert bench.openings_on_the_wire() == before + 1, "only the genuine one, after all the others"
        alarms = {
            (e.data["fault"], e.data["subject"]) for e in await bench.events() if e.type == "FaultRaised"
        }
        assert {("bad_proof", "commands"), ("bad_proof", "desired"), ("bad_proof", "ack")} <= alarms
        assert edge.store.least_versions == versions
        assert edge.store.through <= edge.store.seq
        drift = edge.clock.latest_cloud_ms() - edge.clock.boot_seconds() * 1000 - bound
        assert abs(drift) < 60_000, "no forged time was believed"


@pytest.mark.row("S10")
@pytest.mark.parametrize("kind", ["mosquitto", "nats"])
@pytest.mark.parametrize("rounds", [1, pytest.param(100, marks=[pytest.mark.hard, pytest.mark.timeout(600)])])
async def test_s10_whoever_owns_the_broker_opens_nothing_and_raises_an_alarm(tmp_path, kind, rounds):
    await owned_broker(tmp_path, kind, rounds)
