"""Verified copies of the file, two in turn, and what is done when the file itself is broken.

A copy counts only when it was written, synced and found whole. A broken file is never overwritten: it is kept
aside under the time at which it was found.
"""

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import structlog

from controller.floor import Level, sync_folder
from controller.store.check import Damaged, check

log = structlog.get_logger(__name__)

ASIDE = 2
"""So many broken files are kept."""


class Copies:
    """The copies beside one database file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = (path.with_name(path.name + ".copy-1"), path.with_name(path.name + ".copy-2"))

    @property
    def exist(self) -> bool:
        """There has been a database here: a copy of one, or a broken one."""
        return any(file.exists() for file in self._files) or bool(self._aside())

    @property
    def age_s(self) -> float:
        """Seconds since the newest was made; infinite without one."""
        made = [file.stat().st_mtime for file in self._files if file.exists()]
        return time.time() - max(made) if made else float("inf")

    def make(self) -> None:
        """A copy of what is committed now, in place of the older one. ``Damaged`` when it is not whole.

        Reads through a connection of its own, so that nobody who writes waits.
        """
        oldest = min(self._files, key=lambda file: file.stat().st_mtime if file.exists() else 0.0)
        part = oldest.with_name(oldest.name + ".part")
        part.unlink(missing_ok=True)
        try:
            part.touch(mode=0o600)
            with closing(_reading(self._path)) as source, closing(sqlite3.connect(part)) as target:
                target.execute("pragma synchronous=full")
                source.backup(target)
            _without_log(part)
            with closing(_alone(part)) as made:
                check(made)
            part.replace(oldest)
            sync_folder(oldest.parent)
        finally:
            part.unlink(missing_ok=True)

    def set_aside(self) -> Path | None:
        """Move the broken file out of the way; where to, or None when there was none."""
        if not self._path.exists():
            return None
        for old in self._aside()[: -(ASIDE - 1)]:
            for file in (old, _log_of(old)):
                file.unlink(missing_ok=True)
        aside = self._free_name()
        if _log_of(self._path).exists():
            _log_of(self._path).replace(_log_of(aside))
        self._path.replace(aside)
        self._path.with_name(self._path.name + "-shm").unlink(missing_ok=True)
        sync_folder(self._path.parent)
        return aside

    def restore(self, level: Level | None) -> bool:
        """Put the copy that had come furthest in the file's place, marked as fallen; False without one."""
        best = max(self._whole(level), default=None)
        if best is None:
            return False
        part = self._path.with_name(self._path.name + ".part")
        part.touch(mode=0o600)
        shutil.copyfile(best[-1], part)
        _mark(part)
        part.replace(self._path)
        sync_folder(self._path.parent)
        return True

    def _whole(self, level: Level | None) -> list[tuple[bool, int, float, Path]]:
        """Copies that are whole, in the order of how far they had come."""
        found = []
        for file in self._files:
            if not file.exists():
                continue
            try:
                with closing(_alone(file)) as db:
                    check(db)
                    meta = dict(db.execute("select key, value from meta"))
            except (Damaged, sqlite3.Error) as error:
                log.error("a copy is of no use", file=str(file), error=str(error))
                continue
            same = level is not None and meta["epoch"] == level.epoch
            found.append((same, int(meta.get("seq", 0)), file.stat().st_mtime, file))
        return found

    def _aside(self) -> list[Path]:
        """Broken files, the oldest first."""
        found = self._path.parent.glob(self._path.name + ".damaged-*")
        return sorted(file for file in found if not file.name.endswith("-wal"))

    def _free_name(self) -> Path:
        base = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        names = (f"{self._path.name}.damaged-{base}-{number:02d}" for number in range(100))
        return next(path for name in names if not (path := self._path.with_name(name)).exists())


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)


def _alone(path: Path) -> sqlite3.Connection:
    """A file that nobody writes; leaves no log beside it."""
    return sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)


def _without_log(path: Path) -> None:
    """All in one file, so that it can be moved as one."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma synchronous=full")
        db.execute("pragma journal_mode=delete")


def _mark(path: Path) -> None:
    """The file is known to be older than what was, until a new epoch has begun."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("pragma synchronous=full")
        db.execute("replace into meta values ('fallen', 'restored')")
