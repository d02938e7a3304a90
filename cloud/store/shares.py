"""Links by which residents let others collect."""

from typing import Any

from sqlalchemy import select, update

from cloud.store.engine import Reading, Writing
from cloud.store.schema import orders, shares

Row = dict[str, Any]


async def next_number(db: Writing, order_id: str, most: int) -> int | None:
    """Counts up and is never given twice; None after so many."""
    which = (orders.c.id == order_id, orders.c.shares < most)
    if (await db.execute(update(orders).where(*which).values(shares=orders.c.shares + 1))).rowcount == 0:
        return None
    number: int = (await db.execute(select(orders.c.shares).where(orders.c.id == order_id))).scalar_one()
    return number


async def add_share(db: Writing, row: Row) -> None:
    await db.execute(shares.insert(), row)


async def take_back(db: Writing, order_id: str, number: int, now: int) -> None:
    which = (shares.c.order_id == order_id, shares.c.number == number, shares.c.taken_back_ms.is_(None))
    await db.execute(update(shares).where(*which).values(taken_back_ms=now))


async def shares_in_force(db: Reading, order_id: str) -> list[Row]:
    which = (shares.c.order_id == order_id, shares.c.taken_back_ms.is_(None))
    query = select(shares).where(*which).order_by(shares.c.number)
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def share_by_link(db: Reading, link_hash: str) -> Row | None:
    """Not when it was taken back."""
    which = (shares.c.link_hash == link_hash, shares.c.taken_back_ms.is_(None))
    found = (await db.execute(select(shares).where(*which))).mappings().first()
    return dict(found) if found else None


async def void_rights(db: Reading, cabinet: str) -> dict[str, tuple[int, ...]]:
    """The numbers taken back, by order."""
    query = (
        select(shares.c.order_id, shares.c.number)
        .join(orders, orders.c.id == shares.c.order_id)
        .where(orders.c.cabinet == cabinet, orders.c.closed_ms.is_(None), shares.c.taken_back_ms.is_not(None))
        .order_by(shares.c.number)
    )
    void: dict[str, tuple[int, ...]] = {}
    for row in await db.execute(query):
        void[row.order_id] = (*void.get(row.order_id, ()), row.number)
    return void
