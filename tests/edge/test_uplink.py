"""The edge and its cloud over a real broker: what is lost, repeated, late, old or forged does no harm."""

import asyncio
import sys
import time

import pytest

from config.contract.messages import Ack, DocumentName, Session
from config.contract.signing import mac
from config.contract.topics import Leaf
from tests.edge.far_side import Broker, Cloud

edge_bench = sys.modules["edge_bench"]


@pytest.fixture(params=["nats", "mosquitto"])
def broker(request, tmp_path):
    broker = Broker(request.param, tmp_path)
    broker.start()
    yield broker
    broker.thaw()
    broker.kill()


@pytest.fixture
async def online(tmp_path, broker):
    bench = edge_bench.Bench(tmp_path, edge_bench.cabinet_file(), reconnect_s=0.5, sync_s=1)
    bench.broker_url = broker.url
    cloud = Cloud(bench.cloud, broker.url)
    await bench.plug_in()
    await bench.start()
    await bench.until(lambda: bench.edge.store.through > 0)
    yield bench, cloud
    await bench.stop()
    bench.served.unplug()
    cloud.stop()


async def drained(bench, cloud, seconds=15.0):
    """All that has happened so far is in the cloud, once, in order, to the byte."""
    store = bench.edge.store
    last = store.seq
    await bench.until(lambda: store.through >= last, seconds)
    rows = await store.events_after(0, last, 1 << 30)
    assert [cloud.kept[n + 1] for n in range(last)] == list(rows.lines)


async def test_every_event_reaches_the_cloud_once_and_in_order(online):
    bench, cloud = online
    order = await bench.loaded()
    await bench.edge.entrance.typed(order.code)
    await bench.collect(bench.door_of(order))
    await drained(bench, cloud)


async def test_a_cloud_that_comes_after_the_edge_is_told_within_seconds(tmp_path, broker):
    bench = edge_bench.Bench(tmp_path, edge_bench.cabinet_file())
    bench.broker_url = broker.url
    await bench.plug_in()
    await bench.start()
    await bench.until(lambda: bench.edge.uplink.connected)
    await asyncio.sleep(0.5)  # its first sync is heard by nobody, and the next would be due in half a minute
    cloud = Cloud(bench.cloud, broker.url)
    came = time.monotonic()
    try:
        await bench.until(lambda: bench.edge.store.through > 0)
        assert time.monotonic() - came < 8
    finally:
        await bench.stop()
        bench.served.unplug()
        cloud.stop()


async def test_a_birth_is_told_and_a_death_by_the_last_will_of_that_session(online):
    bench, cloud = online
    assert cloud.statuses[0].state == "online"
    born = cloud.statuses[0].session
    await bench.stop()
    await bench.until(lambda: cloud.statuses[-1].state == "offline")
    assert cloud.statuses[-1].session == born


async def test_a_pickup_while_the_broker_is_gone_is_told_when_it_is_back(online, broker):
    bench, cloud = online
    order = await bench.loaded()
    broker.kill()
    await bench.until(lambda: not bench.edge.uplink.connected, 10)
    await bench.edge.entrance.typed(order.code)
    door = bench.door_of(order)
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    broker.start()
    await drained(bench, cloud)


async def test_a_broker_that_forgets_everything_in_mid_stream_loses_nothing(online, broker):
    bench, cloud = online
    await bench.hand_over()
    for n in range(6):
        await bench.edge.entrance.typed(f"0000000{n % 3}")
        if n % 2:
            broker.kill()
            broker.start()
    await drained(bench, cloud, 30)


async def test_events_without_an_ack_are_sent_again_and_kept(online):
    bench, cloud = online
    cloud.deaf = True
    await bench.hand_over()
    sent = cloud.batches
    await bench.until(lambda: cloud.batches >= sent + 2, 15)
    assert bench.edge.store.through < bench.edge.store.seq
    cloud.deaf = False
    await drained(bench, cloud)


async def test_a_cloud_restored_from_a_backup_gets_what_it_lost(online):
    bench, cloud = online
    await bench.loaded()
    await drained(bench, cloud)
    for seq in [seq for seq in cloud.kept if seq > 3]:
        del cloud.kept[seq]
    await bench.until(lambda: cloud.through() == bench.edge.store.seq, 15)


