"""Openings that end without being seen: back to what was, or to be looked at by a person."""

from dataclasses import replace

from config.contract import events as fact
from controller.visit.box import Box, Opening, Purpose, State, Step
from controller.visit.told import command_ended, fault, of


def back(box: Box, opening: Opening) -> Box:
    """As before the opening. A parcel that was to be loaded is not in the box."""
    box = replace(box, state=opening.before, opening=None)
    if opening.before is State.VACANT:
        return replace(box, occupancy=None, order=None, parcel=None, awaits_word=False)
    return _nobodys(box)


def unclear(box: Box, opening: Opening) -> Step:
    """Nobody saw whether the door opened. What was there, or was to be there, is kept in mind."""
    looks_again = opening.before is State.CHECKING and box.parcel is None
    if (opening.before is State.VACANT or looks_again) and opening.purpose is not Purpose.LOAD:
        box = back(box, opening)
        return Step(box, (fact.OpeningEnded(**of(box, opening)), *command_ended(opening, "unknown", "")))
    after, facts = to_be_checked(box, opening, "door not seen")
    return Step(after, (*facts, *command_ended(opening, "unknown", "")))


def to_be_checked(box: Box, opening: Opening, reason: str) -> tuple[Box, tuple[fact.Fact, ...]]:
    by_word = opening.purpose is Purpose.LOAD and box.parcel is not None
    box = _nobodys(replace(box, state=State.CHECKING, opening=None, awaits_word=by_word, left=None))
    need = fact.CheckNeeded(**of(box, opening), reason=reason)
    return box, (need, fault("compartment_unclear", box))


def _nobodys(box: Box) -> Box:
    """Where no parcel lies whoever looked once more has no claim to the compartment afterwards."""
    return replace(box, occupancy=None, order=None) if box.parcel is None else box
