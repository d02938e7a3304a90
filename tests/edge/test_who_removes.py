"""Who may remove what nobody fetched, and who may not step into the unfinished opening of somebody else."""

from dataclasses import replace

import pytest

from controller import visit
from controller.doors import Door, DoorState
from controller.visit import Ask, Box, Pulsed, Purpose, Refused, Rules, Side, State

RULES = Rules()
ORDER, PARCEL, OCCUPANCY = "00000000000000a1", "00000000000000a2", "00000000000000ee-1"
FULL = Box(
    "01", State.OCCUPIED, occupancy=OCCUPANCY, order=ORDER, parcel=PARCEL, door=Door(DoorState.CLOSED, 0.0)
)
COLLECT = Ask(7, Purpose.COLLECT, "code", OCCUPANCY)
REMOVE = Ask(7, Purpose.REMOVE, "badge", OCCUPANCY)
SERVICE = Ask(7, Purpose.SERVICE, "badge", OCCUPANCY)


def ambiguous(wish):
    begun = visit.ask(FULL, wish, 100.0, RULES)
    sent = visit.pulsed(begun.box, Pulsed(7, 1, 100.0)).box
    return visit.restarted(sent, same_boot=True).box


@pytest.mark.parametrize(
    ("box", "wish", "reason"),
    [
        (Box("01"), REMOVE, "not_valid"),
        (replace(FULL, state=State.LOADING), REMOVE, "not_valid"),
        (replace(FULL, parcel=None), REMOVE, "not_valid"),
        (FULL, replace(REMOVE, occupancy="00000000000000ee-2"), "other_occupancy"),
        (replace(FULL, rest_until=100.1), REMOVE, "door_stuck"),
        (ambiguous(COLLECT), REMOVE, "busy"),
        (ambiguous(SERVICE), REMOVE, "busy"),
        (ambiguous(SERVICE), COLLECT, "busy"),
        (ambiguous(REMOVE), COLLECT, "busy"),
        (ambiguous(REMOVE), SERVICE, "busy"),
    ],
)
def test_who_may_not_remove_or_step_in_is_told_why(box, wish, reason):
    assert visit.ask(box, wish, 100.0, RULES) == Refused(reason)


@pytest.mark.parametrize(
    "box",
    [FULL, replace(FULL, state=State.CHECKING), replace(FULL, rest_until=100.0), ambiguous(REMOVE)]
    + [replace(FULL, sides=frozenset({side})) for side in Side if side is not Side.UNPROVEN],
)
def test_what_nobody_fetched_is_removed_also_where_it_is_held(box):
    step = visit.ask(box, REMOVE, 100.0, RULES)
    assert step.pulse is not None
    assert step.box.state is State.COLLECTING
