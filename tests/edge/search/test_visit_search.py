"""All that can happen to one compartment, in every order, against the rules that must always hold.

Breadth-first searches over the real core and its guards (see ``machine.py``): two orders, commands that are
late, lost or come twice, locks that jam, a program or a computer that dies at every step. Each search goes on
until nothing new can happen. Letting a single guard go makes it end with a trace.
"""

import time
from dataclasses import replace

import pytest
import search_machine as machine
from search_machine import OCCUPANCY_A, A, Broken, QuietCabinet
from search_search import Search
from search_situation import Extent, quarantined, vacant

from controller import visit
from controller.beams import Beam
from controller.cabinet import Cabinet
from controller.commands import Commands
from controller.doors import Door, DoorState, Reading
from controller.unlock import Unlocker
from controller.visit import (
    Ask,
    Box,
    Pulsed,
    Purpose,
    Refused,
    State,
    asking,
    beam,
    pulses,
    restart,
    switch,
    waiting,
)

pytestmark = pytest.mark.computes

RULES = machine.RULES
TWO_ORDERS = Extent(commands=0)
ONE_COMMAND_EACH = Extent(commands=2, meant=(OCCUPANCY_A, OCCUPANCY_A), courier=False)
WITH_A_BEAM = Extent(commands=0, courier=False, help=1, beam=True)
LOADED_UNDER_A_BEAM = Extent(commands=0, beam=True, start=vacant)
HELP = Extent(commands=0, courier=False, help=2, start=quarantined)
EVERYTHING = Extent()


def at_rest(world):
    """Nothing is under way, and the box is of use; one that is to be looked into wants the service."""
    box = world.box
    quiet = box is not None and box.opening is None and not world.queue and world.at_door is None
    return quiet and (box.state in (State.OCCUPIED, State.VACANT) or box.occupancy is None)


def has_help_left(world):
    return world.helped < 2


def is_of_use(world):
    return at_rest(world) and world.box.state is not State.CHECKING and not world.box.sides


@pytest.mark.parametrize(
    ("extent", "states", "rest", "counts"),
    [
        (TWO_ORDERS, set(State) - {State.UNKNOWN}, at_rest, lambda world: True),
        (HELP, {State.OCCUPIED, State.CHECKING, State.VACANT}, is_of_use, has_help_left),
        (WITH_A_BEAM, {State.OCCUPIED, State.CHECKING, State.VACANT}, at_rest, lambda world: True),
    ],
    ids=["two orders", "service, emergencies and a failing disk", "a beam sees what a resident leaves"],
)
def test_no_order_of_events_breaks_a_rule_and_a_way_leads_out_of_everything(extent, states, rest, counts):
    search = Search(extent).run()
    assert search.closed
    assert search.states >= states
    assert {"the program dies", "the pulse goes out and the lock jams"} <= search.actions
    stuck = [number for number in search.stuck(rest) if counts(search.worlds[number])]
    assert not stuck, search.trace(stuck[0])


@pytest.mark.parametrize(
    ("extent", "most"),
    [
        (TWO_ORDERS, 15_000),
        (HELP, 10_000),
        (ONE_COMMAND_EACH, 20_000),
        (LOADED_UNDER_A_BEAM, 15_000),
    ],
    ids=["two orders", "help", "two commands", "loaded under a beam"],
)
def test_the_short_search_breaks_no_rule_as_far_as_it_goes(extent, most):
    search = Search(extent, most=most).run()
    assert len(search.worlds) >= most
    if extent.commands:
        assert {"command 1 arrives", "command 2 arrives"} <= search.actions


@pytest.mark.hard
@pytest.mark.row("M1")
@pytest.mark.timeout(1200)
def test_m1_two_orders_two_commands_and_a_crash_at_every_step():
    began = time.monotonic()
    search = Search(EVERYTHING, keeps_ways=False).run()
    moments, seconds = len(search.worlds), time.monotonic() - began
    print(f"M1: {moments} moments in {seconds:.0f} s, closed: {search.closed}, 0 broke a rule")
    assert search.closed
    assert moments > 500_000


def late_is_not_withheld(monkeypatch):
    monkeypatch.setattr(Unlocker, "_reason_to_withhold", without(Unlocker._reason_to_withhold, "late"))


def superseded_is_not_withheld(monkeypatch):
    let_go = without(Unlocker._reason_to_withhold, "superseded")
    monkeypatch.setattr(Unlocker, "_reason_to_withhold", let_go)


def without(guard, reason):
    def asked(*given):
        said = guard(*given)
        return "" if said == reason else said

    return asked


def whoever_may_collect(monkeypatch):
    monkeypatch.setattr(asking, "_may_collect", lambda *_: "")


def wherever_may_be_loaded(monkeypatch):
    monkeypatch.setattr(asking, "_may_load", lambda *_: "")


