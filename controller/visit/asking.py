"""Somebody wants a door: who may, and what begins."""

from dataclasses import replace

from config.contract import events as fact
from controller.visit.box import Ask, Box, Opening, Purpose, Refused, Rules, Side, State, Step
from controller.visit.pulses import pulse_next, pulses_left
from controller.visit.reopening import may_reopen, reopened
from controller.visit.told import command_ended, of


def ask(box: Box, wish: Ask, now: float, rules: Rules) -> Step | Refused:
    """Grant an opening, or the next pulse of one that is under way, or say why not."""
    refusal = _refusal(box, wish, now)
    if refusal:
        return Refused(refusal)
    if box.opening is not None and wish.purpose is not Purpose.EMERGENCY:
        return _again(box, box.opening, wish, now, rules)
    return _begin(box, wish, now, rules)


def _refusal(box: Box, wish: Ask, now: float) -> str:
    match wish.purpose:
        case Purpose.COLLECT:
            return _may_collect(box, wish, now)
        case Purpose.LOAD:
            return _may_load(box, wish)
        case Purpose.REMOVE:
            return _may_remove(box, wish, now)
        case Purpose.SERVICE:
            return _may_service(box, wish)
        case Purpose.EMERGENCY:
            return ""


def _may_collect(box: Box, wish: Ask, now: float) -> str:
    if wish.again:
        return may_reopen(box, wish, now)
    if box.state not in (State.OCCUPIED, State.COLLECTING, State.CHECKING) or box.occupancy is None:
        return "not_valid"
    if wish.occupancy != box.occupancy:
        return "other_occupancy"
    if box.sides & {Side.COLD_HOLD, Side.QUARANTINE}:
        return "held"
    if Side.UNPROVEN in box.sides:
        return "unproven"
    if box.opening is not None and box.opening.purpose is not Purpose.COLLECT:
        return "busy"
    return "door_stuck" if box.rest_until > now else ""


def _may_load(box: Box, wish: Ask) -> str:
    if wish.parcel is None or wish.occupancy is None:
        return "unknown_parcel"
    if Side.COLD_HOLD in box.sides:
        return "held"
    if Side.UNPROVEN in box.sides:
        return "unproven"
    if box.parcel == wish.parcel and box.state in (State.LOADING, State.CHECKING):
        return "" if box.opening is None or box.opening.purpose is Purpose.LOAD else "busy"
    return "" if box.assignable else "no_fit"


def _may_remove(box: Box, wish: Ask, now: float) -> str:
    """Also what is held back: removing is how it leaves the cabinet."""
    if box.state not in (State.OCCUPIED, State.COLLECTING, State.CHECKING) or box.parcel is None:
        return "not_valid"
    if wish.occupancy != box.occupancy:
        return "other_occupancy"
    if Side.UNPROVEN in box.sides:
        return "unproven"
    if box.opening is not None and box.opening.purpose is not Purpose.REMOVE:
        return "busy"
    return "door_stuck" if box.rest_until > now else ""


def _may_service(box: Box, wish: Ask) -> str:
    """A door that may turn out to be another one opens only in front of somebody who looks after it."""
    if wish.occupancy != box.occupancy:
        return "other_occupancy"
    if Side.UNPROVEN in box.sides and wish.proof != "badge":
        return "unproven"
    return "busy" if box.opening is not None else ""


def _again(box: Box, opening: Opening, wish: Ask, now: float, rules: Rules) -> Step | Refused:
    """The same person asks once more while the opening is under way."""
    if opening.seen_open or not opening.ambiguous:
        return Refused("busy")
    renewed = replace(opening, proof=wish.proof, not_after=wish.not_after, command=wish.command)
    if not pulses_left(renewed, now, rules):
        return Refused("door_stuck")
    facts: tuple[fact.Fact, ...] = ()
    if wish.command != opening.command:
        facts = (*command_ended(opening, "unknown", ""), *started(box, renewed))
    return pulse_next(box, renewed, now, rules, facts)


def _begin(box: Box, wish: Ask, now: float, rules: Rules) -> Step:
    """A new opening; the first pulse is intended in the same step, so in the same transaction."""
    opening = Opening(
        number=wish.number, purpose=wish.purpose, proof=wish.proof, before=_resting(box), first_pulse=now,
        not_after=wish.not_after, command=wish.command, badge=wish.badge,
        closed_before=box.opening is not None and box.opening.closed_before,
    )  # fmt: skip
    facts: tuple[fact.Fact, ...] = ()
    if box.opening is not None:
        facts = command_ended(box.opening, "failed", "busy")
    match wish.purpose:
        case Purpose.COLLECT:
            box = reopened(box) if wish.again else replace(box, state=State.COLLECTING)
        case Purpose.REMOVE:
            box = replace(box, state=State.COLLECTING)
        case Purpose.LOAD:
            box = replace(
                box, state=State.LOADING, parcel=wish.parcel, order=wish.order,
                occupancy=box.occupancy or wish.occupancy, verified=True, left=None, awaits_word=False,
            )  # fmt: skip
    return pulse_next(box, opening, now, rules, (*facts, *started(box, opening)))


def _resting(box: Box) -> State:
    """The state to return to when nothing changes hands."""
    opening = box.opening
    if opening is None:
        return box.state
    if opening.purpose is Purpose.LOAD and box.parcel is not None:
        return State.CHECKING  # cut short by an emergency: the parcel may lie there by now
    if opening.seen_open and box.parcel is not None:
        return State.CHECKING  # or may be gone by now
    return opening.before


def started(box: Box, opening: Opening) -> tuple[fact.Fact, ...]:
    return (
        fact.OpeningStarted(
            **of(replace(box, opening=opening), opening), command=opening.command, badge=opening.badge
        ),
    )
