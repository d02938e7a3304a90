"""What a light beam adds to the rules of a visit, reading by reading and step by step."""

from dataclasses import replace

import pytest

from controller import visit
from controller.beams import SETTLES_S, Beam, look
from controller.doors import Door, DoorState, Reading
from controller.visit import Ask, Box, Pulsed, Purpose, Refused, Rules, Said, Side, State, Word

RULES = Rules()
ORDER, PARCEL, OCCUPANCY = "00000000000000a1", "00000000000000a2", "00000000000000ee-1"
CLOSED = Door(DoorState.CLOSED, 0.0, read_since_pulse=True)
FULL = Box(
    "01", State.OCCUPIED, occupancy=OCCUPANCY, order=ORDER, parcel=PARCEL, door=CLOSED, beam=Beam(word=True)
)
FREE = Box("01", door=CLOSED, beam=Beam(word=False))
COLLECT = Ask(7, Purpose.COLLECT, "code", OCCUPANCY)
AGAIN = replace(COLLECT, again=True)
LOAD = Ask(7, Purpose.LOAD, "badge", OCCUPANCY, order=ORDER, parcel=PARCEL, badge="00000000000000ba")
REMOVE = Ask(7, Purpose.REMOVE, "badge", OCCUPANCY)
LOOK = Ask(7, Purpose.SERVICE, "badge", None)
FROM_AFAR = Ask(7, Purpose.SERVICE, "remote", None)
RESCUE = Ask(7, Purpose.EMERGENCY, "inside", None)


def opened(box, wish, now=100.0):
    step = visit.ask(box, wish, now, RULES)
    assert not isinstance(step, Refused), step
    box = visit.pulsed(step.box, Pulsed(7, 1, now)).box
    return visit.door_read(box, Reading(True, now + 1, False), now + 1, RULES).box


def read(box, *seen, now=105.0, is_open=False):
    """The step of the last reading."""
    step = visit.Step(box)
    for at, interrupted in enumerate(seen):
        moment = now + at * 0.1
        step = visit.door_read(step.box, Reading(is_open, moment, interrupted), moment, RULES)
    return step


def visited(box, wish, *seen, now=100.0):
    return read(opened(box, wish, now), *(seen or (False, False)), now=now + 5)


def told(step):
    return [getattr(fact, "fault", fact.type) for fact in step.facts]


def left_behind():
    return visited(FULL, COLLECT, True, True).box


# --- reading by reading


@pytest.mark.parametrize(
    ("seen", "word", "doubt"),
    [
        ((), None, None), ((True,), None, True), ((True, True), True, None), ((True, False), None, False),
        ((True, True, False), True, False), ((True, True, False, True), True, None),
        ((True, True, False, False), False, None), ((True, True, None), None, None),
    ],
)  # fmt: skip
def test_two_readings_in_a_row_are_believed(seen, word, doubt):
    beam = Beam(overruled=True)
    for interrupted in seen:
        beam = look(beam, interrupted, is_open=False)
    assert (beam.word, beam.doubt, beam.overruled, beam.settles) == (word, doubt, True, doubt is not None)


def test_while_the_door_is_open_a_beam_tells_nothing():
    assert look(Beam(True, False, True), True, is_open=True) == Beam(overruled=True)


@pytest.mark.parametrize(
    ("word", "overruled", "sees", "is_back"),
    [
        (None, None, None, False), (True, None, True, False), (False, None, False, False),
        (True, True, None, False), (False, True, False, True), (True, False, True, True),
        (None, True, None, False), (False, False, None, False),
    ],
)  # fmt: skip
def test_a_word_that_was_overruled_counts_for_nothing_until_the_beam_says_the_other(
    word, overruled, sees, is_back
):
    beam = Beam(word, None, overruled)
    assert (beam.sees, beam.is_back, beam.kept) == (sees, is_back, Beam(overruled=overruled))


# --- a resident goes


def test_a_compartment_that_is_seen_empty_is_vacant_and_verified():
    step = visited(FULL, COLLECT)
    assert told(step) == ["DoorClosed", "ParcelCollected"]
    assert (step.box.state, step.box.verified, step.box.assignable) == (State.VACANT, True, True)


