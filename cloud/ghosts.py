"""Ghosts: goods without an order, and orders without goods. Each is something for a person to clear up."""

from enum import StrEnum
from typing import Any

from cloud.store import Store, ghosts

Row = dict[str, Any]


class Kind(StrEnum):
    """What does not fit together."""

    UNKNOWN_GOODS = "unknown_goods"  # a parcel lies there that no order here names
    NAMELESS_GOODS = "nameless_goods"  # something may lie there, and nobody knows whose
    COLLECTED_GOODS = "collected_goods"  # it counts as collected, and it lies there
    MISSING_GOODS = "missing_goods"  # it was brought, and no compartment holds it
    UNSURE_GOODS = "unsure_goods"  # it was brought, and nobody knows whether it is still there


async def list_ghosts(store: Store, *, cabinet: str | None = None, limit: int = 200) -> list[Row]:
    """``cabinet compartment kind parcel order at_ms`` of each; those of goods first, newest first in both."""
    async with store.reading() as db:
        goods = await ghosts.goods_without_order(db, cabinet=cabinet, limit=limit)
        orders = await ghosts.orders_without_goods(db, cabinet=cabinet, limit=limit)
    found = [_told(row, _kind_of_goods(row)) for row in goods]
    found += [_told(row, _kind_of_order(row)) for row in orders]
    return found[:limit]


def _kind_of_goods(row: Row) -> Kind:
    if row["parcel"] is None:
        return Kind.NAMELESS_GOODS
    return Kind.UNKNOWN_GOODS if row["known"] is None else Kind.COLLECTED_GOODS


def _kind_of_order(row: Row) -> Kind:
    return Kind.MISSING_GOODS if row["held_in"] is None else Kind.UNSURE_GOODS


def _told(row: Row, kind: Kind) -> Row:
    names = ("cabinet", "compartment", "parcel", "order", "at_ms")
    return {"kind": kind.value, **{name: row[name] for name in names}}