async def test_a_document_is_taken_over_the_wire_and_reported(online):
    bench, cloud = online
    order = bench.cloud.expect()
    epoch = bench.edge.store.epoch
    cloud.say(Leaf.DESIRED, bench.cloud.document(DocumentName.KEYS, bench.cloud.keys(), epoch))
    parcels = bench.cloud.parcels_document()
    cloud.say(Leaf.DESIRED, bench.cloud.document(DocumentName.PARCELS, parcels, epoch))
    await bench.until(lambda: "parcels" in cloud.reported.documents)
    assert (await bench.edge.entrance.typed(order.code)).refusal == "not_loaded"


async def test_a_command_over_the_wire_opens_the_door(online):
    bench, cloud = online
    order = await bench.loaded()
    door = bench.door_of(order)
    await bench.until(lambda: bench.edge.clock.sync_age() < 10)
    deadline = int(time.time() * 1000) + 5000
    occupancy = bench.box(door).occupancy
    command = bench.cloud.open_door(cloud.session, door, occupancy, deadline_ms=deadline)
    cloud.say(Leaf.COMMANDS, command)
    await bench.collect(door)
    await bench.becomes(door, "vacant")


async def test_a_retained_an_old_and_a_forged_command_never_fire(online, broker):
    bench, cloud = online
    order = await bench.loaded()
    door = bench.door_of(order)
    before = bench.openings_on_the_wire()
    occupancy = bench.box(door).occupancy
    deadline = int(time.time() * 1000) + 60_000
    good = bench.cloud.open_door(cloud.session, door, occupancy, deadline_ms=deadline)
    await bench.stop()
    cloud.say(Leaf.COMMANDS, good, retain=True)
    cloud.say(Leaf.COMMANDS, good)
    await bench.start()
    await bench.until(lambda: bench.edge.store.through == bench.edge.store.seq, 15)
    cloud.say(Leaf.COMMANDS, good)
    cloud.say(Leaf.COMMANDS, good.replace(b'"proof":"', b'"proof":"A', 1))
    await bench.until(lambda: bench.edge.health.has("bad_proof", "commands"))
    assert bench.openings_on_the_wire() == before
    rejected = [e for e in await bench.events() if e.type == "CommandEnded"]
    assert {e.data["reason"] for e in rejected} == {"other_session"}


async def test_garbage_on_every_topic_ends_nothing(online):
    bench, cloud = online
    for leaf in (Leaf.ACK, Leaf.DESIRED, Leaf.COMMANDS):
        for garbage in (b"", b"\x00" * 4000, b"{}\n{}", b"[" * 100_000, b"x" * (256 * 1024)):
            cloud.say(leaf, garbage)
    await bench.until(lambda: bench.edge.health.has("bad_proof", "commands"))
    order = await bench.loaded()
    await bench.edge.entrance.typed(order.code)
    await bench.collect(bench.door_of(order))
    await drained(bench, cloud)


async def test_an_ack_with_a_bad_mac_or_for_another_question_prunes_nothing(online):
    bench, cloud = online
    cloud.deaf = True
    await bench.hand_over()
    through = bench.edge.store.through
    session = Session(epoch=bench.edge.store.epoch, n=cloud.session.n)
    ack = Ack(session=session, nonce="f" * 16, epoch=session.epoch, through=10**6, cloud_time_ms=1)
    cloud.say(Leaf.ACK, mac(bench.cloud.cabinet, Leaf.ACK, ack.body()))
    cloud.say(Leaf.ACK, mac(bench.cloud.cabinet, Leaf.SYNC, ack.body()))
    await bench.until(lambda: bench.edge.health.has("bad_proof", "ack"))
    assert bench.edge.store.through == through
    assert bench.edge.clock.latest_cloud_ms() > 10**12


async def test_a_broker_that_hangs_holds_up_no_door(online, broker):
    bench, _ = online
    order = await bench.loaded()
    broker.freeze()
    began = time.monotonic()
    door = bench.door_of(order)
    await bench.edge.entrance.typed(order.code)
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    assert time.monotonic() - began < 3
    broker.thaw()
    await asyncio.sleep(0)
