"""Garbage, 256 KiB and nesting bombs, also with a MAC that holds: no thread and no loop dies of it."""

import asyncio
import random
from pathlib import Path

import pytest

from config.contract import signing
from config.contract.messages import Ack
from config.contract.topics import Leaf, topic
from tests.hard.behind_a_network import behind_a_network
from tests.service.conftest import started

DOWN = (Leaf.ACK, Leaf.DESIRED, Leaf.COMMANDS)
UP = (Leaf.STATUS, Leaf.SYNC, Leaf.EVENTS, Leaf.REPORTED, Leaf.TELEMETRY)
LARGE = 256 * 1024


def garbage(luck: random.Random, good: bytes) -> bytes:
    """Noise, bombs, things of the wrong type, and a good message with bytes changed, cut or doubled."""
    at = luck.randrange(len(good))
    return luck.choice(
        [
            luck.randbytes(luck.randrange(200)),
            b"[" * luck.choice((2000, LARGE)),
            b'{"a":' * luck.choice((2000, LARGE // 5)),
            b"x" * LARGE,
            luck.choice(
                (b"", b"\n", b"{}", b"null\nnull", b"[]\n[]", b"1e999", b'"\\ud800"', b"\xff\xfe\n\xff")
            ),
            good[:at] + luck.randbytes(1) + good[at + 1 :],
            good[:at],
            good + good,
        ]
    )


async def at_the_edge(folder: Path, kind: str, number: int) -> None:
    luck = random.Random(kind)
    async with behind_a_network(folder, kind) as (bench, cloud, _, _):
        ack = Ack(
            session=cloud.session, nonce="a" * 16, epoch=cloud.session.epoch, through=1, cloud_time_ms=1
        )
        good = {
            Leaf.ACK: ack.body(),
            Leaf.DESIRED: bench.cloud.document(
                "parcels", bench.cloud.parcels_document(), cloud.session.epoch
            ),
            Leaf.COMMANDS: bench.cloud.open_door(cloud.session, "01", None),
        }
        for n in range(number):
            leaf = luck.choice(DOWN)
            body = garbage(luck, good[leaf])
            if luck.random() < 0.5:
                body = signing.mac(bench.cloud.cabinet, leaf, body)
            elif luck.random() < 0.3:
                body = signing.seal(bench.cloud.cabinet, "desired", body)
            cloud.say(leaf, body)
            if n % 20 == 0:
                await asyncio.sleep(0.02)
        await bench.hand_over()
        last = bench.edge.store.seq
        await bench.until(lambda: bench.edge.store.through >= last, 60)
        assert bench.edge.uplink.connected
        assert bench.openings_on_the_wire() == 0
        assert bench._task is not None
        assert not bench._task.done()


async def at_the_cloud(folder: Path, number: int) -> None:
    luck = random.Random(1)
    async with started(folder) as service:
        cabinet = await service.connected()
        good = [cabinet.batch(cabinet.event("InsideCalled")).body(), cabinet.status().body()]
        for _ in range(number):
            leaf, body = luck.choice(UP), garbage(luck, luck.choice(good))
            if luck.random() < 0.5:
                body = signing.mac(cabinet.keys, leaf, body)
            try:  # at QoS 0, or the library would say again for ever what the broker does not accept
                where = topic(cabinet.id, leaf)
                await asyncio.to_thread(cabinet.mqtt.publish, where, body, qos=0)
            except RuntimeError:  # the broker has thrown us out
                await asyncio.to_thread(cabinet.close)
                await asyncio.to_thread(cabinet.connect, say_hello=False)
        assert service.parts.downlink.is_up
        assert service.parts.downlink.faults == 0
        again = service.as_cabinet(cabinet.identity, cabinet.file, epoch="e" * 16)
        await asyncio.to_thread(again.connect)
        assert (await asyncio.to_thread(again.tell, again.event("InsideCalled"))).through == 1


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
async def test_no_payload_ends_the_edge(tmp_path, kind):
    await at_the_edge(tmp_path, kind, 200)


async def test_no_payload_ends_the_cloud(tmp_path):
    await at_the_cloud(tmp_path / "cloud", 40)


@pytest.mark.hard
@pytest.mark.row("G3")
@pytest.mark.timeout(1200)
async def test_g3_ten_thousand_payloads_end_neither_side(tmp_path, reached):
    await at_the_edge(tmp_path, "mosquitto", 10_000)
    await at_the_cloud(tmp_path / "cloud", 10_000)
    reached("G3", goal="neither side ends", figure="neither in 10,000 payloads each", seed=1)
