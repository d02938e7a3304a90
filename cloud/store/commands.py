"""The command ledger."""

from typing import Any

from sqlalchemy import select, update

from cloud.store.engine import Reading, Writing
from cloud.store.schema import commands

Row = dict[str, Any]
UNDER_WAY = ("created", "sent")


async def add_command(db: Writing, row: Row) -> None:
    await db.execute(commands.insert(), row)


async def command(db: Reading, command_id: str) -> Row | None:
    found = (await db.execute(select(commands).where(commands.c.id == command_id))).mappings().first()
    return dict(found) if found else None


async def latest_commands(db: Reading, *, cabinet: str | None = None, limit: int = 50) -> list[Row]:
    """Newest first."""
    query = select(commands).order_by(commands.c.created_ms.desc()).limit(limit)
    if cabinet is not None:
        query = query.where(commands.c.cabinet == cabinet)
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def under_way_since(db: Reading, deadline_before: int) -> list[str]:
    """Commands whose deadline lies before, and of which nothing was heard."""
    which = (commands.c.state.in_(UNDER_WAY), commands.c.deadline_ms < deadline_before)
    return list((await db.execute(select(commands.c.id).where(*which))).scalars())


async def advance(db: Writing, command_id: str, state: str, **columns: Any) -> bool:
    """Move a command that is under way; False when it has ended meanwhile."""
    which = (commands.c.id == command_id, commands.c.state.in_(UNDER_WAY))
    moved = await db.execute(update(commands).where(*which).values(state=state, **columns))
    return moved.rowcount > 0
