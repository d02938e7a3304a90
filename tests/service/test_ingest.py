"""What a cabinet tells is stored once, in order, and acknowledged only then."""

import asyncio
import queue

import pytest

from cloud.store import cabinets, events
from config.contract import signing
from config.contract.messages import Telemetry
from config.contract.topics import Leaf
from tests.service.conftest import Service, until
from tests.service.fake_cabinet import FakeCabinet, Stay, box

to = asyncio.to_thread


async def stored(service: Service) -> list[tuple[int, str]]:
    async with service.parts.store.reading() as db:
        return [(row["seq"], row["type"]) for row in await events.page(db, after=0, limit=500)]


def closed(cabinet: FakeCabinet, label: str = "01") -> bytes:
    return cabinet.event("DoorClosed", label, box=box(label))


async def test_a_batch_is_acknowledged_and_stored_on_both_brokers(on_both_brokers: Service) -> None:
    cabinet = await on_both_brokers.connected()
    ack = await to(cabinet.tell, closed(cabinet), closed(cabinet, "02"))
    assert (ack.through, ack.verdict, ack.epoch) == (2, "ok", cabinet.epoch)
    assert await stored(on_both_brokers) == [(1, "DoorClosed"), (2, "DoorClosed")]


async def test_a_sync_is_answered_with_the_time_and_how_far_the_cloud_is(service: Service) -> None:
    cabinet = await service.connected()
    await to(cabinet.tell, closed(cabinet))
    ack = await to(cabinet.sync)
    assert (ack.through, ack.session) == (1, cabinet.session)
    assert ack.cloud_time_ms > 1_700_000_000_000


async def test_repeats_are_dropped_and_acknowledged(service: Service) -> None:
    cabinet = await service.connected()
    batch = cabinet.batch(closed(cabinet), closed(cabinet))
    acks = [await to(cabinet.send, batch) for _ in range(3)]
    assert [ack.through for ack in acks] == [2, 2, 2]
    assert [seq for seq, _ in await stored(service)] == [1, 2]


async def test_a_batch_that_overlaps_adds_only_what_is_new(service: Service) -> None:
    cabinet = await service.connected()
    lines = [closed(cabinet) for _ in range(4)]
    start = signing.CHAIN_START
    await to(cabinet.send, cabinet.batch(*lines[:2], first=1, head=start))
    ack = await to(cabinet.send, cabinet.batch(*lines, first=1, head=start))
    assert ack.through == 4
    assert [seq for seq, _ in await stored(service)] == [1, 2, 3, 4]


async def test_a_gap_is_refused_with_the_current_ack(service: Service) -> None:
    cabinet = await service.connected()
    await to(cabinet.tell, closed(cabinet))
    ack = await to(cabinet.send, cabinet.batch(closed(cabinet), first=3, head="ab" * 32))
    assert (ack.through, ack.verdict) == (1, "ok")
    assert [seq for seq, _ in await stored(service)] == [1]


@pytest.mark.parametrize("repeats_all", [True, False])
async def test_another_history_is_put_aside_and_called_a_fork(service: Service, repeats_all: bool) -> None:
    cabinet = await service.connected()
    await to(cabinet.tell, closed(cabinet), closed(cabinet), closed(cabinet))
    clone = service.as_cabinet(cabinet.identity, cabinet.file, epoch=cabinet.epoch)
    await to(clone.connect, say_hello=False)
    lines = [closed(clone, "09") for _ in range(2 if repeats_all else 5)]
    ack = await to(clone.send, clone.batch(*lines, first=1, head=signing.CHAIN_START))
    assert (ack.verdict, ack.through) == ("fork", 3)
    assert len(await stored(service)) == 3
    assert [alarm["fault"] for alarm in await service.parts.fleet.alarms()] == ["fork"]


async def test_a_fork_goes_on_under_a_new_epoch(service: Service) -> None:
    cabinet = await service.connected()
    await to(cabinet.tell, closed(cabinet))
    anew = service.as_cabinet(cabinet.identity, cabinet.file)
    await to(anew.connect)
    assert (await to(anew.tell, closed(anew, "05"))).through == 1
    assert len(await stored(service)) == 2


