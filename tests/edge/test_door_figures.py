"""What is counted of each door: times, second pulses, switches that take back what they said."""

import asyncio

import pytest

from controller.door_figures import LATEST, Figures, summary
from controller.doors import Door, DoorState, Reading, bounced, read


def test_the_latest_times_are_kept_and_all_openings_counted():
    door = Figures()
    for ms in range(100, 100 + LATEST + 5):
        door = door.opened(1, ms)
    assert (door.openings, len(door.open_ms), door.open_ms[-1]) == (LATEST + 5, LATEST, 100 + LATEST + 4)


def test_second_pulses_and_doors_that_stayed_shut_are_counted():
    door = Figures().opened(1, 90).opened(3, 110).failed(3)
    assert (door.openings, door.retries, door.failures, door.typical_ms) == (2, 4, 1, 100.0)


def test_a_cabinet_in_sum_names_its_slowest_door():
    told = summary([Figures().opened(1, 90), Figures().opened(2, 400), Figures()])
    assert (told["doors.openings"], told["doors.retries"], told["doors.slowest_ms"]) == (2.0, 1.0, 400.0)
    assert summary([])["doors.slowest_ms"] == 0.0


@pytest.mark.parametrize(
    ("readings", "bounces"), [((True, False), 1), ((True, True), 0), ((False, False), 0)]
)
def test_a_reading_that_the_next_one_takes_back_is_a_bounce(readings, bounces):
    door, counted = Door(DoorState.CLOSED), 0
    for at, is_open in enumerate(readings):
        after, _ = read(door, Reading(is_open, float(at)), expected=False)
        counted += bounced(door, after)
        door = after
    assert counted == bounces


async def test_a_door_that_needs_all_its_pulses_shows_in_the_telemetry_and_after_a_restart(bench):
    order = await bench.loaded()
    door = bench.door_of(order)
    await bench.served.fault("latch_jammed", door)
    await bench.edge.entrance.typed(order.code)
    await bench.until(lambda: bench.edge.figures.doors[door].failures == 1)
    told = bench.edge.figures.samples()
    assert told[f"door.{door}.failures"] == 1.0
    assert told[f"door.{door}.retries"] == 2.0
    assert told["doors.openings"] == 1.0, "the courier's"
    before = bench.edge.figures.doors[door]
    await bench.stop()
    await bench.start()
    assert bench.edge.figures.doors[door] == before
    assert bench.edge.figures.kept() == {}


async def test_a_switch_that_springs_back_is_counted_at_its_door(bench):
    cabinet = bench.edge.cabinet
    async with asyncio.timeout(20):
        while bench.edge.figures.doors["02"].bounces == 0:
            now = bench.edge.clock.now()
            await cabinet.read([("02", Reading(True, now)), ("02", Reading(False, now))])
    assert bench.edge.figures.doors["03"].bounces == 0
