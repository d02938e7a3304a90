"""The controller starts and finds what it was doing when it stopped."""

from dataclasses import replace

from config.contract import events as fact
from controller.doors import Door
from controller.visit.box import Box, Opening, Side, State, Step
from controller.visit.ending import to_be_checked
from controller.visit.told import command_ended, of


def restarted(box: Box, *, same_boot: bool) -> Step:
    """The controller starts and finds this box in its store. Doors are unknown until they are read."""
    box = replace(box, door=Door(), beam=box.beam.kept)
    opening = box.opening
    if opening is None or opening.seen_open:
        long = replace(box, rest_until=0.0, left=None, opening=_open_for_long(opening))
        return Step(box if same_boot else long)
    started = opening.first_pulse if same_boot else float("-inf")
    opening = replace(opening, ambiguous=True, intended=None, sent_at=None, first_pulse=started)
    if not same_boot:  # moments of another boot mean nothing now
        box = replace(box, rest_until=0.0, left=None)
    box = replace(box, opening=opening)
    return Step(box, (fact.OpeningAmbiguous(**of(box, opening)),))


def _open_for_long(opening: Opening | None) -> Opening | None:
    """Its clock is gone: nobody knows for how long the door has stood open, so it was too long."""
    return None if opening is None else replace(opening, opened_at=float("-inf"))


def fallen_back(box: Box, *, known: bool) -> Step:
    """The store is older than the truth, or (not ``known``) empty: all is held until a person looks."""
    box = replace(
        box, sides=box.sides | {Side.QUARANTINE}, verified=False, door=Door(), beam=box.beam.kept,
        rest_until=0.0, left=None,
    )  # fmt: skip
    opening = box.opening
    if opening is None:
        return Step(box if known else replace(box, state=State.CHECKING))
    ambiguous = fact.OpeningAmbiguous(**of(box, opening))
    after, facts = to_be_checked(box, opening, "records restored")
    return Step(after, (ambiguous, *facts, *command_ended(opening, "unknown", "")))
