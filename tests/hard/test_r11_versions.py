"""An older controller runs on the file of a newer one, and back again, with events that wait in the outbox.

``Before`` keeps and writes the file exactly as the first version did: its tables, its statements.
"""

import hashlib
import json
import sqlite3
from pathlib import Path

import pytest

from config.contract.events import Event, InsideCalled
from config.contract.messages import chain_over
from config.contract.signing import CHAIN_START, chain
from controller.clock import Clock
from controller.store import Change, Store
from controller.visit import Box, State

FIRST_TABLES = (
    "create table meta (key text primary key, value text) strict",
    "create table boxes (label text primary key, body text, sum text) strict",
    "create table outbox (epoch text not null, seq integer not null, chain text not null,"
    " body blob not null, primary key (epoch, seq)) strict, without rowid",
    "create table commands (id text primary key, deadline_ms integer not null) strict",
    "create table used (parcel text primary key) strict",
    "create table documents (name text primary key, version integer not null, hash text not null,"
    " body blob not null) strict",
    "create table _sqlite_migrations"
    " (id integer primary key, migration_set text, name text, applied_at text)",
    "create unique index idx_sqlite_migrations on _sqlite_migrations (migration_set, name)",
    "insert into _sqlite_migrations (migration_set, name, applied_at)"
    " values ('edge', 'first_tables', '2026-11-22 00:00:00+00:00')",
)


class Before:
    """The first version of the store."""

    def __init__(self, path: Path) -> None:
        is_new = not path.exists()
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("pragma journal_mode=wal")
        if is_new:
            for statement in FIRST_TABLES:
                self.db.execute(statement)
            self.put("epoch", "0123456789abcdef")
        self.epoch = self.meta("epoch", "")
        self.seq = int(self.meta("seq", "0"))
        self.chain = self.meta("chain", CHAIN_START)

    def meta(self, key: str, otherwise: str) -> str:
        row = self.db.execute("select value from meta where key = ?", (key,)).fetchone()
        return otherwise if row is None else str(row[0])

    def put(self, key: str, value: str) -> None:
        self.db.execute("replace into meta values (?, ?)", (key, value))

    def commit(self, box: str) -> None:
        self.db.execute("begin immediate")
        body = json.dumps(
            {"state": "occupied", "sides": [], "occupancy": f"{self.epoch}-1", "order": "a" * 16,
             "parcel": "b" * 16, "verified": True, "rest_until": 0.0, "opening": None}, separators=(",", ":"),
        )  # fmt: skip
        total = hashlib.blake2b(f"{box}|{body}".encode(), digest_size=8).hexdigest()
        self.db.execute("replace into boxes values (?, ?, ?)", (box, body, total))
        self.seq += 1
        line = Event(
            id=f"{self.epoch}-{self.seq}", source="/cabinets/c", type="InsideCalled", time="t", data={},
            epoch=self.epoch, seq=self.seq, boot="b", mono_ms=1, clock="unknown",
        ).line()  # fmt: skip
        self.db.execute("insert into outbox values (?, ?, ?, ?)", (self.epoch, self.seq, self.chain, line))
        self.chain = chain(self.chain, line)
        for key, value in (
            ("seq", str(self.seq)),
            ("chain", self.chain),
            ("opening", "1"),
            ("occupancy", "1"),
        ):
            self.put(key, value)
        self.db.execute("insert or ignore into used values (?)", (f"{self.seq:016x}",))
        self.db.execute("commit")

    def lines(self) -> list[bytes]:
        """All events, as they would be sent; each is chained to the one before."""
        head, found = CHAIN_START, []
        for before, body in self.db.execute("select chain, body from outbox order by epoch, seq"):
            assert before == head
            head = chain(head, body)
            found.append(body)
        assert head == self.chain
        return found

    def close(self) -> None:
        self.db.close()


async def now(path: Path, events: int) -> list[Event]:
    """The store of today opens the file, writes so many events and closes it; all events of the outbox."""
    store, stamp = Store(path, "c", ballast_bytes=1 << 16), Clock().stamp()
    await store.open()
    assert store.fallen is None
    for _ in range(events):
        await store.commit(Change(boxes=(Box("02", State.VACANT),), facts=(InsideCalled(),)), stamp)
    rows = await store.events_after(0, 10_000, 1 << 30)
    assert rows is not None
    assert chain_over(CHAIN_START, rows.lines) == await store.chain_after(store.seq)
    await store.close()
    return [Event.read(line) for line in rows.lines]


@pytest.mark.parametrize("rounds", [3, pytest.param(200, marks=[pytest.mark.hard, pytest.mark.timeout(600)])])
@pytest.mark.row("R11")
async def test_r11_up_and_down_and_up_again_loses_no_row(tmp_path, rounds, reached):
    path, due = tmp_path / "edge.db", 0
    for number in range(rounds):
        older = Before(path)
        assert older.seq == due
        for _ in range(1 + number % 3):
            older.commit("01")
        lines = older.lines()
        older.close()
        due += 1 + number % 3 + 2
        found = await now(path, 2)
        assert [event.seq for event in found] == list(range(1, due + 1))
        assert [event.line() for event in found[:-2]] == lines
    reached("R11", goal="0 rows lost", figure=f"0 of {due} lost in {rounds} rounds")
    assert list(tmp_path.glob("*.damaged-*")) == []


async def test_after_an_older_version_has_written_the_counters_are_sealed_again(tmp_path):
    path = tmp_path / "edge.db"
    await now(path, 1)
    older = Before(path)
    older.commit("01")
    assert older.meta("sum", "gone") == "gone"
    older.close()
    await now(path, 0)
    older = Before(path)
    assert older.meta("sum", "gone") != "gone"
    older.close()
