"""Faults that were open when the program went down: none is lost, and none stays open for ever."""

import asyncio
import time
from dataclasses import replace

from config.contract.codes import SHORT_BADGE_S, BadgeRight
from config.contract.events import FaultCleared, FaultRaised
from config.contract.faults import FAULTS
from config.contract.messages import DocumentName
from config.contract.topics import Leaf
from controller import health
from controller.store import Change

OF_THE_CLOUD = {"offline", "clock_unknown"}
"""No cabinet says that of itself."""
IS_NOT_SO = [
    ("board_silent", "locks"), ("board_silent", "locks-of-old"), ("bus_lost", "rs485"), ("bus_lost", "usb"),
    ("reader_lost", "qr"), ("thermometer_silent", "probe-of-old"), ("too_warm", "zone-of-old"),
    ("cold_hold", "zone-of-old"), ("door_left_open", "01"), ("door_forced", "01"), ("switch_flapping", "02"),
    ("compartment_unclear", "01"), ("wiring_unproven", "01"), ("door_stuck", "99"),
    ("store_failing", "store"), ("disk_full", "store"), ("safe_mode", "cabinet"),
    ("goods_unclaimed", "01"), ("goods_missing", "01"), ("beam_blind", "02"),
    ("tampered", "back-of-old"), ("tilted", "level-of-old"), ("input_silent", "card-of-old"),
    ("indicator_silent", "lamps-of-old"), ("output_stays_on", "locks"),
    ("records_restored", "store"), ("guessing", "keypad"), ("file_refused", "cabinet"),
]  # fmt: skip
"""Ended by what is seen after the start, without anybody doing anything."""
WANTS = [
    ("door_stuck", "01"), ("someone_inside", "cabinet"), ("opened_by_order", "cabinet"), ("fork", "0" * 16),
    ("bad_proof", "desired"),
]  # fmt: skip
"""Ended by a door that opens, by somebody with a badge, or by a message that holds."""


def test_every_fault_has_a_way_out():
    assert {fault for fault, _ in (*IS_NOT_SO, *WANTS)} == FAULTS.keys() - OF_THE_CLOUD


async def restarted_with(bench, faults):
    told = tuple(FaultRaised(fault=fault, subject=subject, detail="before") for fault, subject in faults)
    await bench.edge.cabinet.record(Change(facts=told))
    await bench.is_killed()
    await bench.start()


async def told(bench, kind):
    """All that were raised, or cleared, in order."""
    facts = [event.fact() for event in await bench.events()]
    return [(fact.fault, fact.subject) for fact in facts if isinstance(fact, kind)]


async def test_what_is_not_so_any_more_ends_by_itself_after_the_start(bench, monkeypatch):
    monkeypatch.setattr(health, "QUIET_S", 0.2)
    await restarted_with(bench, [*IS_NOT_SO, *WANTS])
    await bench.until(lambda: bench.edge.store.open_faults.keys() == set(WANTS))
    assert sorted(await told(bench, FaultCleared)) == sorted(IS_NOT_SO)


async def test_the_rest_ends_by_a_door_that_opens_a_badge_and_a_message_that_holds(bench):
    order = await bench.loaded()
    await restarted_with(bench, WANTS)
    assert (await bench.edge.entrance.typed(order.code)).door == "01"
    await bench.collect("01")
    now = int(time.time())
    badge = bench.cloud.badge(exp=now + SHORT_BADGE_S, iat=now, right=BadgeRight.SERVICE)
    assert (await bench.edge.entrance.scanned(badge)).kind == "service"
    document = bench.cloud.document(
        DocumentName.PARCELS, bench.cloud.parcels_document(), bench.edge.store.epoch
    )
    await bench.edge.uplink._take(Leaf.DESIRED, document)
    assert bench.edge.store.open_faults == {}
    assert sorted(await told(bench, FaultCleared)) == sorted(WANTS)


async def test_what_is_still_so_stays_open_and_is_not_told_twice(bench):
    bench.served.cabinet.force("03")
    await bench.until(lambda: bench.edge.health.has("door_forced", "03"))
    await bench.served.cut("rs485")
    await bench.until(lambda: bench.edge.health.has("bus_lost", "rs485"))
    await bench.is_killed()
    await bench.start()
    await bench.edge.health.look()
    assert bench.edge.health.has("bus_lost", "rs485")
    assert bench.edge.health.has("door_forced", "03")
    raised = await told(bench, FaultRaised)
    assert raised.count(("bus_lost", "rs485")) == raised.count(("door_forced", "03")) == 1
    assert {"door_forced", "bus_lost"} <= {fact.fault for fact in bench.edge.health.told_again()}


async def test_a_door_that_jammed_is_told_as_mended_when_it_opens(bench):
    order = await bench.loaded()
    door = bench.door_of(order)
    await bench.served.fault("latch_jammed", door)
    await bench.edge.entrance.typed(order.code)
    await bench.until(lambda: bench.box(door).rest_until > 0)  # the fault is told a moment sooner
    assert bench.edge.health.has("door_stuck", door)
    await bench.served.repair("latch_jammed", door)
    bench.edge.cabinet.boxes[door] = replace(bench.box(door), rest_until=0.0)
    assert (await bench.edge.entrance.typed(order.code)).kind == "opening"
    await bench.collect(door)
    assert ("door_stuck", door) in await told(bench, FaultCleared)


async def test_a_fault_does_not_end_by_a_door_that_is_not_yet_known_to_have_it(bench, monkeypatch):
    commit, written = bench.edge.store.commit, asyncio.Event()

    async def slow(change, stamp):
        await commit(change, stamp)
        if any(isinstance(fact, FaultRaised) for fact in change.facts):
            written.set()
            await asyncio.sleep(0.05)  # on its way back from the disk's thread

    monkeypatch.setattr(bench.edge.store, "commit", slow)
    bench.served.cabinet.force("03")
    await asyncio.wait_for(written.wait(), 10)
    await bench.edge.health.look()
    assert bench.edge.health.has("door_forced", "03")
    assert ("door_forced", "03") not in await told(bench, FaultCleared)


async def test_a_door_that_was_shut_while_nobody_watched_is_left_open_no_more(bench):
    bench.edge.cabinet.rules = replace(bench.edge.cabinet.rules, left_open_alarm_s=0.1)
    bench.served.cabinet.force("03")
    await bench.until(lambda: bench.edge.health.has("door_left_open", "03"))
    await bench.is_killed()
    await bench.served.close("03")
    await bench.start()
    await bench.until(lambda: not bench.edge.health.has("door_left_open", "03"))
    assert bench.edge.health.has("door_forced", "03")
