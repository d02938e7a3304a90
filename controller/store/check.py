"""Is the file whole? SQLite's own check of pages and indexes, then what SQLite cannot know: the rows.

Every compartment carries a checksum, the counters carry one together, the outbox is a hash chain whose head
is one of the counters, a document repeats its version and hash inside what the cloud has signed.
"""

import hashlib
import sqlite3
from collections.abc import Iterator

from config.contract.messages import BadMessage, Desired, DocumentName, digest_of
from config.contract.signing import CHAIN_START, BadProof, chain, split
from controller.store.packing import COMPUTED, unpacked
from controller.store.rows import box_from_json, checksum

INDEXED = ("meta", "boxes", "commands", "used", "documents")
SUM = "sum"
"""Key of the checksum over all other counters; an older version takes it away when it writes."""
_NOT_DAMAGE = {
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_IOERR,
}  # fmt: skip
DOCUMENT = "document:"
"""Before a document's name: key of its checksum."""
UNREADABLE = {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}


class Damaged(Exception):
    """The file is not what was written."""


def check(db: sqlite3.Connection) -> None:
    """Raise ``Damaged`` with the first thing found; other failures of the disk pass as ``sqlite3.Error``."""
    try:
        found = next(_findings(db), "")
    except sqlite3.Error as error:
        if is_damage(error):
            raise Damaged(str(error)) from error
        raise
    except (ValueError, KeyError, TypeError, BadMessage, BadProof) as error:
        raise Damaged(f"a row cannot be read: {error}") from error
    if found:
        raise Damaged(found)


def is_damage(error: sqlite3.Error) -> bool:
    """The content is wrong; not: the disk is full, slow, forbidden or failing right now."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or (code & 0xFF) not in _NOT_DAMAGE


def sum_of(key: str, value: str) -> int:
    """Of one counter; the checksum over all is the exclusive or of these, so that it follows each change."""
    return int.from_bytes(hashlib.blake2b(f"{key}={value}".encode(), digest_size=16).digest(), "big")


def total_of(values: dict[str, str]) -> int:
    """The checksum over the counters."""
    total = 0
    for key, value in values.items():
        total ^= sum_of(key, value) if key != SUM else 0
    return total


def document_sum(message: bytes) -> str:
    """Of a signed document, kept among the counters."""
    return hashlib.blake2b(message, digest_size=16).hexdigest()


def _findings(db: sqlite3.Connection) -> Iterator[str]:
    yield from _by_sqlite(db)
    tables = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
    if not tables:
        return
    if missing := {*INDEXED, "outbox"} - tables:
        yield f"no table {min(missing)}"
    meta: dict[str, str] = dict(db.execute("select key, value from meta"))
    if SUM in meta and meta[SUM] != f"{total_of(meta):032x}":
        yield "meta: the counters do not fit their checksum"
    yield from _boxes(db)
    yield from _documents(db, meta)
    yield from _outbox(db, meta)


def _by_sqlite(db: sqlite3.Connection) -> Iterator[str]:
    """Pages, and for the tables whose keys matter that table and index agree."""
    yield from (row[0] for row in db.execute("pragma quick_check(1)") if row[0] != "ok")
    known = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
    for table in INDEXED:
        if table in known:
            yield from (row[0] for row in db.execute(f"pragma integrity_check({table})") if row[0] != "ok")


def _boxes(db: sqlite3.Connection) -> Iterator[str]:
    for label, body, total in db.execute("select label, body, sum from boxes"):
        if total != checksum(label, body):
            yield f"boxes {label}: the row does not fit its checksum"
        box_from_json(label, body)


def _documents(db: sqlite3.Connection, meta: dict[str, str]) -> Iterator[str]:
    for name, version, hashed, message in db.execute("select name, version, hash, body from documents"):
        if meta.get(DOCUMENT + name, document_sum(message)) != document_sum(message):
            yield f"documents {name}: the row does not fit its checksum"
        purpose = "keys" if name == DocumentName.KEYS else "desired"
        desired: Desired = Desired.read(split(message, purpose)[1])
        if (desired.name, desired.version, digest_of(desired.content)) != (name, version, hashed):
            yield f"documents {name}: the row does not fit the signed document"


def _outbox(db: sqlite3.Connection, meta: dict[str, str]) -> Iterator[str]:
    """Each row carries the chain before it; the head of the chain is a counter."""
    at: tuple[str, int] | None = None
    head = ""
    ends = {(meta.get("epoch"), int(meta.get("seq", 0))): meta.get("chain")}
    if "chain_before" in meta:
        ends[meta["epoch_before"], int(meta["seq_before"])] = meta["chain_before"]
    made = db.execute("select sql from sqlite_master where name = 'outbox'").fetchone()[0]
    is_packed = " packed " in made
    if is_packed and COMPUTED not in made:
        yield "outbox: the column body is not computed as it was"
    line = "packed" if is_packed else "body"
    for epoch, seq, before, row in db.execute(
        f"select epoch, seq, chain, {line} from outbox order by epoch, seq"
    ):
        if at is not None and at[0] == epoch and (seq != at[1] + 1 or before != head):
            yield f"outbox {epoch} {seq}: the chain does not fit"
        if seq == 1 and before != CHAIN_START:
            yield f"outbox {epoch} 1: the chain does not begin here"
        at, head = (epoch, seq), chain(before, unpacked(epoch, row))
        if head != ends.get((epoch, seq), head):
            yield f"outbox {epoch} {seq}: the chain does not end here"
    last = db.execute("select max(seq) from outbox where epoch = ?", (meta.get("epoch"),)).fetchone()[0]
    if last is not None and last != int(meta["seq"]):
        yield f"outbox: ends at {last}, the counter says {meta['seq']}"