def test_what_is_left_behind_keeps_the_compartment_from_everybody_and_is_told_with_the_visit():
    step = visited(FULL, COLLECT, True, True)
    assert told(step) == ["DoorClosed", "ParcelCollected", "LeftBehind", "goods_unclaimed"]
    left = step.facts[2]
    assert (left.order, left.parcel, left.occupancy, left.again) == (ORDER, PARCEL, OCCUPANCY, True)
    assert {fact.box.state for fact in step.facts[:3]} == {"checking"}
    box = step.box
    assert (box.state, box.occupancy, box.order, box.parcel, box.verified, box.opening) == (
        State.CHECKING, None, None, None, False, None,
    )  # fmt: skip
    assert not box.assignable
    assert visit.ask(box, COLLECT, 110.0, RULES) == Refused("not_valid")
    assert visit.ask(box, LOAD, 110.0, RULES) == Refused("no_fit")


@pytest.mark.parametrize("first", [(True, False), (False, True)])
def test_a_visit_ends_only_when_the_beam_has_settled(first):
    step = read(opened(FULL, COLLECT), *first)
    assert step.facts == ()
    assert step.box.door.is_closed
    assert step.box.opening is not None
    ended = read(step.box, first[-1], now=105.3)
    assert ended.box.state is (State.CHECKING if first[-1] else State.VACANT)


@pytest.mark.parametrize(("after", "is_over"), [(SETTLES_S - 0.1, False), (SETTLES_S, True)])
def test_a_beam_that_goes_on_flickering_is_no_evidence(after, is_over):
    box = read(opened(FULL, COLLECT), True, False).box
    step = read(box, True, now=105.1 + after)
    assert (step.box.opening is None) is is_over
    if is_over:
        assert (step.box.state, step.box.verified) == (State.VACANT, False)


def test_a_door_that_springs_back_is_still_the_same_visit():
    box = read(opened(FULL, COLLECT), True, False).box
    sprang = read(box, True, True, now=105.3, is_open=True).box
    assert sprang.opening is not None
    assert sprang.door.is_open
    assert read(sprang, True, True, now=106.0).box.state is State.CHECKING


def test_without_a_beam_nothing_is_waited_for_and_nothing_is_verified():
    step = visited(replace(FULL, beam=Beam()), COLLECT, None, None)
    assert told(step) == ["DoorClosed", "ParcelCollected"]
    assert (step.box.state, step.box.verified) == (State.VACANT, False)


# --- one more look


def test_whoever_left_something_opens_once_more_and_ends_it_by_taking_it():
    step = visited(left_behind(), AGAIN, now=200.0)
    assert told(step) == ["DoorClosed", "OpeningEnded", "compartment_unclear"]
    assert step.facts[2].type == "FaultCleared"
    assert (step.box.state, step.box.verified, step.box.occupancy) == (State.VACANT, True, None)


def test_the_looks_that_a_right_has_are_not_more_because_something_was_left():
    box, again = left_behind(), []
    for now in (200.0, 300.0):
        step = visited(box, AGAIN, True, True, now=now)
        again += [fact.again for fact in step.facts if fact.type == "LeftBehind"]
        box = step.box
    assert again == [True, False]
    assert (box.state, box.occupancy, box.left.reopened) == (State.CHECKING, None, 2)
    assert visit.ask(box, AGAIN, 400.0, RULES) == Refused("not_again")


def test_a_beam_that_went_dead_does_not_say_that_what_was_left_is_gone():
    step = visited(left_behind(), AGAIN, None, None, now=200.0)
    assert step.box.state is State.CHECKING


def test_a_look_whose_door_was_not_seen_leaves_all_as_it_was():
    box = left_behind()
    asked = visit.ask(box, AGAIN, 200.0, RULES).box
    over = visit.tick(visit.restarted(asked, same_boot=True).box, 300.0, RULES)
    assert told(over) == ["OpeningEnded"]
    assert (over.box.state, over.box.occupancy, over.box.order) == (State.CHECKING, None, None)


def test_an_unclear_pickup_whose_door_was_not_seen_is_unclear_again():
    box = replace(FULL, state=State.CHECKING)
    asked = visit.ask(box, COLLECT, 200.0, RULES).box
    over = visit.tick(visit.restarted(asked, same_boot=True).box, 300.0, RULES)
    assert told(over) == ["CheckNeeded", "compartment_unclear"]
    assert (over.box.occupancy, over.box.parcel) == (OCCUPANCY, PARCEL)


