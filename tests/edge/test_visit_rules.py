"""The rules of a visit, one step at a time: what is told, what is kept, and where exactly a limit lies."""

from dataclasses import replace

import pytest

from config.contract.messages import CabinetSettings
from controller import reservations, visit
from controller.access import Tries, after_right, after_wrong, wait_ms
from controller.commands import Budget
from controller.doors import FLAPS_PER_10_S, Door, DoorState, Reading, read
from controller.visit import Ask, Box, Opening, Pulsed, Purpose, Refused, Rules, Side, State, ask

RULES = Rules()
ORDER, PARCEL, OCCUPANCY = "00000000000000a1", "00000000000000a2", "00000000000000ee-1"
COMMAND, BADGE = "00000000000000c1", "00000000000000ba"
CLOSED = Door(DoorState.CLOSED, 0.0, read_since_pulse=True)
FULL = Box("01", State.OCCUPIED, occupancy=OCCUPANCY, order=ORDER, parcel=PARCEL, door=CLOSED)
FREE = Box("01", door=CLOSED)
COLLECT = Ask(7, Purpose.COLLECT, "code", OCCUPANCY)
LOAD = Ask(7, Purpose.LOAD, "badge", OCCUPANCY, order=ORDER, parcel=PARCEL, badge=BADGE)
REMOTE = replace(COLLECT, proof="remote", command=COMMAND, not_after=110.0)


def begun(box, wish, now=100.0):
    step = ask(box, wish, now, RULES)
    assert not isinstance(step, Refused), step
    return step


def sent(box, wish, now=100.0):
    return visit.pulsed(begun(box, wish, now).box, Pulsed(7, 1, now)).box


def opened(box, wish, now=100.0):
    return visit.door_read(sent(box, wish, now), Reading(True, now + 1), now + 1, RULES)


def shut(step, now):
    box = visit.door_read(step.box, Reading(False, now), now, RULES).box
    return visit.door_read(box, Reading(False, now + 0.1), now + 0.1, RULES)


def told(step):
    return [fact.type for fact in step.facts]


def test_a_first_pulse_is_intended_with_its_opening_and_good_for_the_window():
    step = begun(FULL, COLLECT)
    assert told(step) == ["OpeningStarted", "PulseIntended"]
    assert step.pulse == visit.Pulse("01", 7, 1, OCCUPANCY, 160.0)
    opening = step.box.opening
    assert (opening.pulses, opening.intended, opening.first_pulse, opening.sent_at) == (1, 100.0, 100.0, None)
    assert opening.before is State.OCCUPIED
    assert (step.facts[0].opening, step.facts[0].proof, step.facts[0].purpose) == (7, "code", "collect")
    assert step.facts[1].box.door == "pulsing"
    assert step.facts[0].box.state == "collecting"


def test_a_command_ends_its_pulses_and_is_named_in_the_opening():
    step = begun(FULL, REMOTE)
    assert step.pulse.not_after == 110.0
    assert step.facts[0].command == COMMAND
    assert begun(FULL, replace(REMOTE, not_after=500.0)).pulse.not_after == 160.0


def test_loading_marks_the_box_with_parcel_order_occupancy_and_badge():
    step = begun(FREE, LOAD)
    box = step.box
    assert (box.state, box.parcel, box.order, box.occupancy) == (State.LOADING, PARCEL, ORDER, OCCUPANCY)
    assert box.verified
    assert step.facts[0].badge == BADGE


@pytest.mark.parametrize(
    ("box", "wish", "reason"),
    [
        (FREE, COLLECT, "not_valid"),
        (FULL, replace(COLLECT, occupancy="00000000000000ee-2"), "other_occupancy"),
        (replace(FULL, sides=frozenset({Side.COLD_HOLD})), COLLECT, "held"),
        (replace(FULL, sides=frozenset({Side.QUARANTINE})), COLLECT, "held"),
        (replace(FULL, rest_until=100.1), COLLECT, "door_stuck"),
        (FULL, replace(LOAD, parcel="00000000000000a9"), "no_fit"),
        (FULL, LOAD, "no_fit"),
        (FREE, replace(LOAD, parcel=None), "unknown_parcel"),
        (FREE, replace(LOAD, occupancy=None), "unknown_parcel"),
        (replace(FREE, sides=frozenset({Side.OVERDUE})), LOAD, "no_fit"),
        (replace(FREE, door=Door(DoorState.OPEN, 0.0)), LOAD, "no_fit"),
        (FULL, replace(COLLECT, purpose=Purpose.SERVICE, occupancy=None), "other_occupancy"),
        (begun(FULL, COLLECT).box, replace(COLLECT, purpose=Purpose.SERVICE), "busy"),
        (begun(FULL, COLLECT).box, COLLECT, "busy"),
        (begun(FREE, LOAD).box, LOAD, "busy"),
        (begun(FULL, replace(COLLECT, purpose=Purpose.SERVICE)).box, COLLECT, "busy"),
        (opened(FULL, COLLECT).box, COLLECT, "busy"),
    ],
)
def test_who_may_not_is_told_why(box, wish, reason):
    assert ask(box, wish, 100.0, RULES) == Refused(reason)


