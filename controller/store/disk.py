"""The open file: whole transactions on one connection, and what is done when the disk is full.

Everything here runs on the one thread of the store; attributes may be read from anywhere.
"""

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import structlog

from controller.floor import Level
from controller.store.ballast import Ballast
from controller.store.copies import Copies
from controller.store.counters import Counters
from controller.store.opening import CHECKPOINT_PAGES, open_whole

T = TypeVar("T")

log = structlog.get_logger(__name__)

NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_CANTOPEN}
FULL_CHECKPOINT_PAGES = 32
"""On a full disk the log stays short, so that what room is left goes to the records."""


class Disk:
    """Owns the connection, the counters that are kept in memory, and the ballast."""

    def __init__(self, path: Path, ballast_bytes: int) -> None:
        self.path = path
        self.db: sqlite3.Connection
        self.counters = Counters()
        self.is_full = False
        self.failing = ""
        self._ballast = Ballast(path.with_name(path.name + ".ballast"), ballast_bytes)
        self._is_open = False

    def open(self, copies: Copies, level: Level | None) -> str:
        """Open or create the file, as ``open_whole`` does; what was wrong with it."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._sweep()
        self.db, wrong = self._with_room(lambda: open_whole(self.path, copies, level))
        self._is_open = True
        self.counters.load(self.db)
        return wrong

    def write(self, work: Callable[[], T]) -> T:
        """All that ``work`` does becomes true, durably, or nothing of it."""
        return self._with_room(lambda: self._transact(work))

    def put(self, values: Mapping[str, str]) -> None:
        """Counters, within the caller's transaction."""
        self.counters.put(self.db, values)

    def tidy(self) -> None:
        self.db.execute("pragma wal_checkpoint(passive)").fetchall()

    def is_ours(self) -> bool:
        """Nobody else holds the file; that the disk fails is no sign of another."""
        try:
            self.db.execute("begin immediate")
            self.db.execute("rollback")
        except sqlite3.Error as error:
            return getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_BUSY
        return True

    def take_ballast(self) -> bool:
        self.is_full = not self._ballast.put_in()
        pages = FULL_CHECKPOINT_PAGES if self.is_full else CHECKPOINT_PAGES
        self.db.execute(f"pragma wal_autocheckpoint={pages}")
        return not self.is_full

    def _sweep(self) -> None:
        """What a power cut left half made."""
        for part in self.path.parent.glob(self.path.name + "*.part"):
            part.unlink()

    def _transact(self, work: Callable[[], T]) -> T:
        before = self.counters.as_they_are()
        try:
            self.db.execute("begin immediate")
            done = work()
            self.db.execute("commit")
            self.failing = ""
            return done
        except BaseException:
            self.counters.go_back(before)
            if self.db.in_transaction:
                self.db.execute("rollback")
            raise

    def _with_room(self, work: Callable[[], T]) -> T:
        """Once more without the ballast when the disk is full."""
        try:
            return work()
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) not in NO_ROOM or not self._ballast.throw_out():
                raise
            self._meet_full_disk()
            return work()

    def _meet_full_disk(self) -> None:
        self.is_full = True
        log.error("the disk is full: the ballast is spent", path=str(self.path))
        if self._is_open:
            self.db.execute(f"pragma wal_autocheckpoint={FULL_CHECKPOINT_PAGES}")
            self.db.execute("pragma wal_checkpoint(truncate)").fetchall()
