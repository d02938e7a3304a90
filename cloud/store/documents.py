"""What must become true at each cabinet, and what it has reported."""

from typing import Any

from sqlalchemy import select, update

from cloud.store.engine import Reading, Writing, upsert
from cloud.store.schema import documents

Row = dict[str, Any]


async def documents_of(db: Reading, cabinet: str) -> dict[str, Row]:
    query = select(documents).where(documents.c.cabinet == cabinet)
    return {row["name"]: dict(row) for row in (await db.execute(query)).mappings()}


async def put_document(db: Writing, row: Row) -> None:
    await upsert(db, documents, [row])


async def note_reported(db: Writing, cabinet: str, name: str, **columns: Any) -> None:
    which = (documents.c.cabinet == cabinet, documents.c.name == name)
    await db.execute(update(documents).where(*which).values(**columns))