def test_a_courier_comes_back_to_the_box_of_a_parcel_in_doubt():
    doubtful = replace(FULL, state=State.CHECKING)
    assert begun(doubtful, LOAD).box.state is State.LOADING
    ambiguous = visit.restarted(sent(FREE, LOAD), same_boot=True).box
    assert begun(ambiguous, LOAD, 110.0).pulse.pulse == 2
    looked_into = begun(doubtful, replace(COLLECT, purpose=Purpose.SERVICE)).box
    assert ask(looked_into, LOAD, 110.0, RULES) == Refused("busy")


def test_the_first_reading_tells_nothing_of_a_door_that_is_shut():
    assert visit.door_read(Box("01"), Reading(False, 1.0), 1.0, RULES).facts == ()
    opening = visit.restarted(sent(FULL, COLLECT), same_boot=True).box
    assert visit.door_read(opening, Reading(False, 101.0), 101.0, RULES).facts == ()


def test_a_door_that_opens_needs_no_more_rest():
    assert opened(replace(FULL, rest_until=50.0), COLLECT).box.rest_until == 0.0


def test_a_resting_door_may_be_asked_again_when_the_rest_is_over():
    assert begun(replace(FULL, rest_until=100.0), COLLECT).pulse is not None


@pytest.mark.parametrize("state", [State.OCCUPIED, State.COLLECTING, State.CHECKING])
def test_the_owner_is_let_in_whatever_the_doubt(state):
    assert begun(replace(FULL, state=state), COLLECT).box.state is State.COLLECTING


def test_collecting_ends_with_an_empty_box_that_nobody_has_seen():
    step = shut(opened(FULL, COLLECT), 105.0)
    assert told(step) == ["DoorClosed", "ParcelCollected"]
    assert (step.box.state, step.box.verified, step.box.opening) == (State.VACANT, False, None)
    assert (step.box.occupancy, step.box.order, step.box.parcel) == (None, None, None)
    assert (step.facts[1].parcel, step.facts[1].order, step.facts[1].occupancy) == (PARCEL, ORDER, OCCUPANCY)
    assert step.facts[0].open_ms == 4100


def test_loading_ends_with_the_parcel_in_the_box():
    step = shut(opened(FREE, LOAD), 105.0)
    assert told(step) == ["DoorClosed", "ParcelDeposited"]
    assert (step.box.state, step.box.opening, step.box.occupancy) == (State.OCCUPIED, None, OCCUPANCY)


def test_seen_open_ends_the_command_and_tells_how_long_it_took():
    step = opened(FULL, REMOTE)
    assert told(step) == ["DoorOpened", "CommandEnded"]
    assert (step.facts[0].after_pulse_ms, step.facts[0].pulse) == (1000, 1)
    assert (step.facts[1].outcome, step.facts[1].command) == ("succeeded", COMMAND)
    opening = step.box.opening
    assert (opening.opened_at, opening.intended, opening.ambiguous) == (101.0, None, False)


@pytest.mark.parametrize(("asked_at", "counts"), [(99.0, False), (100.0, False), (100.001, True)])
def test_only_a_reading_asked_after_the_pulse_counts(asked_at, counts):
    read = visit.door_read(sent(FULL, COLLECT), Reading(True, asked_at), 101.0, RULES)
    assert (read.box.opening.opened_at is not None) == counts


