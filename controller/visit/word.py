"""What whoever loads says of a compartment: where nothing has seen what lies in it, the word decides.

A door that is open with a loading opening whose parcel is gone (``parcel`` is None while LOADING) is a door
that was opened and not used; it is vacant once it has closed, and flagged.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from config.contract import events as fact
from controller.visit.box import Box, Opening, Purpose, Refused, Side, State, Step
from controller.visit.told import fault, now_of, of, parcel_in


class Word(StrEnum):
    IS_IN = "is_in"  # the parcel lies there
    NOT_IN = "not_in"  # it was not put in, or was taken out again
    DOES_NOT_FIT = "does_not_fit"  # the same, and a larger compartment is wanted
    NOT_EMPTY = "not_empty"  # dirty, or something lay there already: the parcel was not put in


@dataclass(frozen=True, slots=True)
class Said:
    """``badge``: who said it; None where a resident stands there.

    ``occupancy``: the one that the screen asked about; None where the question outlives it.
    """

    word: Word
    parcel: str
    badge: str | None = None
    occupancy: str | None = None


Reason = Literal["courier", "does_not_fit", "not_empty"]
_REASONS: dict[Word, Reason] = {
    Word.NOT_IN: "courier",
    Word.DOES_NOT_FIT: "does_not_fit",
    Word.NOT_EMPTY: "not_empty",
}


def said(box: Box, told: Said) -> Step | Refused:
    """The word of whoever had the parcel in their hands. That they had it, the caller knows."""
    if box.parcel is None or box.parcel != told.parcel or told.occupancy not in (None, box.occupancy):
        return Refused("other_occupancy")
    opening = box.opening
    if opening is None or (opening.ambiguous and opening.purpose is Purpose.LOAD):
        return _of_a_closed_box(box, told)
    if opening.purpose is not Purpose.LOAD or not opening.seen_open:
        return Refused("busy")
    return _while_it_is_open(box, opening, told)


def in_doubt(box: Box) -> bool:
    """A loading whose end nobody saw: the word of a courier decides whether the parcel is in."""
    opening = box.opening
    if opening is not None:
        return opening.ambiguous and opening.purpose is Purpose.LOAD and box.parcel is not None
    return box.state is State.CHECKING and box.awaits_word


def doubted(box: Box) -> Step:
    """Another door moved while this one, which was to open for a parcel, stayed shut."""
    opening = box.opening
    if opening is None or opening.purpose is not Purpose.LOAD or opening.seen_open or box.parcel is None:
        return Step(box)
    return Step(replace(box, awaits_word=True))


def why_not_here(box: Box) -> str:
    """Why nothing can have been put behind this door unasked; empty: it can."""
    if box.door.is_open:
        return "door_open"
    if box.opening is None and box.state is State.CHECKING and box.parcel is None and box.beam.sees:
        return ""
    if box.state is not State.VACANT or box.opening is not None:
        return "other_occupancy"
    return "" if Side.FORCED in box.sides else "no_question"


def lies_here(box: Box, told: Said, order: str, occupancy: str) -> Step | Refused:
    """The parcel was put behind a door that sprang open unasked. That it was forced stays on record."""
    refusal = why_not_here(box)
    if refusal:
        return Refused(refusal)
    after = replace(
        box, state=State.OCCUPIED, order=order, parcel=told.parcel, occupancy=occupancy, left=None
    )
    return Step(after, (_answered(after, after, told),))


def _while_it_is_open(box: Box, opening: Opening, told: Said) -> Step | Refused:
    if told.word is Word.IS_IN:
        return Refused("door_open")
    after = replace(_emptied(box, told), state=State.LOADING)
    aborted = fact.DepositAborted(**of(after, opening), **parcel_in(box), reason=_REASONS[told.word])
    return Step(after, (aborted, *_to_be_cleaned(after, told)))


def _of_a_closed_box(box: Box, told: Said) -> Step | Refused:
    """After a deposit that was seen, the word may take it back; after one that was not, it decides."""
    if box.door.is_open:
        return Refused("door_open")
    unsure = in_doubt(box)
    if not unsure and box.state is not State.OCCUPIED:
        return Refused("held")
    if told.word is Word.IS_IN:
        if not unsure:
            return Step(box)
        after = replace(box, state=State.OCCUPIED, awaits_word=False, opening=None)
        if box.beam.sees is False:  # it lies where the beam does not reach
            after = replace(after, beam=replace(box.beam, overruled=False))
    else:
        after = replace(_emptied(box, told), state=State.VACANT, opening=None, verified=False)
    cleared = box.state is State.CHECKING and told.word is not Word.NOT_EMPTY
    over = (fact.FaultCleared(fault="compartment_unclear", subject=box.label),) if cleared else ()
    return Step(after, (_answered(after, box, told), *over, *_to_be_cleaned(after, told)))


def _emptied(box: Box, told: Said) -> Box:
    sides = box.sides | {Side.QUARANTINE} if told.word is Word.NOT_EMPTY else box.sides
    return replace(box, order=None, parcel=None, occupancy=None, awaits_word=False, sides=sides)


def _answered(after: Box, of_parcel: Box, told: Said) -> fact.DepositAnswered:
    return fact.DepositAnswered(
        box=now_of(after), **parcel_in(of_parcel), answer=told.word.value, badge=told.badge
    )


def _to_be_cleaned(after: Box, told: Said) -> tuple[fact.Fact, ...]:
    return (fault("compartment_unclear", after),) if told.word is Word.NOT_EMPTY else ()
