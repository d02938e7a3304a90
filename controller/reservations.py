"""Whose compartment: pure choices over all boxes of a cabinet."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from config.cabinet import Cabinet as CabinetFile
from config.cabinet import Compartment
from config.contract.messages import BoxSize, ExpectedParcel, ZoneClass
from controller.visit import Box, State, in_doubt

SIZES: tuple[BoxSize, ...] = ("S", "M", "L", "XL")
COLLECTABLE = (State.OCCUPIED, State.COLLECTING, State.CHECKING)


class Wanted(Protocol):
    """What a parcel needs of a compartment."""

    @property
    def size(self) -> BoxSize: ...

    @property
    def zone(self) -> ZoneClass: ...

    @property
    def low(self) -> bool: ...


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


def best_fit(parcel: Wanted, boxes: Mapping[str, Box], file: CabinetFile) -> Box | None:
    """The smallest free compartment of the right zone that takes the parcel, low doors first.

    For somebody who asked for a low door the lowest one that takes it, whatever its size.
    """
    zones = {zone.name: zone.class_ for zone in file.zone}
    least = SIZES.index(parcel.size)
    fitting = [
        c
        for c in file.compartment
        if zones[c.zone] == parcel.zone
        and SIZES.index(c.size) >= least
        and c.label in boxes
        and boxes[c.label].assignable
    ]

    def fits_best(c: Compartment) -> tuple[int, int, str]:
        size = SIZES.index(c.size)
        return (c.row, size, c.label) if parcel.low else (size, c.row, c.label)

    best = min(fitting, key=fits_best, default=None)
    return None if best is None else boxes[best.label]


def next_size(size: BoxSize) -> BoxSize | None:
    """None: nothing is larger."""
    return next(iter(SIZES[SIZES.index(size) + 1 :]), None)


def free_by_size(zone: ZoneClass, boxes: Mapping[str, Box], file: CabinetFile) -> dict[str, int]:
    """How many compartments of this zone could be given to a parcel, by size; sizes that it has."""
    zones = {each.name: each.class_ for each in file.zone}
    there = [c for c in file.compartment if zones[c.zone] == zone]
    return {
        size: sum(boxes[c.label].assignable for c in there if c.size == size)
        for size in SIZES
        if any(c.size == size for c in there)
    }


def overdue(boxes: Mapping[str, Box], parcels: Mapping[str, ExpectedParcel], now_ms: int) -> list[Box]:
    """Compartments whose parcel was to be fetched before now and lies there still."""
    lying = [box for box in boxes.values() if box.state in (State.OCCUPIED, State.CHECKING)]
    known = [(box, parcels.get(box.parcel or "")) for box in lying]
    return [box for box, parcel in known if parcel is not None and parcel.expires_ms <= now_ms]


def unsure(boxes: Mapping[str, Box]) -> Box | None:
    """A compartment of which only whoever loaded knows whether the parcel is in."""
    return next((box for box in boxes.values() if in_doubt(box) and not box.door.is_open), None)


def inside_order(boxes: Mapping[str, Box], last_closed: str | None) -> list[str]:
    """For 'someone is inside': the door closed last, then every compartment not known to hold a parcel."""
    empty = [label for label, box in boxes.items() if box.state is not State.OCCUPIED]
    first = [last_closed] if last_closed in boxes else []
    return [label for label in first if label is not None] + [label for label in empty if label not in first]


def parcels_of(order: str, parcels: Iterable[ExpectedParcel]) -> list[ExpectedParcel]:
    return [parcel for parcel in parcels if parcel.order == order]