def test_the_next_pulse_follows_when_the_latch_had_time_and_not_before():
    box = sent(FULL, COLLECT)
    assert visit.tick(box, 102.9, RULES).pulse is None
    second = visit.tick(box, 103.0, RULES)
    assert second.pulse == visit.Pulse("01", 7, 2, OCCUPANCY, 160.0)
    assert (second.box.opening.intended, second.box.opening.sent_at) == (103.0, None)
    assert not second.box.door.read_since_pulse


def exhausted(box, wish, at=120.0):
    box = sent(box, wish)
    box = replace(box, opening=replace(box.opening, pulses=3, sent_at=at - 3.0))
    return visit.tick(box, at, RULES)


def test_a_door_that_stayed_shut_goes_back_and_rests():
    box = visit.door_read(sent(FULL, COLLECT), Reading(False, 101.0), 101.0, RULES).box
    step = visit.tick(replace(box, opening=replace(box.opening, pulses=3)), 120.0, RULES)
    assert told(step) == ["OpeningFailed", "FaultRaised"]
    assert (step.box.state, step.box.rest_until, step.box.opening) == (State.OCCUPIED, 420.0, None)
    assert (step.box.door.state, step.facts[0].pulses) == (DoorState.STUCK, 3)


def test_a_door_that_nobody_saw_leaves_the_box_to_be_looked_at():
    step = exhausted(FULL, REMOTE)
    assert told(step) == ["CheckNeeded", "FaultRaised", "CommandEnded"]
    assert step.box.state is State.CHECKING
    assert (step.facts[0].reason, step.facts[2].outcome) == ("door not seen", "unknown")


def test_a_dead_door_keeps_the_parcel_out_and_the_box_with_it():
    box = visit.door_read(sent(FREE, LOAD), Reading(False, 101.0), 101.0, RULES).box
    step = visit.tick(replace(box, opening=replace(box.opening, pulses=3)), 120.0, RULES)
    assert told(step) == ["OpeningFailed", "DepositAborted", "FaultRaised"]
    assert (step.box.state, step.box.parcel, step.box.occupancy) == (State.VACANT, None, None)
    assert step.box.sides == {Side.OUT_OF_SERVICE}


@pytest.mark.parametrize(
    ("pulses", "facts", "state"),
    [
        (1, ["PulseWithheld", "OpeningEnded", "CommandEnded"], State.OCCUPIED),
        (2, ["PulseWithheld", "CheckNeeded", "FaultRaised", "CommandEnded"], State.CHECKING),
    ],
)
def test_a_withheld_pulse_undoes_an_opening_only_when_it_was_the_first(pulses, facts, state):
    box = begun(FULL, REMOTE).box
    box = replace(box, opening=replace(box.opening, pulses=pulses))
    step = visit.pulsed(box, Pulsed(7, pulses, None, "late"))
    assert told(step) == facts
    assert step.box.state is state
    assert step.facts[-1].outcome == ("rejected" if pulses == 1 else "unknown")


def test_an_answer_to_another_pulse_changes_nothing():
    box = begun(FULL, COLLECT).box
    for other in (Pulsed(8, 1, 101.0), Pulsed(7, 2, 101.0)):
        assert visit.pulsed(box, other) == visit.Step(box)


@pytest.mark.parametrize(("same_boot", "first"), [(True, 100.0), (False, float("-inf"))])
def test_a_restart_makes_an_opening_ambiguous_and_a_reboot_ends_its_window(same_boot, first):
    box = replace(sent(FULL, COLLECT), rest_until=400.0)
    step = visit.restarted(box, same_boot=same_boot)
    opening = step.box.opening
    assert told(step) == ["OpeningAmbiguous"]
    assert step.pulse is None
    assert (opening.ambiguous, opening.intended, opening.sent_at) == (True, None, None)
    assert (opening.first_pulse, step.box.door) == (first, Door())
    assert step.box.rest_until == (400.0 if same_boot else 0.0)


def test_a_restart_leaves_what_was_seen_open_and_what_rests():
    box = opened(FULL, COLLECT).box
    assert visit.restarted(box, same_boot=True) == visit.Step(replace(box, door=Door()))
    resting = replace(FULL, rest_until=400.0)
    assert visit.restarted(resting, same_boot=True).box.rest_until == 400.0
    assert visit.restarted(resting, same_boot=False).box.rest_until == 0.0


