"""Where goods and orders do not fit together, as the cabinets have told it."""

from typing import Any

from sqlalchemy import or_, select

from cloud.fold import NOT_SEEN
from cloud.store.engine import Reading
from cloud.store.schema import compartments, parcels, whereabouts

Row = dict[str, Any]

HOLDING = ("occupied", "collecting", "checking")
"""States of a compartment in which something lies, or may."""


async def goods_without_order(db: Reading, *, cabinet: str | None, limit: int) -> list[Row]:
    """Compartments whose goods nobody here knows, has collected already, or that nobody can name."""
    is_its = (parcels.c.id == compartments.c.parcel) & (parcels.c.cabinet == compartments.c.cabinet)
    is_there = (whereabouts.c.parcel == compartments.c.parcel) & (
        whereabouts.c.cabinet == compartments.c.cabinet
    )
    query = (
        select(
            compartments.c.cabinet, compartments.c.label.label("compartment"), compartments.c.parcel,
            compartments.c.order_id.label("order"), compartments.c.at_ms,
            parcels.c.id.label("known"), whereabouts.c.state.label("stay"),
        )
        .outerjoin(parcels, is_its)
        .outerjoin(whereabouts, is_there)
        .where(
            compartments.c.state.in_(HOLDING),
            or_(parcels.c.id.is_(None), whereabouts.c.state == "collected"),
        )
        .order_by(compartments.c.at_ms.desc(), compartments.c.cabinet, compartments.c.label)
        .limit(limit)
    )  # fmt: skip
    if cabinet is not None:
        query = query.where(compartments.c.cabinet == cabinet)
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def orders_without_goods(db: Reading, *, cabinet: str | None, limit: int) -> list[Row]:
    """Parcels that were brought and not collected, and that no compartment holds or nobody is sure of."""
    holds = (compartments.c.parcel == parcels.c.id) & (compartments.c.cabinet == parcels.c.cabinet)
    its = (whereabouts.c.parcel == parcels.c.id) & (whereabouts.c.cabinet == parcels.c.cabinet)
    query = (
        select(
            parcels.c.cabinet, whereabouts.c.compartment, parcels.c.id.label("parcel"),
            parcels.c.order_id.label("order"), whereabouts.c.deposited_ms.label("at_ms"),
            compartments.c.label.label("held_in"), whereabouts.c.state.label("stay"),
        )
        .join(whereabouts, its)
        .outerjoin(compartments, holds)
        .where(
            whereabouts.c.state.in_(("ready", "unclear")),
            or_(
                compartments.c.label.is_(None),
                whereabouts.c.state == "unclear",
                whereabouts.c.note == NOT_SEEN,
            ),
        )
        .order_by(whereabouts.c.deposited_ms.desc(), parcels.c.id)
        .limit(limit)
    )  # fmt: skip
    if cabinet is not None:
        query = query.where(parcels.c.cabinet == cabinet)
    return [dict(row) for row in (await db.execute(query)).mappings()]
