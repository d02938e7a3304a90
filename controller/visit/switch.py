"""The door's switch was read, and the beam: openings are finished, forced doors are noticed."""

from dataclasses import replace
from math import isfinite

from config.contract import events as fact
from controller.beams import SETTLES_S, look
from controller.doors import Door, DoorState, Reading, read
from controller.visit.beam import counts_again, is_overruled, overruled, told_left, vacated, watched
from controller.visit.box import Box, Opening, Purpose, Rules, Side, State, Step
from controller.visit.ending import to_be_checked
from controller.visit.reopening import can_reopen, left_behind
from controller.visit.told import command_ended, fault, now_of, of, parcel_in

LOOKED_AFTER = frozenset({Side.FORCED, Side.QUARANTINE, Side.OUT_OF_SERVICE})
"""A service opening that was seen open and closed means that a person stood there: these end with it."""
ENDED_BY_A_LOOK = {
    Side.FORCED: "door_forced",
    Side.QUARANTINE: "compartment_unclear",
    Side.OUT_OF_SERVICE: "door_stuck",
}


def door_read(box: Box, reading: Reading, now: float, rules: Rules) -> Step:
    """The switch was read; finishes openings, notices forced doors and what the beam sees unasked."""
    opening = box.opening
    if opening is not None and _pulse_on_its_way(opening, reading):
        return Step(box)
    awaited = opening is not None and not opening.seen_open and opening.closed_before
    was = box.door
    door, changed = read(was, reading, expected=awaited)
    door = door if door.read_since_pulse else replace(door, read_since_pulse=True)
    beam = look(box.beam, reading.interrupted, is_open=reading.open)
    box = box if door is was and beam == box.beam else replace(box, door=door, beam=beam)
    if opening is not None and door.reads_closed and not opening.closed_before:
        opening = replace(opening, closed_before=True)
        box = replace(box, opening=opening)
    if (door.state is DoorState.SENSOR_FAULT) is not (was.state is DoorState.SENSOR_FAULT):
        return Step(box, (_flapping(box),))
    if opening is not None and opening.seen_open and door.reads_closed:
        box = _as_was_seen(box, opening, was)
        if box.beam.settles and reading.asked_at - door.since < SETTLES_S:
            return Step(box)
        return _finish(box, opening, now, rules)
    if not changed:
        return watched(box)
    if door.is_open:
        return _opened(box, opening, reading) if awaited and opening is not None else _forced(box)
    return _closed(box, was, now)


def _flapping(box: Box) -> fact.Fact:
    """The switch is not believed any more, or is read anew."""
    if box.door.state is DoorState.SENSOR_FAULT:
        return fault("switch_flapping", box)
    return fact.FaultCleared(fault="switch_flapping", subject=box.label)


def _pulse_on_its_way(opening: Opening, reading: Reading) -> bool:
    """A reading asked before the pulse was written, or while that is unknown, says nothing about it."""
    if opening.intended is None or opening.ambiguous:
        return False
    return opening.sent_at is None or reading.asked_at <= opening.sent_at


def _as_was_seen(box: Box, opening: Opening, was: Door) -> Box:
    """A door that was open and is found closed after a stop: nobody watched what was put in, or not."""
    unwatched = was.state is DoorState.UNKNOWN and opening.purpose is Purpose.LOAD and box.parcel is not None
    return replace(box, awaits_word=True) if unwatched else box


def _opened(box: Box, opening: Opening, reading: Reading) -> Step:
    waited = reading.asked_at - (opening.sent_at if opening.sent_at is not None else reading.asked_at)
    succeeded = command_ended(opening, "succeeded", "")
    opening = replace(opening, opened_at=reading.asked_at, intended=None, ambiguous=False)
    box = replace(box, opening=opening, rest_until=0.0)
    told = fact.DoorOpened(**of(box, opening), pulse=opening.pulses, after_pulse_ms=round(waited * 1000))
    return Step(box, (told, *succeeded))


def _forced(box: Box) -> Step:
    """Open, and no opening explains it. A switch that was open before the pulse comes here, too."""
    if box.opening is not None:
        return Step(box)
    alarm = () if Side.FORCED in box.sides else (fault("door_forced", box),)
    box = replace(
        box, sides=box.sides | {Side.FORCED}, door=replace(box.door, state=DoorState.FORCED), verified=False
    )
    return Step(box, (fact.DoorForced(box=now_of(box)), *alarm))


def _closed(box: Box, was: Door, now: float) -> Step:
    if box.opening is not None or was.state is DoorState.UNKNOWN:
        return Step(box)
    told = fact.DoorClosed(box=now_of(box), open_ms=max(0, round((now - was.since) * 1000)))
    cleared = fact.FaultCleared(fault="door_left_open", subject=box.label)
    return Step(box, (told, cleared) if was.told_left_open else (told,))