def test_the_same_person_uses_the_rest_of_an_ambiguous_opening_and_the_other_command_ends():
    box = visit.restarted(sent(FULL, REMOTE), same_boot=True).box
    step = begun(box, COLLECT, 110.0)
    assert told(step) == ["CommandEnded", "OpeningStarted", "PulseIntended"]
    assert step.facts[0].outcome == "unknown"
    opening = step.box.opening
    assert (opening.pulses, opening.first_pulse, opening.ambiguous) == (2, 100.0, False)
    assert (opening.command, opening.not_after, opening.proof) == (None, None, "code")
    assert ask(box, COLLECT, 160.0, RULES) == Refused("door_stuck")
    assert begun(box, COLLECT, 159.9).pulse is not None
    spent = replace(box, opening=replace(box.opening, pulses=3))
    assert ask(spent, COLLECT, 110.0, RULES) == Refused("door_stuck")


def test_an_ambiguous_opening_ends_with_its_window():
    box = visit.restarted(sent(FULL, COLLECT), same_boot=True).box
    assert visit.tick(box, 159.9, RULES) == visit.Step(box)
    assert visit.tick(box, 160.0, RULES).box.state is State.CHECKING


def test_an_emergency_takes_over_and_ends_the_command_that_was_under_way():
    step = begun(begun(FULL, REMOTE).box, Ask(8, Purpose.EMERGENCY, "inside", None))
    assert told(step) == ["CommandEnded", "OpeningStarted", "PulseIntended"]
    assert (step.facts[0].outcome, step.facts[0].reason) == ("failed", "busy")
    assert step.pulse.emergency
    assert step.box.opening.before is State.OCCUPIED
    seen = begun(opened(FULL, REMOTE).box, Ask(8, Purpose.EMERGENCY, "inside", None))
    assert told(seen) == ["OpeningStarted", "PulseIntended"]


@pytest.mark.parametrize("loading", [begun(FREE, LOAD).box, sent(FREE, LOAD), opened(FREE, LOAD).box])
def test_an_emergency_over_a_load_keeps_the_parcel_in_mind_that_may_lie_there(loading):
    step = begun(loading, Ask(8, Purpose.EMERGENCY, "inside", None), 102.0)
    box = visit.pulsed(step.box, Pulsed(8, 1, 102.0)).box
    box = shut(visit.door_read(box, Reading(True, 103.0), 103.0, RULES), 105.0).box
    for at in range(110, 200, 10):
        step = visit.tick(visit.door_read(box, Reading(False, at), at, RULES).box, at, RULES)
        box = step.box
        if step.pulse is not None:
            box = visit.pulsed(box, Pulsed(8, step.pulse.pulse, at)).box
    assert (box.state, box.parcel, box.occupancy) == (State.CHECKING, PARCEL, OCCUPANCY)
    assert not box.assignable
    again = ask(box, replace(LOAD, number=9), 300.0, RULES)
    assert not isinstance(again, Refused)


@pytest.mark.parametrize(
    ("box", "purpose", "state"),
    [
        (FREE, Purpose.SERVICE, State.VACANT),
        (FREE, Purpose.EMERGENCY, State.VACANT),
        (FULL, Purpose.SERVICE, State.CHECKING),
        (FULL, Purpose.EMERGENCY, State.CHECKING),
        (replace(FREE, state=State.CHECKING), Purpose.SERVICE, State.VACANT),
        (replace(FREE, state=State.CHECKING), Purpose.EMERGENCY, State.CHECKING),
        (replace(FULL, state=State.CHECKING), Purpose.SERVICE, State.CHECKING),
    ],
)
def test_who_else_looks_in_leaves_what_they_saw(box, purpose, state):
    wish = Ask(7, purpose, "badge", box.occupancy)
    step = shut(opened(box, wish), 105.0)
    assert step.box.state is state
    assert step.box.opening is None
    assert step.box.verified is (state is not State.VACANT)
    cleared = [fact.fault for fact in step.facts if fact.type == "FaultCleared"]
    was_unclear = box.state is State.CHECKING and state is State.VACANT
    assert cleared == (["compartment_unclear"] if was_unclear else [])


