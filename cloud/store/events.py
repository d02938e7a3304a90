"""The append log of events, the cursors, and the rows that are folded from them."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Table, case, func, null, select, update

from cloud.fold import Picture, is_bare
from cloud.store.engine import Reading, Writing, later, upsert
from cloud.store.schema import (
    alarms,
    commands,
    compartments,
    cursors,
    events,
    orders,
    parcels,
    quarantine,
    whereabouts,
)

Row = dict[str, Any]
LATE = "timed_out"


async def append(db: Writing, rows: list[Row]) -> None:
    if rows:
        await db.execute(events.insert(), rows)


async def put_cursors(db: Writing, rows: list[Row]) -> None:
    await upsert(db, cursors, rows)


async def put_aside(db: Writing, row: Row) -> None:
    """Keep a batch that does not fit; the same one a second time changes nothing."""
    await upsert(db, quarantine, [row], change={"received_ms"})


async def stored_lines(db: Reading, cabinet: str, epoch: str, first: int, last: int) -> dict[int, bytes]:
    """Event lines by sequence number, as far as they are still kept."""
    wanted = (events.c.cabinet == cabinet, events.c.epoch == epoch, events.c.seq.between(first, last))
    found = await db.execute(select(events.c.seq, events.c.line).where(*wanted))
    return {row.seq: row.line for row in found}


async def page(db: Reading, *, after: int, limit: int, cabinet: str | None = None) -> list[Row]:
    """In the order in which they were stored."""
    query = select(events).where(events.c.id > after).order_by(events.c.id).limit(limit)
    if cabinet is not None:
        query = query.where(events.c.cabinet == cabinet)
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def latest(
    db: Reading, *, limit: int, cabinet: str | None = None, type: str | None = None,
    subject: str | None = None, before: int | None = None,
) -> list[Row]:  # fmt: skip
    """Newest first; of these, those stored before number ``before``."""
    query = select(events).order_by(events.c.id.desc()).limit(limit)
    wanted = {"cabinet": cabinet, "type": type, "subject": subject}
    for name, value in wanted.items():
        if value is not None:
            query = query.where(events.c[name] == value)
    if before is not None:
        query = query.where(events.c.id < before)
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def put_picture(db: Writing, picture: Picture) -> None:
    """Write what the events said over what was known; only what is later wins."""
    await upsert(db, compartments, list(picture.compartments.values()), only_if=later)
    await _put_whereabouts(db, list(picture.whereabouts.values()))
    await _put_alarms(db, list(picture.alarms.values()))
    await _end_commands(db, list(picture.commands.values()))
    collected = [row["parcel"] for row in picture.whereabouts.values() if row["state"] == "collected"]
    await _close_orders(db, collected)


async def _put_whereabouts(db: Writing, rows: list[Row]) -> None:
    """A parcel keeps its time of deposit when it is collected; of each time the latest counts."""
    for time in ("deposited_ms", "collected_ms"):
        told = [row for row in rows if row[time] is not None]
        await upsert(db, whereabouts, told, change={time}, only_if=_greater(time))
    if not rows:
        return
    change = set(rows[0]) - {"deposited_ms", "collected_ms", "cabinet", "parcel"}
    collected = [row for row in rows if row["state"] == "collected"]
    bare = [row for row in collected if is_bare(row)]
    await upsert(db, whereabouts, collected, change=_WHERE, only_if=_fills)
    await upsert(db, whereabouts, bare, change=change - _WHERE, only_if=_both_collected)
    await upsert(db, whereabouts, rows, change=change, only_if=later)


_WHERE = {"compartment", "occupancy"}


def _fills(table: Table, excluded: Any) -> ColumnElement[bool]:
    is_bare_now: ColumnElement[bool] = (table.c.state == "collected") & table.c.compartment.is_(None)
    return is_bare_now


def _both_collected(table: Table, excluded: Any) -> ColumnElement[bool]:
    return (table.c.state == "collected") & later(table, excluded)


def _greater(time: str) -> Callable[[Table, Any], ColumnElement[bool]]:
    def greater(table: Table, excluded: Any) -> ColumnElement[bool]:
        is_greater: ColumnElement[bool] = excluded[time] > func.coalesce(table.c[time], 0)
        return is_greater

    return greater


async def _put_alarms(db: Writing, rows: list[Row]) -> None:
    raised = [row for row in rows if row["raised_ms"] is not None]
    ended = [{**row, "raised_ms": row["cleared_ms"]} for row in rows if row["raised_ms"] is None]
    await upsert(db, alarms, raised, only_if=later)
    await upsert(db, alarms, ended, change={"cleared_ms", "ordinal", "seq"}, only_if=later)


async def _end_commands(db: Writing, rows: list[Row]) -> None:
    """A late outcome stands beside 'timed out' and does not replace it."""
    for row in rows:
        told = {name: row[name] for name in ("outcome", "outcome_why", "outcome_ms")}
        is_late = commands.c.state == LATE
        await db.execute(
            update(commands)
            .where(
                commands.c.id == row["id"], commands.c.cabinet == row["cabinet"], commands.c.outcome.is_(None)
            )
            .values(
                **told,
                state=case((is_late, commands.c.state), else_=row["outcome"]),
                why=case((is_late, commands.c.why), else_=row["outcome_why"]),
                ended_ms=case((is_late, commands.c.ended_ms), else_=row["outcome_ms"]),
            )
        )


async def _close_orders(db: Writing, collected: list[str]) -> None:
    """The code of an order is forgotten once all its parcels are collected."""
    if not collected:
        return
    touched = select(parcels.c.order_id).where(parcels.c.id.in_(collected))
    still_there = (
        select(parcels.c.order_id)
        .outerjoin(
            whereabouts,
            (whereabouts.c.parcel == parcels.c.id) & (whereabouts.c.cabinet == parcels.c.cabinet),
        )
        .where(parcels.c.order_id.in_(touched), func.coalesce(whereabouts.c.state, "") != "collected")
    )
    await db.execute(
        update(orders)
        .where(orders.c.id.in_(touched), orders.c.id.not_in(still_there), orders.c.closed_ms.is_(None))
        .values(code_sealed=null(), code_lookup=null(), closed_ms=_last_collected())
    )


def _last_collected() -> Any:
    """Unknown where a baseline told of it: then the order's own time, so that it counts as closed."""
    return (
        select(func.coalesce(func.max(whereabouts.c.collected_ms), orders.c.created_ms))
        .join(parcels, parcels.c.id == whereabouts.c.parcel)
        .where(parcels.c.order_id == orders.c.id)
        .scalar_subquery()
    )
