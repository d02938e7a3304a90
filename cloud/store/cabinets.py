"""Cabinets, their one-time tokens, presence, and what they look like now."""

from typing import Any

from sqlalchemy import Column, func, or_, select, update

from cloud.store.engine import Reading, Writing, upsert
from cloud.store.schema import alarms, cabinets, compartments, cursors, enrolments, presence

Row = dict[str, Any]


async def put_cabinet(db: Writing, row: Row) -> None:
    """Add a cabinet, or change what its file says of it."""
    kept = {"id", "salt", "settings", "created_ms", "enrolled_ms"}
    await upsert(db, cabinets, [row], change=set(row) - kept)


async def cabinet(db: Reading, cabinet_id: str) -> Row | None:
    found = (await db.execute(select(cabinets).where(cabinets.c.id == cabinet_id))).mappings().first()
    return dict(found) if found else None


async def all_cabinets(db: Reading, *, after: str = "", limit: int = 10_000) -> list[Row]:
    """In the order of their ids."""
    query = select(cabinets).where(cabinets.c.id > after).order_by(cabinets.c.id).limit(limit)
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def search(db: Reading, text: str, *, offset: int, limit: int) -> tuple[list[Row], int]:
    """Those whose number, name, address or id holds the text, by number; and how many there are in all."""
    columns = (cabinets.c.number, cabinets.c.id, cabinets.c.name_zh, cabinets.c.name_en, cabinets.c.address)
    holds = or_(*(column.icontains(text, autoescape=True) for column in columns))
    query = select(cabinets).where(holds).order_by(cabinets.c.number, cabinets.c.id)
    found = (await db.execute(query.offset(offset).limit(limit))).mappings()
    rows = [dict(row) for row in found]
    in_all: int = (await db.execute(select(func.count()).select_from(cabinets).where(holds))).scalar_one()
    return rows, in_all


async def change_cabinet(db: Writing, cabinet_id: str, **columns: Any) -> None:
    await db.execute(update(cabinets).where(cabinets.c.id == cabinet_id).values(**columns))


async def add_token(db: Writing, row: Row) -> None:
    await db.execute(enrolments.insert(), row)


async def use_token(db: Writing, token_hash: str, now: int) -> str | None:
    """The cabinet the token was made for, once; None when it is unknown, used or expired."""
    good = (
        enrolments.c.token_hash == token_hash,
        enrolments.c.used_ms.is_(None),
        enrolments.c.expires_ms > now,
    )
    used = await db.execute(update(enrolments).where(*good).values(used_ms=now))
    if used.rowcount != 1:
        return None
    named = select(enrolments.c.cabinet).where(enrolments.c.token_hash == token_hash)
    cabinet_id: str = (await db.execute(named)).scalar_one()
    return cabinet_id


async def presences(db: Reading, ids: list[str] | None = None) -> dict[str, Row]:
    query = select(presence) if ids is None else select(presence).where(presence.c.cabinet.in_(ids))
    return {row["cabinet"]: dict(row) for row in (await db.execute(query)).mappings()}


async def put_presences(db: Writing, rows: list[Row]) -> None:
    await upsert(db, presence, rows)


async def silent_since(db: Reading, before_ms: int) -> list[Row]:
    """Presences that still count as there, though nothing was heard since then."""
    query = select(presence).where(presence.c.state != "offline", presence.c.seen_ms < before_ms)
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def compartments_of(db: Reading, cabinet_id: str) -> dict[str, Row]:
    query = select(compartments).where(compartments.c.cabinet == cabinet_id)
    return {row["label"]: dict(row) for row in (await db.execute(query)).mappings()}


async def compartment_states(db: Reading) -> dict[str, dict[str, int]]:
    """How many compartments of each cabinet are in which state."""
    columns = (compartments.c.cabinet, compartments.c.state)
    counts: dict[str, dict[str, int]] = {}
    for name, state, n in await db.execute(select(*columns, func.count()).group_by(*columns)):
        counts.setdefault(name, {})[state] = n
    return counts


async def states_of(db: Reading, ids: list[str]) -> dict[str, dict[str, int]]:
    """How many compartments of each of these cabinets are in which state."""
    return await _counts(db, ids, compartments.c.state)


async def doors_of(db: Reading, ids: list[str]) -> dict[str, dict[str, int]]:
    """How many doors of each of these cabinets stand how."""
    return await _counts(db, ids, compartments.c.door)


async def _counts(db: Reading, ids: list[str], column: Column[Any]) -> dict[str, dict[str, int]]:
    query = select(compartments.c.cabinet, column, func.count()).where(compartments.c.cabinet.in_(ids))
    counts: dict[str, dict[str, int]] = {}
    for name, state, n in await db.execute(query.group_by(compartments.c.cabinet, column)):
        counts.setdefault(name, {})[state] = n
    return counts


async def alarms_of(db: Reading, ids: list[str]) -> dict[str, int]:
    """How many alarms are open at each of these cabinets."""
    which = (alarms.c.cleared_ms.is_(None), alarms.c.cabinet.in_(ids))
    query = select(alarms.c.cabinet, func.count()).where(*which).group_by(alarms.c.cabinet)
    return {row[0]: row[1] for row in await db.execute(query)}


async def open_alarms(db: Reading, cabinet_id: str | None = None) -> list[Row]:
    """Newest first."""
    query = select(alarms).where(alarms.c.cleared_ms.is_(None)).order_by(alarms.c.raised_ms.desc())
    if cabinet_id is not None:
        query = query.where(alarms.c.cabinet == cabinet_id)
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def raise_alarm(db: Writing, row: Row) -> None:
    """An alarm of the cloud's own; the same one that is open already stays as it is."""
    same = (
        alarms.c.cabinet == row["cabinet"],
        alarms.c.fault == row["fault"],
        alarms.c.subject == row["subject"],
    )
    is_open = select(alarms.c.fault).where(*same, alarms.c.cleared_ms.is_(None))
    if (await db.execute(is_open)).first() is None:
        await upsert(db, alarms, [{"ordinal": 0, "seq": 0, "cleared_ms": None, **row}])


async def clear_alarm(db: Writing, cabinet_id: str, fault: str, subject: str, now: int) -> bool:
    """True when it was open."""
    which = (
        alarms.c.cabinet == cabinet_id,
        alarms.c.fault == fault,
        alarms.c.subject == subject,
        alarms.c.cleared_ms.is_(None),
    )
    return (await db.execute(update(alarms).where(*which).values(cleared_ms=now))).rowcount > 0


async def cursors_of(db: Reading, ids: list[str]) -> list[Row]:
    query = select(cursors).where(cursors.c.cabinet.in_(ids))
    return [dict(row) for row in (await db.execute(query)).mappings()]
