"""What the beam across a compartment adds: whether it is empty, and goods that come or go behind a shut door.

No word of a beam keeps anybody from their goods. Where there is none, where it is blind or flickers, the
switch and the people say what happened, as in any compartment.
"""

from dataclasses import replace

from config.contract import events as fact
from controller.visit.box import Box, Opening, Purpose, State, Step
from controller.visit.told import fault, now_of, of


def vacated(box: Box, opening: Opening) -> Box:
    """Without its goods: vacant, seen empty or flagged; to be checked where something lies there still."""
    left = box.left if opening.purpose is Purpose.COLLECT else None
    after = replace(
        box, state=State.VACANT, occupancy=None, order=None, parcel=None, opening=None, awaits_word=False,
        verified=box.beam.sees is False,
    )  # fmt: skip
    return replace(after, state=State.CHECKING, left=left) if _holds_something(box, opening) else after


def told_left(box: Box, after: Box, opening: Opening, *, again: bool = False) -> tuple[fact.Fact, ...]:
    """That something was left behind, where it was; ``after`` as ``vacated`` made it."""
    if after.state is State.VACANT:
        return ()
    told = fact.LeftBehind(
        **of(after, opening), occupancy=box.occupancy, order=box.order, parcel=box.parcel, again=again
    )
    return told, fault("goods_unclaimed", after)


def overruled(box: Box) -> Box:
    """A person has looked and found nothing: the beam is blind until it has seen nothing, too."""
    return replace(box, verified=False, beam=replace(box.beam, overruled=True))


def is_overruled(box: Box, opening: Opening) -> bool:
    """Somebody with a badge has looked into what was to be looked into, and the beam still sees something."""
    return _is_a_look(opening) and box.beam.sees is True


def watched(box: Box) -> Step:
    """A shut door and nobody at it: does the beam's word fit what lies there by the records?"""
    if box.opening is not None or not box.door.is_closed:
        return Step(box)
    was_missed = box.beam.overruled is False
    box = counts_again(box)
    match box.state, box.beam.sees:
        case State.VACANT, True:
            after = replace(box, state=State.CHECKING, verified=False, left=None)
            return Step(after, (_seen(after), fault("goods_unclaimed", after)))
        case State.OCCUPIED, False:
            after = replace(box, beam=replace(box.beam, overruled=False))
            return Step(after, (_seen(after), fault("goods_missing", after)))
        case State.OCCUPIED, True if was_missed:
            return Step(box, (_seen(box),))
    return Step(box)


def counts_again(box: Box) -> Box:
    """A beam that was overruled is believed again as soon as its word fits."""
    fits = box.beam.overruled is False and box.state is State.VACANT
    return replace(box, beam=replace(box.beam, overruled=None)) if box.beam.is_back or fits else box


def _seen(box: Box) -> fact.SeenInside:
    return fact.SeenInside(box=now_of(box), goods=box.beam.word is True)


def _holds_something(box: Box, opening: Opening) -> bool:
    if _is_a_look(opening):
        return False
    if box.beam.sees is not None:
        return box.beam.sees
    # A beam that has gone dead meanwhile cannot say that what was left behind is gone.
    return opening.purpose is Purpose.COLLECT and opening.before is State.CHECKING and box.parcel is None


def _is_a_look(opening: Opening) -> bool:
    by_badge = opening.purpose is Purpose.SERVICE and opening.proof == "badge"
    return by_badge and opening.before is State.CHECKING
