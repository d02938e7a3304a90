"""The rows of the outbox, which the cloud may ask for; functions over the one connection of the store.

A row is ``(epoch, seq, chain, packed)``; ``chain`` is the head of the hash chain *before* the event and
``packed`` its exact line (see ``packing``). Rows that the cloud has are kept for a while, so that a cloud
restored from a backup can ask for them again.
"""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from config.contract.events import Event
from config.contract.signing import CHAIN_START, chain
from controller.store.changes import Rows
from controller.store.packing import packed, unpacked

PRUNED_AT_ONCE = 1000
"""A commit that deletes more would hold up the doors."""
COPIED_AT_ONCE = 500
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Head:
    """How far an epoch has come: the number of its last event and the chain's head behind it."""

    epoch: str
    seq: int = 0
    chain: str = CHAIN_START

    def after(self, line: bytes) -> "Head":
        return Head(self.epoch, self.seq + 1, chain(self.chain, line))


@dataclass(frozen=True, slots=True)
class Keep:
    """How long acknowledged events stay: so many rows at most, and so many days."""

    rows: int
    days: int


@dataclass(frozen=True, slots=True)
class Ages:
    """How far the cloud was at the end of each day: ``((day, through), …)``, oldest first, one a day."""

    marks: tuple[tuple[int, int], ...] = ()

    @classmethod
    def read(cls, text: str | None) -> "Ages":
        return cls(tuple((int(day), int(through)) for day, through in json.loads(text or "[]")))

    def text(self) -> str:
        return json.dumps(self.marks, separators=(",", ":"))

    def noted(self, day: int, through: int, keep_days: int) -> "Ages":
        """With today's mark; of marks older than kept days only the latest is needed."""
        marks = [mark for mark in self.marks if mark[0] < day] + [(day, through)]
        old = [mark for mark in marks if mark[0] < day - keep_days]
        return Ages((*old[-1:], *(mark for mark in marks if mark[0] >= day - keep_days)))

    def older_than(self, day: int) -> int:
        """Everything up to here was acknowledged before ``day``."""
        return max((through for at, through in self.marks if at < day), default=0)


def append(db: sqlite3.Connection, head: Head, lines: Iterable[bytes]) -> Head:
    """Write the lines behind ``head``; the head behind them. To be called in a transaction."""
    rows = []
    for line in lines:
        rows.append((head.epoch, head.seq + 1, head.chain, packed(head.epoch, line)))
        head = head.after(line)
    db.executemany("insert into outbox values (?, ?, ?, ?)", rows)
    return head


def events_after(db: sqlite3.Connection, epoch: str, seq: int, most: int, most_bytes: int) -> Rows | None:
    """The next run of events after ``seq``, within both limits (but at least one); None at the end."""
    query = "select seq, chain, packed from outbox where epoch = ? and seq > ? order by seq limit ?"
    lines: list[bytes] = []
    size = 0
    with closing(db.execute(query, (epoch, seq, most))) as rows:
        for number, before, row in rows:
            line = unpacked(epoch, row)
            size += len(line) + 1
            if not lines:
                first, head = number, before
            elif size > most_bytes:
                break
            lines.append(line)
    return Rows(epoch, first, head, tuple(lines)) if lines else None


def chain_after(db: sqlite3.Connection, epoch: str, seq: int) -> str | None:
    """The chain's head after event ``seq``, which is not the last; None where it is not known any more."""
    if seq == 0:
        return CHAIN_START
    row = db.execute("select chain from outbox where epoch = ? and seq = ?", (epoch, seq + 1)).fetchone()
    return None if row is None else str(row[0])


def has_old(db: sqlite3.Connection, epoch: str, last: int) -> bool:
    """There are rows that ``prune`` would delete."""
    query = f"select exists (select 1 from ({_OLD}))"
    return bool(db.execute(query, (epoch, last, epoch, epoch)).fetchone()[0])


def prune(db: sqlite3.Connection, epoch: str, last: int) -> int:
    """Delete rows up to ``last``, oldest first, and those of older epochs, but not all at once; how many.

    To be called in a transaction.
    """
    which = f"select epoch, seq from ({_OLD}) limit {PRUNED_AT_ONCE}"
    gone = db.execute(f"delete from outbox where (epoch, seq) in ({which})", (epoch, last, epoch, epoch))
    return gone.rowcount


_OLD = (
    "select epoch, seq from outbox where epoch = ? and seq <= ?"
    " union all select epoch, seq from outbox where epoch < ?"
    " union all select epoch, seq from outbox where epoch > ?"
)


def renumber(db: sqlite3.Connection, old: str, through: int, head: Head) -> Head:
    """Tell what the cloud does not have under numbers of a new epoch; what happened, and when, stays.

    ``head`` is how far the new epoch has come, and comes back as it is then. To be called in a transaction.
    """
    rows = db.execute("select packed from outbox where epoch = ? and seq > ? order by seq", (old, through))
    lines = (unpacked(old, row) for (row,) in rows)
    while some := list(islice(lines, COPIED_AT_ONCE)):
        head = append(db, head, [_as(line, head.epoch, head.seq + n) for n, line in enumerate(some, 1)])
    db.execute("delete from outbox where epoch = ? and seq > ?", (old, through))
    return head


def _as(line: bytes, epoch: str, seq: int) -> bytes:
    named = {"id": f"{epoch}-{seq}", "epoch": epoch, "seq": seq}
    return Event.read(line).model_copy(update=named).line()
