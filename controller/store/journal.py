"""The rows of the outbox, which the cloud may ask for; functions over the one connection of the store.

A row is ``(epoch, seq, chain, body)``; ``chain`` is the head of the hash chain *before* the event. Rows that
the cloud has are kept for a while, so that a cloud restored from a backup can ask for them again.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from config.contract.events import Event
from config.contract.signing import CHAIN_START, chain

PRUNED_AT_ONCE = 1000
"""A commit that deletes more would hold up the doors."""
COPIED_AT_ONCE = 500
DAY_MS = 86_400_000


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


def renumber(
    db: sqlite3.Connection, old: str, through: int, new: str, seq: int, head: str
) -> tuple[int, str]:
    """Tell what the cloud does not have under numbers of a new epoch; what happened, and when, stays.

    ``seq`` and ``head`` are the new epoch's last number and its chain's head; they come back as they are
    afterwards. To be called in a transaction.
    """
    rows = db.execute("select body from outbox where epoch = ? and seq > ? order by seq", (old, through))
    bodies: Iterator[bytes] = (body for (body,) in rows)
    while some := list(islice(bodies, COPIED_AT_ONCE)):
        fresh = []
        for body in some:
            seq += 1
            line = _as(body, new, seq)
            fresh.append((new, seq, head, line))
            head = chain(head, line)
        db.executemany("insert into outbox values (?, ?, ?, ?)", fresh)
    db.execute("delete from outbox where epoch = ? and seq > ?", (old, through))
    return seq, head


def _as(body: bytes, epoch: str, seq: int) -> bytes:
    named = {"id": f"{epoch}-{seq}", "epoch": epoch, "seq": seq}
    return Event.read(body).model_copy(update=named).line()