def test_after_a_second_look_at_a_door_whose_switch_flickers_only_somebody_with_a_badge_looks():
    box = replace(opened(left_behind(), AGAIN, 200.0), door=Door(DoorState.SENSOR_FAULT, 202.0))
    over = visit.tick(box, 201.0 + RULES.left_open_block_s, RULES)
    assert told(over) == ["CheckNeeded", "compartment_unclear"]
    assert (over.box.state, over.box.occupancy, over.box.left) == (State.CHECKING, None, None)


def test_after_a_door_was_left_open_only_somebody_with_a_badge_looks():
    box = opened(FULL, COLLECT)
    step = read(box, True, True, now=101.0 + RULES.left_open_block_s)
    left = next(fact for fact in step.facts if fact.type == "LeftBehind")
    assert not left.again
    assert visit.ask(step.box, AGAIN, 300.0, RULES) == Refused("other_occupancy")


# --- somebody looks


def test_a_person_who_finds_nothing_overrules_the_beam_until_it_sees_nothing_too():
    step = visited(left_behind(), LOOK, True, True, now=200.0)
    assert "beam_blind" in told(step)
    box = step.box
    assert (box.state, box.verified, box.assignable, box.beam.overruled) == (State.VACANT, False, True, True)
    assert read(box, True, True, now=210.0).facts == ()
    restarted = visit.restarted(box, same_boot=False).box
    assert read(restarted, True, True, True, now=20.0).facts == ()
    clean = read(box, False, False, now=210.0)
    assert (told(clean), clean.box.beam.overruled) == ([], None)


def test_under_a_blind_beam_everything_is_as_without_one():
    blind = visited(left_behind(), LOOK, True, True, now=200.0).box
    loaded = visited(blind, LOAD, True, True, now=300.0)
    assert told(loaded) == ["DoorClosed", "ParcelDeposited"]
    collected = visited(loaded.box, COLLECT, True, True, now=400.0)
    assert told(collected) == ["DoorClosed", "ParcelCollected"]
    assert (collected.box.state, collected.box.verified) == (State.VACANT, False)


def test_a_look_that_finds_it_empty_needs_to_overrule_nothing():
    step = visited(left_behind(), LOOK, now=200.0)
    assert (step.box.state, step.box.verified, step.box.beam.overruled) == (State.VACANT, True, None)


@pytest.mark.parametrize("wish", [LOOK, FROM_AFAR, RESCUE])
def test_what_anybody_leaves_in_a_vacant_compartment_is_seen(wish):
    left = replace(FREE, left=visit.Left(OCCUPANCY, ORDER, 90.0))
    step = visited(left, wish, True, True)
    assert told(step)[:4] == ["DoorClosed", "OpeningEnded", "LeftBehind", "goods_unclaimed"]
    assert not step.facts[2].again
    assert (step.box.state, step.box.left) == (State.CHECKING, None)


def test_opening_from_afar_overrules_no_beam():
    assert visited(left_behind(), FROM_AFAR, True, True, now=200.0).box.state is State.CHECKING


def test_what_lies_there_when_the_overdue_was_taken_out_is_seen():
    step = visited(FULL, REMOVE, True, True)
    assert told(step) == ["DoorClosed", "ParcelRemoved", "LeftBehind", "goods_unclaimed"]
    assert (step.box.state, step.box.left) == (State.CHECKING, None)


# --- a courier


def test_a_parcel_that_is_seen_needs_no_word_even_after_a_restart():
    assert told(visited(FREE, LOAD, True, True)) == ["DoorClosed", "ParcelDeposited"]
    box = visit.restarted(opened(FREE, LOAD), same_boot=True).box
    first = read(box, True)
    assert (first.facts, first.box.awaits_word) == ((), True)
    step = read(first.box, True, now=105.5)
    assert told(step) == ["DoorClosed", "ParcelDeposited"]
    assert (step.box.state, step.box.awaits_word) == (State.OCCUPIED, False)


