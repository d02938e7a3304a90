"""The rules of a visit, one step at a time: what is told, what is kept, and where exactly a limit lies."""

from dataclasses import replace

import pytest

from controller import visit
from controller.doors import Door, DoorState, Reading
from controller.store import box_from_json, box_to_json
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
REWIRED = visit.rewired(FULL).box


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
        (REWIRED, COLLECT, "unproven"),
        (REWIRED, replace(COLLECT, purpose=Purpose.REMOVE), "unproven"),
        (REWIRED, replace(COLLECT, purpose=Purpose.SERVICE, proof="remote"), "unproven"),
        (replace(REWIRED, state=State.CHECKING), LOAD, "unproven"),
        (begun(FULL, COLLECT).box, replace(COLLECT, purpose=Purpose.SERVICE), "busy"),
        (begun(FULL, COLLECT).box, COLLECT, "busy"),
        (begun(FREE, LOAD).box, LOAD, "busy"),
        (begun(FULL, replace(COLLECT, purpose=Purpose.SERVICE)).box, COLLECT, "busy"),
        (opened(FULL, COLLECT).box, COLLECT, "busy"),
    ],
)
def test_who_may_not_is_told_why(box, wish, reason):
    assert ask(box, wish, 100.0, RULES) == Refused(reason)


def test_a_door_that_was_wired_anew_opens_for_a_badge_and_for_whoever_is_inside():
    for purpose, proof in ((Purpose.SERVICE, "badge"), (Purpose.EMERGENCY, "inside")):
        assert begun(REWIRED, replace(COLLECT, purpose=purpose, proof=proof)).pulse is not None


def test_a_door_is_wired_anew_once_and_proven_once():
    assert told(visit.rewired(FULL)) == ["WiringChanged", "FaultRaised"]
    assert visit.rewired(REWIRED).facts == ()
    step = visit.proven(REWIRED, BADGE)
    assert told(step) == ["WiringProven", "FaultCleared"]
    assert (step.box, step.facts[0].badge) == (FULL, BADGE)
    assert visit.proven(FULL, BADGE) == Refused("no_question")


def test_a_look_for_service_proves_no_wiring_and_nothing_is_forgotten_behind_such_a_door():
    looked = shut(opened(REWIRED, replace(COLLECT, purpose=Purpose.SERVICE, proof="badge")), 105.0).box
    assert looked.sides == {Side.UNPROVEN}
    collected = shut(opened(FULL, COLLECT), 105.0).box
    again = replace(COLLECT, again=True)
    assert ask(visit.rewired(collected).box, again, 110.0, RULES) == Refused("unproven")


def test_a_parcel_of_which_nobody_knows_whether_it_was_put_in_is_collected_in_doubt_only():
    doubtful = replace(FULL, state=State.CHECKING, awaits_word=True)
    step = shut(opened(doubtful, COLLECT), 105.0)
    assert told(step) == ["DoorClosed", "ParcelCollected", "FaultCleared"]
    assert step.facts[1].in_doubt
    assert (step.box.state, step.box.parcel, step.box.awaits_word) == (State.VACANT, None, False)
    assert not shut(opened(FULL, COLLECT), 105.0).facts[1].in_doubt


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


@pytest.mark.parametrize("wish", [COLLECT, LOAD])
def test_a_door_that_nobody_read_between_two_pulses_may_have_been_open(wish):
    """A courier had put the parcel in and shut the door before the board was heard again."""
    box = visit.tick(sent(FREE if wish is LOAD else FULL, wish), 103.0, RULES).box
    box = visit.pulsed(box, Pulsed(7, 2, 103.0)).box
    box = visit.door_read(box, Reading(False, 104.0), 104.0, RULES).box
    step = visit.tick(replace(box, opening=replace(box.opening, pulses=3)), 120.0, RULES)
    assert told(step)[:2] == ["CheckNeeded", "FaultRaised"]
    assert step.box.state is State.CHECKING
    assert box_from_json("01", box_to_json(box)).opening.blind


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


@pytest.mark.parametrize(("seconds", "told_of"), [(119.8, "ParcelDeposited"), (120.0, "CheckNeeded")])
def test_a_parcel_behind_a_door_that_was_left_open_is_in_by_a_word_only(seconds, told_of):
    after = shut(opened(FREE, LOAD), 101.0 + seconds)
    assert {"ParcelDeposited", "CheckNeeded"} & set(told(after)) == {told_of}
    is_asked = told_of == "CheckNeeded"
    assert (after.box.state is State.CHECKING, after.box.awaits_word) == (is_asked, is_asked)
    assert after.box.parcel == PARCEL


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