def used_rights_are_forgotten(monkeypatch):
    nothing = property(lambda _: set(), lambda _, used: None)
    monkeypatch.setattr(QuietCabinet, "used", nothing, raising=False)


def intents_are_not_durable(monkeypatch):
    async def forgets(self, step, along):
        pass

    monkeypatch.setattr(Cabinet, "_commit", forgets)


def pulses_are_not_counted(monkeypatch):
    for room in (asking, waiting):
        monkeypatch.setattr(room, "pulses_left", lambda opening, now, rules: now < opening.first_pulse + 5)


def the_window_is_wide(monkeypatch):
    monkeypatch.setattr(machine, "RULES", replace(RULES, window_s=60, pulses=9))


def seen_open_is_forgotten(monkeypatch):
    again = asking._again

    def forgets(box, opening, *more):
        return again(box, replace(opening, opened_at=None, ambiguous=True), *more)

    monkeypatch.setattr(asking, "_again", forgets)


def commands_are_not_remembered(monkeypatch):
    async def never(self, command):
        return False

    monkeypatch.setattr(machine.Disk, "has_seen", never)


def any_session_will_do(monkeypatch):
    let_go = without(Commands._reason_to_reject, "other_session")
    monkeypatch.setattr(Commands, "_reason_to_reject", let_go)


def any_door_was_closed_before(monkeypatch):
    monkeypatch.setattr(Door, "reads_closed", True)


def an_earlier_pulse_is_forgotten(monkeypatch):
    monkeypatch.setattr(pulses, "unclear", lambda box, opening: visit.Step(pulses.back(box, opening)))


def a_restart_forgets_what_was_under_way(monkeypatch):
    monkeypatch.setattr(restart, "restarted", lambda box, same_boot: visit.Step(box))
    monkeypatch.setattr(visit, "restarted", lambda box, same_boot: visit.Step(box))


def time_puts_a_parcel_in(monkeypatch):
    monkeypatch.setattr(switch, "_loaded", without_time(switch._loaded))


def without_time(loaded):
    return lambda box, opening, left_open: loaded(box, opening, left_open=False)


def a_beam_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(Beam, "settles", False)


def what_a_beam_sees_keeps_nothing_back(monkeypatch):
    monkeypatch.setattr(beam, "_holds_something", lambda box, opening: False)


@pytest.mark.parametrize(
    ("let_go", "extent", "found"),
    [
        (late_is_not_withheld, ONE_COMMAND_EACH, "I6"),
        (superseded_is_not_withheld, HELP, "I4"),
        (whoever_may_collect, TWO_ORDERS, "I3"),
        (wherever_may_be_loaded, TWO_ORDERS, "I9|I3"),
        (used_rights_are_forgotten, TWO_ORDERS, "I15"),
        (intents_are_not_durable, TWO_ORDERS, "I5"),
        (pulses_are_not_counted, TWO_ORDERS, "I1: pulse 3"),
        (the_window_is_wide, TWO_ORDERS, "I1: |outlives its window"),
        (seen_open_is_forgotten, TWO_ORDERS, "I2"),
        (commands_are_not_remembered, ONE_COMMAND_EACH, "acts twice"),
        (any_session_will_do, ONE_COMMAND_EACH, "another session"),
        (any_door_was_closed_before, TWO_ORDERS, "I9"),
        (an_earlier_pulse_is_forgotten, TWO_ORDERS, "I9|I10"),
        (time_puts_a_parcel_in, TWO_ORDERS, "F5"),
        (a_restart_forgets_what_was_under_way, TWO_ORDERS, "nobody carries out"),
        (a_beam_is_not_waited_for, WITH_A_BEAM, "I9"),
        (what_a_beam_sees_keeps_nothing_back, WITH_A_BEAM, "I9"),
    ],
)
def test_a_guard_that_is_let_go_is_found_with_the_way_there(monkeypatch, let_go, extent, found):
    let_go(monkeypatch)
    with pytest.raises(Broken, match=found) as broken:
        Search(extent).run()
    assert "\n then: " in str(broken.value)


def test_a_door_that_was_open_before_the_pulse_proves_nothing():
    forced = Box(
        "01", State.OCCUPIED, occupancy=OCCUPANCY_A, order=A, parcel=A,
        door=Door(DoorState.FORCED, 0, read_since_pulse=True),
    )  # fmt: skip
    step = visit.ask(forced, Ask(1, Purpose.COLLECT, "code", OCCUPANCY_A), 1.0, RULES)
    assert not isinstance(step, Refused)
    sent = visit.pulsed(step.box, Pulsed(1, 1, 1.0)).box
    read = visit.door_read(sent, Reading(True, 2.0), 2.0, RULES)
    assert read.facts == ()
    assert not read.box.opening.seen_open