def test_a_look_by_the_service_ends_what_a_look_can_end_and_no_more():
    sides = frozenset({Side.FORCED, Side.QUARANTINE, Side.OUT_OF_SERVICE, Side.COLD_HOLD, Side.OVERDUE})
    looked = shut(opened(replace(FREE, sides=sides), Ask(7, Purpose.SERVICE, "badge", None)), 105.0)
    assert looked.box.sides == {Side.COLD_HOLD, Side.OVERDUE}
    cleared = [fact.fault for fact in looked.facts if fact.type == "FaultCleared"]
    assert cleared == ["compartment_unclear", "door_forced", "door_stuck"]
    kept = shut(opened(replace(FREE, sides=sides), Ask(7, Purpose.EMERGENCY, "inside", None)), 105.0)
    assert kept.box.sides == sides


@pytest.mark.parametrize(("seconds", "state", "alarm"), [
    (59.8, State.VACANT, False), (60.0, State.VACANT, True), (119.8, State.VACANT, True),
    (120.0, State.CHECKING, True),
])  # fmt: skip
def test_a_door_left_open_too_long_is_looked_into(seconds, state, alarm):
    step = opened(FULL, COLLECT)
    box = visit.door_read(step.box, Reading(False, 101.0 + seconds - 0.1), 101.0 + seconds - 0.1, RULES).box
    after = visit.door_read(box, Reading(False, 101.0 + seconds), 101.0 + seconds, RULES)
    assert after.box.state is state
    assert ("door_left_open" in [f.fault for f in after.facts if f.type == "FaultCleared"]) == alarm
    assert ("left_open" in [f.reason for f in after.facts if f.type == "CheckNeeded"]) == (
        state is State.CHECKING
    )


def test_a_door_left_open_is_told_once_and_when_it_is_shut():
    box = replace(FREE, door=Door(DoorState.FORCED, 100.0))
    assert visit.tick(box, 159.9, RULES) == visit.Step(box)
    step = visit.tick(box, 160.0, RULES)
    assert told(step) == ["DoorLeftOpen", "FaultRaised"]
    assert step.facts[0].open_ms == 60_000
    assert visit.tick(step.box, 170.0, RULES).facts == ()
    assert told(shut(step, 200.0)) == ["DoorClosed", "FaultCleared"]
    assert told(shut(visit.Step(box), 120.0)) == ["DoorClosed"]


def test_a_door_that_opens_by_itself_is_forced_and_no_parcel_comes_in():
    first = visit.door_read(FREE, Reading(True, 100.0), 100.0, RULES)
    assert first.facts == ()
    step = visit.door_read(first.box, Reading(True, 100.2), 100.2, RULES)
    assert told(step) == ["DoorForced", "FaultRaised"]
    assert (step.box.sides, step.box.verified) == ({Side.FORCED}, False)
    assert step.box.door.state is DoorState.FORCED


def test_records_that_fell_back_hold_everything_until_a_person_looks():
    unknown = visit.fallen_back(FREE, known=False).box
    assert (unknown.state, unknown.sides) == (State.CHECKING, {Side.QUARANTINE})
    known = visit.fallen_back(replace(FULL, rest_until=9.0), known=True).box
    assert (known.state, known.sides, known.verified) == (State.OCCUPIED, {Side.QUARANTINE}, False)
    assert (known.rest_until, known.door) == (0.0, Door())
    step = visit.fallen_back(begun(FULL, REMOTE).box, known=True)
    assert told(step) == ["OpeningAmbiguous", "CheckNeeded", "FaultRaised", "CommandEnded"]
    assert step.box.opening is None


# --- doors


def changes(door, *readings, expected=False):
    seen = []
    for at, is_open in readings:
        door, changed = read(door, Reading(is_open, at), expected=expected)
        seen.append(changed)
    return door, seen


def test_what_is_not_expected_must_be_read_twice():
    assert changes(CLOSED, (1, True), (2, True))[1] == [False, True]
    assert changes(CLOSED, (1, True), (2, False), (3, True))[1] == [False, False, False]
    assert changes(CLOSED, (1, True), expected=True)[1] == [True]
    assert changes(Door(DoorState.OPEN, 0), (1, False), (2, False), expected=True)[1] == [False, True]
    assert changes(Door(), (1, True))[0].state is DoorState.OPEN