def flickers(step, at):
    """The switch of a door that was seen open is not believed any more."""
    door = Door(DoorState.SENSOR_FAULT, at)
    return replace(step.box, door=door)


@pytest.mark.parametrize(
    ("box", "wish", "keeps"),
    [(FULL, COLLECT, PARCEL), (FREE, LOAD, PARCEL), (FREE, Ask(7, Purpose.SERVICE, "badge", None), None)],
)
def test_a_visit_whose_switch_flickers_for_ever_ends_as_left_open_and_a_person_looks(box, wish, keeps):
    visited = flickers(opened(box, wish), 110.0)
    assert visit.tick(visited, 101.0 + 119.9, RULES) == visit.Step(visited)
    step = visit.tick(visited, 101.0 + 120.0, RULES)
    assert [fact.reason for fact in step.facts if fact.type == "CheckNeeded"] == ["left_open"]
    assert (step.box.state, step.box.opening, step.box.parcel) == (State.CHECKING, None, keeps)
    assert step.box.awaits_word == (wish is LOAD)
    assert visit.tick(step.box, 300.0, RULES).facts == ()
    look = Ask(8, Purpose.SERVICE, "badge", step.box.occupancy)
    assert not isinstance(ask(step.box, look, 300.0, RULES), Refused)


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


def test_an_opening_knows_whether_it_was_seen():
    assert not Opening(1, Purpose.COLLECT, "code", State.OCCUPIED).seen_open
    assert opened(FULL, COLLECT).box.opening.seen_open


def test_a_box_that_is_only_overdue_opens_for_its_owner():
    assert begun(replace(FULL, sides=frozenset({Side.OVERDUE})), COLLECT).box.state is State.COLLECTING


def test_loading_forgets_who_was_there_before_and_what_was_in_doubt():
    left = visit.Left("00000000000000ee-9", "00000000000000b1", 50.0)
    loading = begun(replace(FREE, left=left, verified=False), LOAD).box
    assert (loading.left, loading.verified, loading.awaits_word) == (None, True, False)
    doubtful = replace(FULL, state=State.CHECKING, awaits_word=True, verified=False)
    again = begun(doubtful, replace(LOAD, occupancy="00000000000000ee-2")).box
    assert (again.occupancy, again.awaits_word, again.verified) == (OCCUPANCY, False, True)


def test_a_new_opening_of_a_shut_box_saw_its_door_closed():
    assert begun(FULL, COLLECT).box.opening.closed_before
    unknown = replace(FULL, door=Door())
    assert not begun(unknown, COLLECT).box.opening.closed_before
    taken_over = replace(sent(FULL, COLLECT), door=Door())
    assert begun(taken_over, Ask(8, Purpose.EMERGENCY, "inside", None)).box.opening.closed_before


def test_a_reboot_forgets_since_when_a_door_stood_open_and_who_was_there_before():
    left = visit.Left(OCCUPANCY, ORDER, 50.0)
    box = replace(opened(FULL, COLLECT).box, left=left, rest_until=400.0)
    kept = visit.restarted(box, same_boot=True).box
    assert (kept.left, kept.rest_until, kept.opening.opened_at) == (left, 400.0, 101.0)
    lost = visit.restarted(box, same_boot=False).box
    assert (lost.left, lost.rest_until, lost.opening.opened_at) == (None, 0.0, float("-inf"))


def test_a_load_that_was_open_over_a_restart_and_is_found_shut_waits_for_a_word():
    loading = visit.restarted(opened(FREE, LOAD).box, same_boot=True).box
    found = shut(visit.Step(loading), 110.0).box
    assert (found.state, found.awaits_word, found.parcel) == (State.CHECKING, True, PARCEL)
    collecting = visit.restarted(opened(FULL, COLLECT).box, same_boot=True).box
    assert shut(visit.Step(collecting), 110.0).box.state is State.VACANT


def test_a_service_opening_of_an_empty_box_that_nobody_saw_leaves_it_empty():
    service = replace(COLLECT, purpose=Purpose.SERVICE, occupancy=None)
    unseen = visit.restarted(sent(FREE, service), same_boot=True).box
    step = visit.tick(unseen, 160.0, RULES)
    assert (step.box.state, told(step)) == (State.VACANT, ["OpeningEnded"])
    loading = visit.restarted(sent(FREE, LOAD), same_boot=True).box
    assert visit.tick(loading, 160.0, RULES).box.state is State.CHECKING
