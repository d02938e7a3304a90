"""One change and its event made durable by the edge, beside the same bytes through bare sqlite3: row P4.

Blocks of both take turns on the same file system; the ratio is the median of the blocks' own ratios. The
edge's side is timed in a process of its own, by the product's ``time-commits``.
"""

import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulators.measure.machine import described

COMMITS = 700
WARM = 400
"""Of each block, not counted: until both logs, a thousand pages long, have begun anew once. Before that they
grow, and a commit that makes a file longer takes twice as long on either side.
"""
GOAL = 1.5
STATE_BYTES, EVENT_BYTES = 210, 620
"""What a compartment and an event of the edge measure in their rows."""


@dataclass(slots=True)
class Commits:
    """Seconds of each commit, block by block."""

    edge: list[list[float]] = field(default_factory=list)
    bare: list[list[float]] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        blocks = zip(self.edge, self.bare, strict=True)
        return statistics.median(statistics.median(ours) / statistics.median(its) for ours, its in blocks)

    @property
    def is_met(self) -> bool:
        return self.ratio <= GOAL

    def as_data(self) -> dict[str, Any]:
        """In milliseconds."""
        ours = statistics.median(second for block in self.edge for second in block) * 1000
        its = statistics.median(second for block in self.bare for second in block) * 1000
        return {
            "row": "P4", "blocks": len(self.edge), "commits": sum(map(len, self.edge)),
            "edge": round(ours, 3), "bare": round(its, 3), "ratio": round(self.ratio, 3), "goal": GOAL,
            "longest": _longest_ms(self.edge), "bare_longest": _longest_ms(self.bare), "met": self.is_met,
        }  # fmt: skip


def _longest_ms(blocks: list[list[float]]) -> float:
    """The longest of a block, in the median block: a disk that others use has pauses of its own."""
    return round(statistics.median(max(block) for block in blocks) * 1000, 2)


def measure(blocks: int, folder: Path | None, say: Callable[[str], None]) -> tuple[str, Commits]:
    """The machine and what came out; everything is written below ``folder`` and removed again."""
    with tempfile.TemporaryDirectory(prefix="tuangui-commit-", dir=folder) as own:
        found = Commits()
        for number in range(1, blocks + 1):
            say(f"block {number} of {blocks}")
            found.edge.append(_edge(Path(own))[WARM:])
            found.bare.append(_bare(Path(own) / f"bare-{number}.db")[WARM:])
        return described(Path(own)), found


def _edge(folder: Path) -> list[float]:
    command = [sys.executable, "-m", "controller", "time-commits", str(folder), "--count", str(COMMITS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    seconds: list[float] = json.loads(done.stdout)
    return seconds


def _bare(file: Path) -> list[float]:
    """The least that makes the same bytes durable: one row replaced, one added, WAL, synced."""
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("pragma journal_mode=wal")
        db.execute("pragma synchronous=full")
        db.execute("create table state (label text primary key, body text)")
        db.execute("create table events (seq integer primary key, body blob)")
        return [_commit(db, number) for number in range(COMMITS)]


def _commit(db: sqlite3.Connection, number: int) -> float:
    state, event = f"{number:0{STATE_BYTES}}", bytes(EVENT_BYTES)
    began = time.perf_counter()
    db.execute("begin immediate")
    db.execute("replace into state values ('01', ?)", (state,))
    db.execute("insert into events values (?, ?)", (number, event))
    db.execute("commit")
    return time.perf_counter() - began
