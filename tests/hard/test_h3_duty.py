"""Whoever asks, and however fast: a coil rests three times as long as it was on, and a supply feeds one.

A technician's badge opens everything, so that nothing but the rests stands between a thousand requests and as
many pulses; a resident keeps typing the code of a door that jams. What happened is read off the boards.
"""

import asyncio
import time
from itertools import pairwise
from pathlib import Path

import pytest

from config.contract.codes import SHORT_BADGE_S, BadgeRight
from controller.visit import Rules
from simulators.cabinet import Energised
from tests.edge.bench import Bench, cabinet_file

BOXES = 6
REQUESTS = 1000
AT_MOST, WITHIN_S = 3, 60.0
ROUNDING_S = 0.005
"""The rest is counted from the answer of the board, which comes after the coil is on."""


def pulses_at(bench: Bench, label: str) -> list[Energised]:
    return list(bench.served.cabinet.compartment(label).energised)


async def asks_for_every_door(bench: Bench, requests: int) -> None:
    """A technician goes from door to door and back, and shuts whatever springs open."""
    labels = [label for label in bench.edge.cabinet.boxes if label != "01"]
    for number in range(requests):
        await bench.edge.entrance.typed(labels[number % len(labels)])
        for label in bench.served.cabinet.standing_open():
            bench.served.cabinet.close(label)
        await asyncio.sleep(0.005)


def shortest_rest(pulses: list[Energised]) -> float:
    """How long a coil was off between two pulses, in times of the one before; the least of all."""
    rests = [
        (after.on_at - before.off_at, before.off_at - before.on_at) for before, after in pairwise(pulses)
    ]
    return min(((rest + ROUNDING_S) / lasted for rest, lasted in rests), default=float("inf"))


@pytest.mark.row("H3")
async def test_h3_a_thousand_requests_leave_every_coil_its_rest(tmp_path: Path, reached) -> None:
    bench = Bench(tmp_path, cabinet_file(BOXES, 115200))
    await bench.plug_in()
    try:
        await bench.start()
        await bench.hand_over()
        now = int(time.time())
        badge = bench.cloud.badge(exp=now + SHORT_BADGE_S, iat=now, right=BadgeRight.SERVICE)
        assert (await bench.edge.entrance.scanned(badge)).kind == "service"
        await asks_for_every_door(bench, REQUESTS)
        await asyncio.sleep(1.0)
    finally:
        await bench.stop()
    coils = [pulses_at(bench, label) for label in bench.edge.cabinet.boxes]
    in_turn = sorted((pulse for coil in coils for pulse in coil), key=lambda pulse: pulse.on_at)
    overlaps = sum(after.on_at < before.off_at for before, after in pairwise(in_turn))
    rest = min(map(shortest_rest, coils))
    reached("H3", goal="off ≥ 3 × on", figure=f"{rest:.2f} × over {len(in_turn)} pulses")
    reached("H3", goal="one coil of a supply at a time", figure=f"{overlaps} overlaps")
    assert rest >= 3.0
    assert overlaps == 0
    assert len(in_turn) > 2 * BOXES


@pytest.mark.row("H3")
@pytest.mark.parametrize("jammed", [False, True])
async def test_h3_no_coil_gets_more_than_its_share_of_a_minute(tmp_path: Path, jammed: bool, reached) -> None:
    bench = Bench(tmp_path, cabinet_file(BOXES, 115200), pulses_a_minute=AT_MOST)
    await bench.plug_in()
    try:
        await bench.start()
        await bench.hand_over()
        now = int(time.time())
        badge = bench.cloud.badge(exp=now + SHORT_BADGE_S, iat=now, right=BadgeRight.SERVICE)
        await bench.edge.entrance.scanned(badge)
        if jammed:
            for label in bench.edge.cabinet.boxes:
                await bench.served.fault("latch_jammed", label)
        await asks_for_every_door(bench, REQUESTS)
        await bench.until(lambda: all(box.opening is None for box in bench.edge.cabinet.boxes.values()))
        pulses = {label: len(pulses_at(bench, label)) for label in bench.edge.cabinet.boxes}
        refused = await bench.edge.entrance.typed("02")
        await bench.edge.entrance.inside()
        await bench.until(lambda: len(pulses_at(bench, "02")) > pulses["02"])
    finally:
        await bench.stop()
    reached("H3", goal="≤ 3 pulses in 60 s", figure=f"{max(pulses.values())} for {REQUESTS} requests")
    assert max(pulses.values()) == AT_MOST
    assert refused.refusal == "lock_rests"


@pytest.mark.row("H3")
async def test_h3_a_door_that_jams_gets_three_pulses_and_then_a_long_rest(tmp_path: Path, reached) -> None:
    bench = Bench(tmp_path, cabinet_file(BOXES, 115200), pulses_a_minute=AT_MOST)
    await bench.plug_in()
    try:
        await bench.start()
        order = await bench.loaded()
        door = bench.door_of(order)
        before = len(pulses_at(bench, door))
        await bench.served.fault("latch_jammed", door)
        refused = 0
        for _ in range(REQUESTS):
            refused += (await bench.edge.entrance.typed(order.code)).kind == "refused"
        await bench.becomes(door, "occupied")
        for _ in range(10):
            assert (await bench.edge.entrance.typed(order.code)).refusal in ("door_stuck", "lock_rests")
    finally:
        await bench.stop()
    pulses = len(pulses_at(bench, door)) - before
    figure = f"{before} + {pulses} pulses for {REQUESTS} requests, {refused} of them refused"
    reached("H3", goal="≤ 3 pulses in 60 s", figure=figure)
    assert before + pulses == AT_MOST
    assert Rules().rest_s > WITHIN_S
