"""Opening the file: whole, or put aside and replaced by the newest copy, or begun anew."""

import sqlite3
from pathlib import Path

import structlog

from controller.floor import Level
from controller.store.check import UNREADABLE, Damaged, check, is_damage
from controller.store.copies import Copies
from controller.store.tables import bring_up_to_date

log = structlog.get_logger(__name__)

CHECKPOINT_PAGES = 1000
"""The log is written back between visits (see ``Store.tidy``); by itself only when it is this long.

It then begins anew in the same room. A commit into room that is there takes half as long as one that makes
the file longer.
"""
LARGEST_LOG = 5 << 20
"""Bytes that are kept for it, once something large (a new epoch of a whole week) has been written back."""


def open_whole(path: Path, copies: Copies, level: Level | None) -> tuple[sqlite3.Connection, str]:
    """A connection to tables that are up to date, and what was wrong with the file ("" when nothing was).

    ``sqlite3.Error`` and ``OSError`` when the disk does not let us, now.
    """
    wrong = ""
    expected = level is not None or copies.exist
    try:
        connection = _checked(path, expected)
    except Damaged as damage:
        wrong = str(damage)
        aside = copies.set_aside()
        restored = copies.restore(level)
        log.error("the records are damaged", reason=wrong, kept_as=str(aside), from_copy=restored)
        connection = connect(path)
    bring_up_to_date(connection)
    path.chmod(0o600)
    return connection, wrong


def connect(path: Path) -> sqlite3.Connection:
    """The one connection that writes. The log beside the file gets the mode of the file."""
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=True)
    try:
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")
        connection.execute("pragma busy_timeout=5000")
        connection.execute(f"pragma wal_autocheckpoint={CHECKPOINT_PAGES}")
        connection.execute(f"pragma journal_size_limit={LARGEST_LOG}")
    except BaseException:
        connection.close()
        raise
    return connection


def _checked(path: Path, expected: bool) -> sqlite3.Connection:
    """``Damaged`` only when it was found twice: one bad moment of the disk is not worth a quarantine."""
    if expected and not path.exists():
        raise Damaged("the file is gone")
    try:
        return _whole(path, expected)
    except Damaged as first:
        log.warning("the records do not look whole; once more", reason=str(first))
        return _whole(path, expected)


def _whole(path: Path, expected: bool) -> sqlite3.Connection:
    try:
        connection = connect(path)
    except sqlite3.Error as error:
        _tell_damage(error)
        raise
    try:
        check(connection)
        if expected and connection.execute("select count(*) from sqlite_master").fetchone()[0] == 0:
            raise Damaged("the file is empty")
    except sqlite3.Error as error:
        connection.close()
        _tell_damage(error)
        raise
    except BaseException:
        connection.close()
        raise
    return connection


def _tell_damage(error: sqlite3.Error) -> None:
    """Content that is wrong or cannot be read is damage; all else is a disk that fails right now."""
    if is_damage(error):
        raise Damaged(str(error)) from error
    if getattr(error, "sqlite_errorcode", 0) in UNREADABLE:
        raise Damaged(f"it cannot be read: {error}") from error
