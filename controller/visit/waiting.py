"""Time has passed: the next pulse, the end of an opening, a door left open."""

from dataclasses import replace

from config.contract import events as fact
from controller.doors import DoorState
from controller.visit.box import Box, Opening, Purpose, Rules, Side, Step
from controller.visit.ending import back, to_be_checked, unclear
from controller.visit.pulses import pulse_next, pulses_left
from controller.visit.told import Parcel, command_ended, fault, now_of, of, parcel_in


def tick(box: Box, now: float, rules: Rules) -> Step:
    """Time has passed: the next pulse, the end of an opening, a door left open."""
    opening = box.opening
    if opening is not None and not opening.seen_open:
        return _waiting(box, opening, now, rules)
    if opening is not None and box.door.state is DoorState.SENSOR_FAULT:
        return _flickering(box, opening, now, rules)
    return _left_open(box, now, rules)


def _waiting(box: Box, opening: Opening, now: float, rules: Rules) -> Step:
    if opening.ambiguous:
        over = now >= opening.first_pulse + rules.window_s
        return unclear(box, opening) if over else Step(box)
    if opening.intended is None or opening.sent_at is None or now < opening.sent_at + rules.release_wait_s:
        return Step(box)
    if pulses_left(opening, now, rules):
        return pulse_next(box, opening, now, rules)
    return _exhausted(box, opening, now, rules)


def _exhausted(box: Box, opening: Opening, now: float, rules: Rules) -> Step:
    """All pulses used. Only a switch that read closed after each of them says that the door did not open."""
    if opening.blind or not box.door.reads_closed:
        return unclear(box, opening)
    told = fact.OpeningFailed(**of(back(box, opening), opening), pulses=opening.pulses)
    outcome = command_ended(opening, "failed", "door_stuck")
    after = replace(back(box, opening), door=replace(box.door, state=DoorState.STUCK))
    if opening.purpose is Purpose.LOAD:
        return _dead_door(after, opening, (told, *outcome), parcel_in(box))
    after = replace(after, rest_until=now + rules.rest_s)
    return Step(after, (told, fault("door_stuck", box), *outcome))


def _dead_door(box: Box, opening: Opening, facts: tuple[fact.Fact, ...], parcel: Parcel) -> Step:
    """The parcel is still in the courier's hands; no other one is sent here."""
    box = replace(box, sides=box.sides | {Side.OUT_OF_SERVICE})
    aborted = fact.DepositAborted(**of(box, opening), **parcel, reason="door_stuck")
    return Step(box, (*facts, aborted, fault("door_stuck", box)))


def _flickering(box: Box, opening: Opening, now: float, rules: Rules) -> Step:
    """Nobody sees whether the door was shut. After so long it counts as one that was left open."""
    assert opening.opened_at is not None
    if now < opening.opened_at + rules.left_open_block_s:
        return Step(box)
    after, need = to_be_checked(box, opening, "left_open")
    return Step(after, need)


def _left_open(box: Box, now: float, rules: Rules) -> Step:
    if not box.door.is_open or box.door.told_left_open or now < box.door.since + rules.left_open_alarm_s:
        return Step(box)
    box = replace(box, door=replace(box.door, told_left_open=True))
    told = fact.DoorLeftOpen(box=now_of(box), open_ms=round((now - box.door.since) * 1000))
    return Step(box, (told, fault("door_left_open", box)))
