"""Something was forgotten: the door opens again for who has collected, a little while, a few times.

A new recorded opening of the same occupancy. The right to the goods stays used: ``parcel`` stays empty, and
the compartment is vacant again when the door has closed and no beam sees anything in it.
"""

from dataclasses import replace

from controller.visit.box import Ask, Box, Left, Purpose, Side, State

WITHIN_S = 600.0
MOST = 2


def may_reopen(box: Box, wish: Ask, now: float) -> str:
    """Why not; empty when it may be."""
    if box.opening is not None:
        own = box.opening.purpose is Purpose.COLLECT and wish.occupancy == box.occupancy
        return "" if own else "busy"
    may_be = box.state in (State.VACANT, State.CHECKING) and box.left is not None
    if not may_be or box.left is None or wish.occupancy != box.left.occupancy:
        return "other_occupancy"
    if not can_reopen(box, now):
        return "not_again"
    if Side.UNPROVEN in box.sides:
        return "unproven"
    return "door_stuck" if box.rest_until > now else ""


def can_reopen(box: Box, now: float) -> bool:
    """The goods were collected so lately, and the door was opened again so seldom."""
    left = box.left
    return left is not None and left.reopened < MOST and now - left.at <= WITHIN_S


def reopened(box: Box) -> Box:
    """The compartment for the time of the opening."""
    assert box.left is not None
    left = replace(box.left, reopened=box.left.reopened + 1)
    return replace(box, state=State.COLLECTING, occupancy=left.occupancy, order=left.order, left=left)


def left_behind(box: Box, now: float) -> Left:
    """To remember when the goods of this box have been collected."""
    assert box.occupancy is not None
    assert box.order is not None
    return Left(box.occupancy, box.order, now)
