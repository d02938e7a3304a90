"""Orders and their parcels: what is agreed, read together with where the parcels are."""

from typing import Any

from sqlalchemy import func, null, select, update

from cloud.store.engine import Reading, Writing
from cloud.store.schema import orders, parcels, whereabouts

Row = dict[str, Any]

_THERE = (whereabouts.c.parcel == parcels.c.id) & (whereabouts.c.cabinet == parcels.c.cabinet)


async def add_order(db: Writing, order: Row, its_parcels: list[Row]) -> None:
    await db.execute(orders.insert(), order)
    await db.execute(parcels.insert(), its_parcels)


async def replace_code(db: Writing, order_id: str, generation: int, code: Row, digests: Row) -> bool:
    """The next generation; False when the order is no more of this one, or over."""
    which = (orders.c.id == order_id, orders.c.generation == generation, orders.c.closed_ms.is_(None))
    done = await db.execute(update(orders).where(*which).values(generation=generation + 1, **code))
    if done.rowcount:
        await db.execute(update(parcels).where(parcels.c.order_id == order_id).values(**digests))
    return done.rowcount > 0


async def order(db: Reading, order_id: str) -> Row | None:
    return await _one(db, orders.c.id == order_id)


async def order_by_link(db: Reading, link_hash: str) -> Row | None:
    return await _one(db, orders.c.link_hash == link_hash)


async def _one(db: Reading, which: Any) -> Row | None:
    found = (await db.execute(select(orders).where(which))).mappings().first()
    return dict(found) if found else None


async def latest_orders(db: Reading, *, cabinet: str | None = None, limit: int = 50) -> list[Row]:
    """Newest first."""
    query = select(orders).order_by(orders.c.created_ms.desc()).limit(limit)
    if cabinet is not None:
        query = query.where(orders.c.cabinet == cabinet)
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def code_is_taken(db: Reading, cabinet: str, code_lookup: str) -> bool:
    query = select(orders.c.id).where(orders.c.cabinet == cabinet, orders.c.code_lookup == code_lookup)
    return (await db.execute(query)).first() is not None


async def parcels_of(db: Reading, order_ids: list[str]) -> list[Row]:
    """With ``state``, ``compartment`` and times as the cabinet told them ('expected' before it did)."""
    query = select(
        parcels,
        func.coalesce(whereabouts.c.state, "expected").label("state"),
        whereabouts.c.compartment,
        whereabouts.c.occupancy,
        whereabouts.c.deposited_ms,
        whereabouts.c.collected_ms,
        func.coalesce(whereabouts.c.note, "").label("note"),
    ).outerjoin(whereabouts, _THERE)
    query = query.where(parcels.c.order_id.in_(order_ids)).order_by(parcels.c.id)
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def parcel(db: Reading, parcel_id: str) -> Row | None:
    found = (await db.execute(select(parcels.c.order_id).where(parcels.c.id == parcel_id))).scalar()
    if found is None:
        return None
    return next(row for row in await parcels_of(db, [found]) if row["id"] == parcel_id)


async def orders_of_parcels(db: Reading, parcel_ids: list[str]) -> dict[str, str]:
    query = select(parcels.c.id, parcels.c.order_id).where(parcels.c.id.in_(parcel_ids))
    return {row.id: row.order_id for row in await db.execute(query)}


async def expected_parcels(db: Reading, cabinet: str, *, now: int, collected_after: int) -> list[Row]:
    """What the cabinet has to know of: neither expired while empty-handed nor collected a while ago."""
    state = func.coalesce(whereabouts.c.state, "expected")
    query = (
        select(parcels, orders.c.generation, orders.c.expires_ms, orders.c.low_door)
        .join(orders, orders.c.id == parcels.c.order_id)
        .outerjoin(whereabouts, _THERE)
        .where(
            parcels.c.cabinet == cabinet,
            (state != "expected") | (orders.c.expires_ms > now),
            (state != "collected") | (whereabouts.c.collected_ms > collected_after),
        )
        .order_by(parcels.c.id)
    )
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def forget_expired_codes(db: Writing, now: int) -> list[str]:
    """Erase the codes of orders that are over; their cabinets."""
    which = (orders.c.expires_ms < now, orders.c.code_sealed.is_not(None))
    over = list((await db.execute(select(orders.c.cabinet).where(*which).distinct())).scalars())
    if over:
        await db.execute(update(orders).where(*which).values(code_sealed=null(), code_lookup=null()))
    return over


async def any_code_expired(db: Reading, now: int) -> bool:
    which = (orders.c.expires_ms < now, orders.c.code_sealed.is_not(None))
    return (await db.execute(select(orders.c.id).where(*which).limit(1))).first() is not None