@pytest.mark.parametrize(("flaps", "spread", "state"), [
    (FLAPS_PER_10_S, 1.0, DoorState.OPEN), (FLAPS_PER_10_S + 1, 1.0, DoorState.SENSOR_FAULT),
    (FLAPS_PER_10_S + 1, 1.25, DoorState.CLOSED),
])  # fmt: skip
def test_a_switch_that_changes_too_often_is_broken(flaps, spread, state):
    flips = [(at * spread, at % 2 == 0) for at in range(flaps)]
    readings = [(moment, is_open) for moment, is_open in flips for _ in range(2)]
    door, _ = changes(CLOSED, *readings)
    expected = DoorState.CLOSED if state is DoorState.OPEN and flaps % 2 == 0 else state
    expected = DoorState.OPEN if state is DoorState.CLOSED and flaps % 2 else expected
    assert door.state is expected


def test_a_broken_switch_is_believed_after_ten_quiet_seconds():
    door = Door(DoorState.SENSOR_FAULT, 100.0)
    assert changes(door, (101, True), (110.9, True))[0].state is DoorState.SENSOR_FAULT
    assert changes(door, (101, True), (111, True))[0].state is DoorState.UNKNOWN
    assert changes(door, (101, True), (105, False), (111, False))[0].state is DoorState.SENSOR_FAULT


def test_a_flapping_switch_is_told_once_and_told_back_when_it_has_been_quiet():
    flaps = [(n * 0.1, n // 2 % 2 == 0) for n in range(40)]
    box, facts = FREE, []
    for at, is_open in [*flaps, (5.0, False), (14.9, False), (15.1, False)]:
        step = visit.door_read(box, Reading(is_open, at), at, RULES)
        box, facts = step.box, [*facts, *step.facts]
    faults = [(fact.type, fact.fault) for fact in facts if fact.type.startswith("Fault")]
    raised = [("FaultRaised", "door_forced"), ("FaultRaised", "switch_flapping")]
    assert faults == [*raised, ("FaultCleared", "switch_flapping")]
    assert len(facts) == 11, "no more than eight changes are told before it is not believed"
    assert box.door.is_closed, "and it is believed again"


# --- tries, budgets, choices


def test_six_wrong_tries_lock_and_each_further_one_doubles_the_wait():
    tries, waits = Tries(), []
    for at in range(12):
        tries = after_wrong(tries, at)
        waits.append(wait_ms(tries, at))
    assert waits == [0] * 5 + [30_000, 60_000, 120_000, 240_000, 480_000, 900_000, 900_000]
    assert wait_ms(tries, 11 + 900_000) == 0
    assert wait_ms(replace(tries, locked_until=10**9), 0) == 900_000
    assert after_right(tries).waits == 0
    assert after_right(tries).wrong == tries.wrong


def test_wrong_tries_count_for_ten_minutes():
    tries = Tries(wrong=(0, 0, 0, 0, 0))
    assert wait_ms(after_wrong(tries, 599_999), 599_999) == 30_000
    assert wait_ms(after_wrong(tries, 600_000), 600_000) == 0


def test_unattended_openings_are_counted_by_minute_and_hour():
    settings = CabinetSettings()
    minute = Budget(tuple([1000] * settings.remote_opens_per_minute))
    assert not minute.allows(60_999, settings)
    assert minute.allows(61_000, settings)
    hour = Budget(tuple([1000] * settings.remote_opens_per_hour))
    assert not hour.allows(3_600_999, settings)
    assert hour.allows(3_601_000, settings)
    assert minute.spent(3_600_999).opened_ms == (*minute.opened_ms, 3_600_999)
    assert minute.spent(3_601_000).opened_ms == (3_601_000,)


def test_low_doors_come_first_and_only_what_lies_there():
    boxes = {
        label: replace(FULL, label=label, state=state)
        for label, state in (("01", State.OCCUPIED), ("02", State.CHECKING), ("03", State.LOADING))
    }
    boxes["04"] = replace(FULL, label="04", order="00000000000000b1")
    rows = {"01": 5, "02": 1, "03": 1, "04": 1}
    assert [box.label for box in reservations.boxes_of(ORDER, boxes, rows)] == ["02", "01"]
    assert reservations.inside_order(boxes, "03") == ["03", "02"]
    assert reservations.inside_order(boxes, None) == ["02", "03"]
    assert reservations.inside_order(boxes, "99") == ["02", "03"]
    assert reservations.box_with(PARCEL, boxes) is boxes["01"]
    assert reservations.box_with("none", boxes) is None


def test_an_opening_knows_whether_it_was_seen():
    assert not Opening(1, Purpose.COLLECT, "code", State.OCCUPIED).seen_open
    assert opened(FULL, COLLECT).box.opening.seen_open
