"""The pulses of an opening: at most K within W, and what became of each on the wire."""

from dataclasses import replace
from math import inf

from config.contract import events as fact
from controller.visit.box import Box, Opening, Pulse, Pulsed, Purpose, Rules, Step
from controller.visit.ending import back, unclear
from controller.visit.told import command_ended, of


def pulse_next(
    box: Box, opening: Opening, now: float, rules: Rules, facts: tuple[fact.Fact, ...] = ()
) -> Step:
    emergency = opening.purpose is Purpose.EMERGENCY
    last = inf if emergency else opening.first_pulse + rules.window_s  # a whole bank takes its time
    not_after = last if opening.not_after is None else min(last, opening.not_after)
    closed = opening.closed_before or box.door.reads_closed
    blind = opening.blind or (opening.pulses > 0 and not box.door.read_since_pulse)
    opening = replace(
        opening, pulses=opening.pulses + 1, intended=now, sent_at=None, ambiguous=False,
        closed_before=closed, blind=blind,
    )  # fmt: skip
    box = replace(box, opening=opening, door=replace(box.door, doubt=None, read_since_pulse=False))
    intended = fact.PulseIntended(**of(box, opening), pulse=opening.pulses)
    unconditional = emergency and opening.not_after is None
    pulse = Pulse(box.label, opening.number, opening.pulses, box.occupancy, not_after, unconditional)
    return Step(box, (*facts, intended), pulse)


def pulses_left(opening: Opening, now: float, rules: Rules) -> bool:
    in_time = opening.not_after is None or now < opening.not_after
    return opening.pulses < rules.pulses and now < opening.first_pulse + rules.window_s and in_time


def pulsed(box: Box, done: Pulsed) -> Step:
    """The wire has answered, or not, or the pulse was held back at the last moment."""
    opening = box.opening
    if opening is None or (opening.number, opening.pulses) != (done.opening, done.pulse):
        return Step(box)
    if done.withheld:
        return _withheld(box, opening, done)
    return Step(replace(box, opening=replace(opening, sent_at=done.sent_at)))


def _withheld(box: Box, opening: Opening, done: Pulsed) -> Step:
    """An earlier pulse of the same opening may have opened the door while nobody looked."""
    told = fact.PulseWithheld(**of(box, opening), pulse=done.pulse, reason=done.withheld)
    if opening.pulses > 1:
        step = unclear(box, opening)
        return replace(step, facts=(told, *step.facts))
    outcome = command_ended(opening, "rejected", done.withheld)
    box = back(box, opening)
    return Step(box, (told, fact.OpeningEnded(**of(box, opening)), *outcome))