def test_a_parcel_that_is_not_seen_is_asked_about_and_the_word_outweighs_the_beam():
    step = visited(FREE, LOAD)
    assert told(step) == ["DoorClosed", "CheckNeeded", "compartment_unclear"]
    assert visit.in_doubt(step.box)
    answered = visit.said(step.box, Said(Word.IS_IN, PARCEL))
    assert (answered.box.state, answered.box.beam.overruled) == (State.OCCUPIED, False)
    assert read(answered.box, False, False, now=110.0).facts == ()


@pytest.mark.parametrize(("seen", "state"), [((True, True), State.CHECKING), ((False, False), State.VACANT)])
def test_a_compartment_that_was_not_used_is_vacant_only_when_nothing_lies_there(seen, state):
    box = visit.said(opened(FREE, LOAD), Said(Word.DOES_NOT_FIT, PARCEL)).box
    step = read(box, *seen)
    assert step.box.state is state
    assert ("LeftBehind" in told(step)) is (state is State.CHECKING)


# --- behind a shut door


def test_goods_that_come_to_lie_in_a_vacant_compartment_keep_it_from_everybody():
    step = read(replace(FREE, left=visit.Left(OCCUPANCY, ORDER, 90.0)), True, True)
    assert told(step) == ["SeenInside", "goods_unclaimed"]
    assert (step.facts[0].goods, step.facts[0].box.state) == (True, "checking")
    assert (step.box.state, step.box.left, step.box.verified) == (State.CHECKING, None, False)
    assert read(step.box, True, True, False, False, now=110.0).box.state is State.CHECKING


def test_one_reading_alone_is_nothing():
    assert read(FREE, True).facts == ()
    assert read(FREE, True, False, True, False, True).facts == ()


def test_a_parcel_that_is_not_seen_any_more_is_told_once_and_its_code_opens_as_ever():
    step = read(FULL, False, False)
    assert told(step) == ["SeenInside", "goods_missing"]
    assert (step.facts[0].goods, step.box.state, step.box.parcel) == (False, State.OCCUPIED, PARCEL)
    assert read(step.box, False, False, now=110.0).facts == ()
    assert read(visit.restarted(step.box, same_boot=False).box, False, False, False).facts == ()
    assert not isinstance(visit.ask(step.box, COLLECT, 120.0, RULES), Refused)


def test_a_parcel_that_is_seen_again_is_told():
    missing = read(FULL, False, False).box
    step = read(missing, True, True, now=110.0)
    assert told(step) == ["SeenInside"]
    assert step.facts[0].goods
    assert step.box.beam.overruled is None


def test_goods_that_a_beam_did_not_see_leave_a_compartment_that_is_not_verified():
    missing = read(FULL, False, False).box
    step = visited(missing, COLLECT)
    assert (step.box.state, step.box.verified) == (State.VACANT, False)
    assert read(step.box, False, now=106.0).box.beam.overruled is None


def test_nothing_is_concluded_while_the_door_is_open_or_somebody_is_at_it():
    assert read(replace(FREE, door=Door(DoorState.OPEN, 0.0)), True, True, True, is_open=True).facts == ()
    asked = visit.ask(FREE, LOAD, 100.0, RULES).box
    sent = visit.pulsed(asked, Pulsed(7, 1, 100.0)).box
    assert read(sent, True, True, True).facts == ()
    called = visit.pulsed(visit.ask(FREE, RESCUE, 100.0, RULES).box, Pulsed(7, 1, 100.0)).box
    assert read(called, True, True, True).facts == ()
    flickers = replace(FREE, door=Door(DoorState.SENSOR_FAULT, 100.0, read_since_pulse=True))
    assert read(flickers, True, True, True).facts == ()


@pytest.mark.parametrize(
    ("box", "refusal"),
    [
        (read(FREE, True, True).box, ""),
        (replace(FREE, sides=frozenset({Side.FORCED})), ""),
        (FREE, "no_question"),
        (FULL, "other_occupancy"),
        (replace(FULL, state=State.CHECKING), "other_occupancy"),
        (replace(FREE, state=State.CHECKING), "other_occupancy"),
    ],
)
def test_a_parcel_may_lie_where_something_has_come_to_lie(box, refusal):
    assert visit.why_not_here(box) == refusal
    if not refusal and box.state is State.CHECKING:
        step = visit.lies_here(box, Said(Word.IS_IN, PARCEL), ORDER, OCCUPANCY)
        assert told(step) == ["DepositAnswered"]
        assert step.box.state is State.OCCUPIED
