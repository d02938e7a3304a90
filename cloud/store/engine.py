"""The database, opened: one connection writes (and checkpoints), a few others can only read.

SQLite before 3.51.3 can corrupt a file that two connections checkpoint, so only the serving process does:
the command line opens the same folder with ``checkpoints=False``.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NewType

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.sql.elements import ColumnElement

Reading = AsyncConnection
"""A connection on which queries read a consistent view."""
Writing = NewType("Writing", AsyncConnection)
"""A connection inside a transaction that will be committed as a whole, or not at all."""

READERS = 4
BUSY_MS = 15_000
MIGRATIONS = Path(__file__).parent / "migrations"


class Clash(Exception):
    """What was to be added is there already; the transaction is undone."""


class Store:
    """All reading and writing goes through here."""

    def __init__(self, writer: AsyncEngine, readers: AsyncEngine) -> None:
        self._writer = writer
        self._readers = readers
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        """One transaction, durable when the block has ended; undone when it raises.

        ``Clash`` says that a key is taken.
        """
        try:
            async with self._one_at_a_time, self._writer.begin() as connection:
                yield Writing(connection)
        except IntegrityError as error:
            raise Clash(str(error.orig)) from error

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reading]:
        """A consistent view of what is committed."""
        async with self._readers.connect() as connection:
            yield connection

    async def close(self) -> None:
        """Readers first, so that the last connection is the one that may checkpoint."""
        if self._readers is not self._writer:
            await self._readers.dispose()
        await self._writer.dispose()


async def open_store(url: str, *, checkpoints: bool = True) -> Store:
    """Open the database at a SQLAlchemy URL and bring its tables up to date."""
    if url.startswith("sqlite"):
        writer = _sqlite(url, query_only=False, checkpoints=checkpoints)
        readers = _sqlite(url, query_only=True, checkpoints=False)
    else:
        writer = readers = create_async_engine(url)
    async with writer.begin() as connection:
        await connection.run_sync(_migrate)
    return Store(writer, readers)


def sqlite_url(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{(folder / 'cloud.sqlite').absolute()}"


def _sqlite(url: str, *, query_only: bool, checkpoints: bool) -> AsyncEngine:
    engine = create_async_engine(url, pool_size=READERS if query_only else 1, max_overflow=0)

    def configure(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # transactions are begun below, not guessed by the driver
        cursor = raw.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        if not checkpoints:
            cursor.execute("PRAGMA wal_autocheckpoint=0")
        if query_only:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if query_only else "BEGIN IMMEDIATE")

    event.listen(engine.sync_engine, "connect", configure)
    event.listen(engine.sync_engine, "begin", begin)
    return engine


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def upsert(
    connection: Writing,
    table: Table,
    rows: list[dict[str, Any]],
    *,
    change: set[str] | None = None,
    only_if: Callable[[Table, Any], ColumnElement[bool]] | None = None,
) -> None:
    """Insert rows; where the primary key is there already, set the columns of ``change`` (default: all)."""
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    keys = [column.name for column in table.primary_key]
    changed = change if change is not None else set(rows[0]) - set(keys)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=keys,
            set_={name: statement.excluded[name] for name in sorted(changed)},
            where=only_if(table, statement.excluded) if only_if else None,
        ),
        rows,
    )


def later(table: Table, excluded: Any) -> ColumnElement[bool]:
    """A row gives way only to what happened later: a greater (ordinal of the epoch, seq)."""
    is_later: ColumnElement[bool] = (excluded.ordinal > table.c.ordinal) | (
        (excluded.ordinal == table.c.ordinal) & (excluded.seq > table.c.seq)
    )
    return is_later