def _finish(box: Box, opening: Opening, now: float, rules: Rules) -> Step:
    """Seen open, now closed: what the opening was for has happened."""
    assert opening.opened_at is not None
    open_s = now - opening.opened_at
    if box.beam.settles:
        box = replace(box, beam=replace(box.beam, word=None))
    box = counts_again(box)
    left_open = open_s >= rules.left_open_block_s
    after, told = _outcome(box, opening, now, left_open=left_open)
    open_ms = max(0, round(open_s * 1000)) if isfinite(open_s) else None
    facts: list[fact.Fact] = [fact.DoorClosed(box=now_of(after), open_ms=open_ms), *told]
    ended = {ENDED_BY_A_LOOK[side] for side in box.sides - after.sides}
    if opening.before is State.CHECKING and after.state is not State.CHECKING:
        ended.add("compartment_unclear")
    facts += [fact.FaultCleared(fault=code, subject=box.label) for code in sorted(ended)]
    if open_s >= rules.left_open_alarm_s:
        facts.append(fact.FaultCleared(fault="door_left_open", subject=box.label))
    if after.state is State.VACANT and left_open:
        after, need = to_be_checked(after, opening, "left_open")
        facts += need
    return Step(after, tuple(facts))


def _outcome(box: Box, opening: Opening, now: float, *, left_open: bool) -> tuple[Box, tuple[fact.Fact, ...]]:
    match opening.purpose:
        case Purpose.COLLECT:
            return _collected(box, opening, now, left_open=left_open)
        case Purpose.REMOVE:
            after = vacated(box, opening)
            told = fact.ParcelRemoved(**of(after, opening), **parcel_in(box), badge=opening.badge)
            return after, (told, *told_left(box, after, opening))
        case Purpose.LOAD:
            return _loaded(box, opening, left_open=left_open)
        case Purpose.SERVICE:
            return _looked_into(replace(box, sides=box.sides - LOOKED_AFTER), opening)
        case Purpose.EMERGENCY:
            return _looked_into(box, opening)


def _loaded(box: Box, opening: Opening, *, left_open: bool) -> tuple[Box, tuple[fact.Fact, ...]]:
    """The parcel is in, unless whoever loads has said that it is not, or has yet to say where it is.

    A beam that sees it needs no word; one that sees nothing has the question asked. Behind a door that was
    left open anybody may have shut it, and the courier may have it still.
    """
    if box.parcel is None:
        after = vacated(box, opening)
        return after, (fact.OpeningEnded(**of(after, opening)), *told_left(box, after, opening))
    if box.beam.sees is False or (box.awaits_word and not box.beam.sees):
        return to_be_checked(box, opening, "unconfirmed")
    if left_open:
        return to_be_checked(box, opening, "left_open")
    after = replace(box, state=State.OCCUPIED, opening=None, awaits_word=False)
    return after, (fact.ParcelDeposited(**of(after, opening), **parcel_in(box)),)


def _collected(
    box: Box, opening: Opening, now: float, *, left_open: bool
) -> tuple[Box, tuple[fact.Fact, ...]]:
    left = left_behind(box, now) if box.parcel is not None else box.left
    if left_open:  # anybody may have been at it: somebody with a badge looks first
        left = None
    after = replace(vacated(box, opening), left=left)
    forgotten = told_left(box, after, opening, again=can_reopen(after, now))
    if box.parcel is None:  # its goods were collected before
        return after, (fact.OpeningEnded(**of(after, opening)), *forgotten)
    told = fact.ParcelCollected(**of(after, opening), **parcel_in(box), in_doubt=box.awaits_word)
    return after, (told, *forgotten)


def _looked_into(box: Box, opening: Opening) -> tuple[Box, tuple[fact.Fact, ...]]:
    """Somebody else than the owner had the door open: what lay there may be gone.

    Where nobody's goods were known to lie a look was all that was wanted: a badge says that one was taken.
    """
    inspected = opening.purpose is Purpose.SERVICE and opening.proof == "badge" and box.occupancy is None
    if opening.before is State.VACANT or inspected:
        after = vacated(box, opening)
        told = fact.OpeningEnded(**of(after, opening))
        if is_overruled(box, opening):
            return overruled(after), (told, fault("beam_blind", after))
        return after, (told, *told_left(box, after, opening))
    after = replace(box, state=State.CHECKING, opening=None, awaits_word=False)
    return after, (fact.CheckNeeded(**of(after, opening), reason=f"opened for {opening.purpose}"),)
