"""Whose compartment: pure choices over all boxes of a cabinet."""

from collections.abc import Iterable, Mapping

from config.cabinet import Cabinet as CabinetFile
from config.cabinet import Compartment
from config.contract.messages import ExpectedParcel
from controller.visit import Box, State

SIZES = ("S", "M", "L", "XL")
COLLECTABLE = (State.OCCUPIED, State.COLLECTING, State.CHECKING)


def boxes_of(order: str, boxes: Mapping[str, Box], rows: Mapping[str, int]) -> list[Box]:
    """All compartments in which goods of this order lie, low doors first."""
    own = [box for box in boxes.values() if box.order == order and box.state in COLLECTABLE]
    return sorted(own, key=lambda box: (rows[box.label], box.label))


def boxes_left(order: str, boxes: Mapping[str, Box]) -> list[Box]:
    """Compartments whose goods of this order were collected last, the one closed last first."""
    left = [(box.left.at, box.label) for box in boxes.values() if box.left and box.left.order == order]
    return [boxes[label] for _, label in sorted(left, reverse=True)]


def box_with(parcel: str, boxes: Mapping[str, Box]) -> Box | None:
    """Where this parcel lies, or was being put when something went wrong."""
    return next((box for box in boxes.values() if box.parcel == parcel), None)


def best_fit(parcel: ExpectedParcel, boxes: Mapping[str, Box], file: CabinetFile) -> Box | None:
    """The smallest free compartment of the right zone that takes the parcel, low doors first.

    For somebody who asked for a low door the lowest one that takes it, whatever its size.
    """
    zones = {zone.name: zone.class_ for zone in file.zone}
    least = SIZES.index(parcel.size)
    fitting = [
        c
        for c in file.compartment
        if zones[c.zone] == parcel.zone and SIZES.index(c.size) >= least and boxes[c.label].assignable
    ]

    def fits_best(c: Compartment) -> tuple[int, int, str]:
        size = SIZES.index(c.size)
        return (c.row, size, c.label) if parcel.low else (size, c.row, c.label)

    best = min(fitting, key=fits_best, default=None)
    return None if best is None else boxes[best.label]


def inside_order(boxes: Mapping[str, Box], last_closed: str | None) -> list[str]:
    """For 'someone is inside': the door closed last, then every compartment not known to hold a parcel."""
    empty = [label for label, box in boxes.items() if box.state is not State.OCCUPIED]
    first = [last_closed] if last_closed in boxes else []
    return [label for label in first if label is not None] + [label for label in empty if label not in first]


def parcels_of(order: str, parcels: Iterable[ExpectedParcel]) -> list[ExpectedParcel]:
    return [parcel for parcel in parcels if parcel.order == order]
