"""How a step is told: the facts that are recorded with it."""

from typing import Literal, TypedDict

from config.contract import events as fact
from controller.visit.box import Box, Opening


def now_of(box: Box) -> fact.BoxNow:
    """The box as an event tells it."""
    return fact.BoxNow(
        label=box.label, state=box.state.value, door=door_now(box), sides=_sides(box),
        occupancy=box.occupancy, order=box.order, parcel=box.parcel, verified=box.verified,
    )  # fmt: skip


def _sides(box: Box) -> tuple[fact.SideState, ...]:
    return tuple(sorted(side.value for side in box.sides))


def door_now(box: Box) -> fact.DoorState:
    """What to call the door right now; a pulse under way hides the switch."""
    opening = box.opening
    if opening is not None and opening.intended is not None and not opening.seen_open:
        return "pulsing"
    return box.door.state.value


class InOpening(TypedDict):
    box: fact.BoxNow
    opening: int
    purpose: fact.OpeningPurpose
    proof: fact.Proof


def of(box: Box, opening: Opening) -> InOpening:
    return {
        "box": now_of(box),
        "opening": opening.number,
        "purpose": opening.purpose.value,
        "proof": opening.proof,
    }


class Parcel(TypedDict):
    occupancy: str
    order: str
    parcel: str


def parcel_in(box: Box) -> Parcel:
    assert box.occupancy is not None
    assert box.order is not None
    assert box.parcel is not None
    return {"occupancy": box.occupancy, "order": box.order, "parcel": box.parcel}


def fault(code: str, box: Box) -> fact.FaultRaised:
    return fact.FaultRaised(fault=code, subject=box.label)


Outcome = Literal["succeeded", "failed", "rejected", "unknown"]


def command_ended(opening: Opening, outcome: Outcome, reason: str) -> tuple[fact.Fact, ...]:
    """How the command behind this opening ended; once the door was seen open that has been told."""
    if opening.command is None or opening.seen_open:
        return ()
    return (fact.CommandEnded(command=opening.command, outcome=outcome, reason=reason),)
