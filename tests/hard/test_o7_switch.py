"""A door switch that lies: a good code still pulses, an alarm is raised, and the lie makes few events."""

import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from config.contract.events import Fact, FaultRaised
from controller import visit
from controller.doors import Reading
from controller.visit import Ask, Box, Pulsed, Purpose, Rules, State, Step
from tests.edge.bench import Bench, Order, cabinet_file
from tests.proofs import Reached

RULES = Rules()
WINDOW_S = 10
"""Within this a switch that is broken is told from a person in a hurry."""
RATES = [50, 1, 2, 4, 7, 13, 20, 25, 26, 49, 51, 75, 100, 150, 0.5, 3, 5, 10, 33, 40, 60, 66, 99]
"""Changes a second. Under one the switch cannot be told from a person: the door counts as forced."""
ALARMS = {
    "switch_broken_open": {"door_forced"},
    "switch_broken_closed": {"door_stuck"},
    "switch_flapping": {"switch_flapping"},
}


async def typed_and_pulsed(bench: Bench, order: Order) -> None:
    """The resident's code is answered with a pulse, and the door springs open."""
    door = bench.door_of(order)
    before = bench.pulses_at(door)
    answer = await bench.edge.entrance.typed(order.code)
    assert (answer.kind, answer.door) == ("opening", door)
    assert await bench.served.wait(door, "open", 5)
    assert bench.pulses_at(door) > before


def most_within(moments: list[float], seconds: float) -> int:
    """The most that fell into any stretch of so many seconds."""
    return max((sum(0 <= at - first < seconds for at in moments) for first in moments), default=0)


async def lies(
    folder: Path, cause: str, rates: list[float], watch_s: float, reached: Reached, **how: Any
) -> None:
    bench = Bench(folder, cabinet_file(len(rates)), **how)
    await bench.plug_in()
    try:
        await bench.start()
        orders = [await bench.loaded() for _ in rates]
        told: dict[str, list[float]] = defaultdict(list)
        alarms: dict[str, set[str]] = defaultdict(set)

        def heard(changed: Any) -> None:
            for fact in changed.facts:
                label = fact.box.label if hasattr(fact, "box") else getattr(fact, "subject", "")
                told[label].append(time.monotonic())
                if isinstance(fact, FaultRaised):
                    alarms[label].add(fact.fault)

        bench.edge.cabinet.listen(heard)
        for order, rate in zip(orders, rates, strict=True):
            await bench.served.fault(cause, bench.door_of(order), rate)
        began = time.monotonic()
        await bench.until(lambda: time.monotonic() - began > watch_s, watch_s + 5)
        doors = [bench.door_of(order) for order in orders]
        most = max(most_within(told[door], WINDOW_S) for door in doors)
        rate = max(len(told[door]) for door in doors) / watch_s
        figure = f"{most} in {WINDOW_S} s, {rate:.2f} a second over {watch_s:.0f} s, {len(rates)} doors"
        reached("O7", goal=f"{cause}: ≤ 10 events in 10 s and door", figure=figure)
        assert most <= WINDOW_S
        for order in orders:
            await typed_and_pulsed(bench, order)
        await bench.until(lambda: alarms[doors[0]] >= ALARMS[cause], 60)
        await bench.until(lambda: all(alarms[door] for door in doors), 60)
    finally:
        await bench.stop()
        bench.served.unplug()


@pytest.mark.row("O7")
@pytest.mark.parametrize("cause", ALARMS)
async def test_o7_a_switch_that_lies_keeps_nobody_from_their_goods(tmp_path, cause, reached):
    await lies(tmp_path, cause, [50], 3, reached, poll_s=0.15)


def visited(seconds: float, rest_s: float) -> tuple[Box, list[tuple[float, Fact]]]:
    """A door that was seen open at 1.0 and says something else at every reading from then on."""
    lies = Box("01", State.OCCUPIED, occupancy="a" * 16 + "-1", order="a" * 16, parcel="b" * 16)
    box = visit.door_read(lies, Reading(False, 0.0), 0.0, RULES).box
    asked = visit.ask(box, Ask(1, Purpose.COLLECT, "code", box.occupancy), 0.5, RULES)
    assert isinstance(asked, Step)
    box, told = visit.pulsed(asked.box, Pulsed(1, 1, 0.5)).box, []
    for n in range(int(seconds / rest_s)):
        at = 1.0 + n * rest_s
        read = visit.door_read(box, Reading(n % 2 == 0, at), at, RULES)
        ticked = visit.tick(read.box, at, RULES)
        box, told = ticked.box, [*told, *((at, fact) for fact in (*read.facts, *ticked.facts))]
    return box, told


@pytest.mark.row("O7")
@pytest.mark.parametrize("rest_s", [0.02, 0.15, 0.5])
def test_o7_a_door_that_is_open_and_then_flickers_is_nobodys_for_ever(rest_s):
    """The visit ends as one whose door was left open; then its owner and the service get in again."""
    box, told = visited(122.0, rest_s)
    assert (box.state, box.opening) == (State.CHECKING, None)
    assert most_within([at for at, _ in told], WINDOW_S) <= 10
    faults = [fact.fault for _, fact in told if isinstance(fact, FaultRaised)]
    assert faults == ["switch_flapping", "compartment_unclear"]
    for wish in (
        Ask(2, Purpose.SERVICE, "badge", box.occupancy),
        Ask(2, Purpose.COLLECT, "code", box.occupancy),
    ):
        assert isinstance(visit.ask(box, wish, 200.0, RULES), Step)
    assert visited(119.0, rest_s)[0].opening is not None


@pytest.mark.hard
@pytest.mark.row("O7")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("poll_s", [0.02, 0.15])
@pytest.mark.parametrize("cause", ALARMS)
async def test_o7_it_makes_no_more_than_an_event_a_second_however_fast_it_flickers(
    tmp_path, cause, poll_s, reached
):
    await lies(tmp_path, cause, RATES, 60, reached, poll_s=poll_s)
