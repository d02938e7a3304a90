"""Events lie packed in their rows, and whoever reads a row finds the line that was told, byte for byte."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.contract.events import Event
from controller.store.journal import Head, append
from controller.store.packing import PHRASES, packed, unpacked
from controller.store.tables import bring_up_to_date

EPOCH = "0123456789abcdef"


@pytest.fixture(scope="module")
def db() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        bring_up_to_date(db)
        yield db


def read_back(db: sqlite3.Connection) -> bytes:
    body: bytes = db.execute("select body from outbox").fetchone()[0]
    db.execute("delete from outbox")
    return body


def told(**data: str) -> bytes:
    return Event(
        id=f"{EPOCH}-1", source="/cabinets/c", type="FaultRaised", time="t", data=data,
        epoch=EPOCH, seq=1, boot="b", mono_ms=1, clock="unknown",
    ).line()  # fmt: skip


words = st.text() | st.sampled_from([*PHRASES, EPOCH, "\x00", "'", "柜", *map(chr, range(32))])


@given(st.lists(words).map("".join))
def test_whatever_an_event_says_comes_back(db, said):
    line = told(detail=said)
    append(db, Head(EPOCH), [line])
    assert unpacked(EPOCH, packed(EPOCH, line)) == line
    assert read_back(db) == line, "also for whoever reads the column"


def test_a_row_of_an_older_version_reads_as_it_was_written(db):
    line = told(detail="as it was")
    db.execute("insert into outbox values (?, 1, '', ?)", (EPOCH, line))
    assert read_back(db) == line
