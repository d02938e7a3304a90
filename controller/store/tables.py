"""The tables of the file and how they came to be.

Whatever a later version changes, the statements of the earlier ones keep their meaning: those read columns by
name and write whole rows without naming columns. So an older controller runs on a newer file, and back.
"""

import sqlite3

import sqlite_utils

from controller.store.packing import COMPUTED

migrations = sqlite_utils.Migrations("edge")


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Apply the migrations that this file has not seen: all of them, or none when the power goes."""
    connection.execute("begin immediate")
    try:
        migrations.apply(sqlite_utils.Database(connection))
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


@migrations()
def first_tables(db: sqlite_utils.Database) -> None:
    db["meta"].create({"key": str, "value": str}, pk="key", strict=True)  # type: ignore[union-attr]
    db["boxes"].create({"label": str, "body": str, "sum": str}, pk="label", strict=True)  # type: ignore[union-attr]
    db.execute(
        "create table outbox (epoch text not null, seq integer not null, chain text not null,"
        " body blob not null, primary key (epoch, seq)) strict, without rowid"
    )
    db.execute("create table commands (id text primary key, deadline_ms integer not null) strict")
    db.execute("create table used (parcel text primary key) strict")
    db.execute(
        "create table documents (name text primary key, version integer not null, hash text not null,"
        " body blob not null) strict"
    )


@migrations()
def notice_older_versions(db: sqlite_utils.Database) -> None:
    """An older version replaces counters and documents without their checksums, which then tell nothing."""
    db.execute(
        "create trigger counter_replaced after insert on meta when new.key <> 'sum'"
        " begin delete from meta where key = 'sum'; end"
    )
    db.execute(
        "create trigger document_replaced after insert on documents"
        " begin delete from meta where key in ('sum', 'document:' || new.name); end"
    )


@migrations()
def pack_events(db: sqlite_utils.Database) -> None:
    """Rows written from now on are packed; ``body`` is computed, so that nobody who reads it notices.

    It is ``any`` because SQLite would compute each to check a type.
    """
    db.execute("alter table outbox rename column body to packed")
    db.execute(f"alter table outbox add column body any generated always as ({COMPUTED}) virtual")