async def test_a_bad_mac_is_not_acknowledged_and_raises_an_alarm(service: Service) -> None:
    cabinet = await service.connected()
    batch = cabinet.batch(closed(cabinet))
    message = signing.mac(cabinet.keys, Leaf.EVENTS, batch.body())
    await to(cabinet.publish, Leaf.EVENTS, message.replace(b"DoorClosed", b"DoorForced"))

    async def alarmed() -> bool:
        return [a["fault"] for a in await service.parts.fleet.alarms("garden-east-1")] == ["bad_proof"]

    await until(alarmed)
    with pytest.raises(queue.Empty):
        await to(cabinet.ack, batch.head.nonce, 0.3)
    assert await stored(service) == []


@pytest.mark.parametrize(
    "payload",
    [b"", b"\n", b"garbage", b"[" * 60_000, b'{"v":2,"purpose":"events","proof":"x"}\n{}', b"x" * 200_000],
)
async def test_garbage_on_the_wire_stops_nothing(service: Service, payload: bytes) -> None:
    cabinet = await service.connected()
    for leaf in (Leaf.EVENTS, Leaf.STATUS, Leaf.SYNC, Leaf.REPORTED, Leaf.TELEMETRY):
        await to(cabinet.publish, leaf, payload)
    assert (await to(cabinet.tell, closed(cabinet))).through == 1


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"\xff\xfe",
        b'{"type":"DoorClosed"}',
        b"[" * 5000,
        pytest.param(None, id="a type of tomorrow"),
    ],
)
async def test_an_event_that_cannot_be_read_is_kept_raw_and_acknowledged(
    service: Service, line: bytes | None
) -> None:
    cabinet = await service.connected()
    strange = cabinet.event("DoorSang", "01", song="la") if line is None else line
    if line is not None:
        cabinet.seq += 1
    ack = await to(cabinet.tell, strange)
    ack = await to(cabinet.tell, closed(cabinet))
    assert ack.through == 2
    assert await stored(service) == [(1, ""), (2, "DoorClosed")]
    told = (await service.http.get("/v1/events")).json()["events"]
    assert told[0]["raw"] == strange.decode("utf-8", "backslashreplace")
    async with service.parts.store.reading() as db:
        assert [cursor["undecodable"] for cursor in await cabinets.cursors_of(db, [cabinet.id])] == [1]


async def test_an_event_under_another_number_is_not_believed(service: Service) -> None:
    cabinet = await service.connected()
    line = closed(cabinet).replace(b'"seq":1', b'"seq":7')
    assert (await to(cabinet.tell, line)).through == 1
    assert await stored(service) == [(1, "")]


async def test_compartments_and_parcels_follow_the_events(service: Service) -> None:
    cabinet = await service.connected()
    order = (await service.order()).json()
    stay = Stay("03", f"{cabinet.epoch}-1", order["order"], order["parcels"][0]["parcel"])
    await to(cabinet.tell, stay.deposited(cabinet))
    seen = (await service.http.get(f"/v1/orders/{order['order']}")).json()
    assert (seen["state"], seen["parcels"][0]["compartment"]) == ("ready", "03")
    await to(cabinet.tell, stay.collected(cabinet))
    seen = (await service.http.get(f"/v1/orders/{order['order']}")).json()
    assert (seen["state"], seen["code"], seen["qr"]) == ("collected", None, None)
    assert None not in [seen["parcels"][0][name] for name in ("deposited_ms", "collected_ms")]
    boxes = (await service.http.get("/v1/cabinets/garden-east-1")).json()["compartments"]
    assert next(b["state"] for b in boxes if b["label"] == "03") == "vacant"


async def test_faults_are_raised_and_cleared(service: Service) -> None:
    cabinet = await service.connected()
    fault = {"fault": "door_stuck", "subject": "03"}
    await to(cabinet.tell, cabinet.event("FaultRaised", "03", **fault, detail="3 pulses"))
    assert [a["detail"] for a in await service.parts.fleet.alarms()] == ["3 pulses"]
    await to(cabinet.tell, cabinet.event("FaultCleared", "03", **fault))
    assert await service.parts.fleet.alarms() == []
    again = (cabinet.event("FaultRaised", "03", **fault), cabinet.event("FaultCleared", "03", **fault))
    await to(cabinet.tell, *again, cabinet.event("FaultRaised", "03", **fault))
    assert len(await service.parts.fleet.alarms()) == 1


async def test_telemetry_is_taken_and_forgotten(service: Service) -> None:
    cabinet = await service.connected()
    await to(cabinet.say, Leaf.TELEMETRY, Telemetry(session=cabinet.session, at_ms=1, samples={"a": 0.5}))
    assert (await to(cabinet.tell, closed(cabinet))).through == 1
