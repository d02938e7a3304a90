"""The cabinet's memory: one SQLite file, one writing thread, every commit on the disk before it returns.

WAL with ``synchronous=FULL``; ``BEGIN IMMEDIATE``; the change of state and the events that tell of it are one
transaction. Sequence numbers and the hash chain are given out inside it, so they have no gaps. A file that is
damaged or lies behind the floor is told as ``fallen``; a full disk costs the ballast first.
"""

import asyncio
import secrets
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog

from config.contract.events import EpochBegan, EpochReason, Event, Fact
from config.contract.messages import DocumentName
from config.contract.signing import CHAIN_START, chain
from controller.clock import Stamp
from controller.floor import GUARDED, Floor, Level
from controller.store import journal
from controller.store.ballast import BYTES, Ballast
from controller.store.changes import Change, DamagedRow, Document, Rows, StoreFailing
from controller.store.check import DOCUMENT, Damaged, document_sum
from controller.store.copies import Copies
from controller.store.counters import Counters
from controller.store.journal import Keep
from controller.store.opening import CHECKPOINT_PAGES, Fallen, open_whole
from controller.store.rows import box_from_json, box_to_json, checksum
from controller.visit import Box

T = TypeVar("T")

log = structlog.get_logger(__name__)

NO_ROOM = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_CANTOPEN}
FULL_CHECKPOINT_PAGES = 32
"""On a full disk the log stays short, so that what room is left goes to the records."""


class Store:
    """Owns the file. Every method that touches it runs on the one thread of the store."""

    def __init__(self, path: Path, cabinet: str, ballast_bytes: int = BYTES) -> None:
        self.path = path
        self.fallen: Fallen | None = None
        """Set by ``open`` when the file is not what the cabinet had come to; until a new epoch has begun."""
        self.is_full = False
        """The disk is full, the ballast is spent: only what lets people collect should still be written."""
        self.failing = ""
        """Why the last thing asked of the file failed; empty when it did not."""
        self.floor_failing = ""
        self.least_versions: dict[str, int] = {}
        """Documents were in force in these versions; older ones must not be, whatever the file says."""
        self._source = f"/cabinets/{cabinet}"
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._floor = Floor(path.parent)
        self._copies = Copies(path)
        self._ballast = Ballast(path.with_name(path.name + ".ballast"), ballast_bytes)
        self._counters = Counters()
        self._db: sqlite3.Connection
        self._is_open = False
        self._copying = asyncio.Lock()
        self.epoch = ""
        self._seq = 0
        self._chain = CHAIN_START
        self._through = 0
        self._opening = 0
        self._occupancy = 0

    async def open(self) -> None:
        """Open or create the file, check it whole, bring its tables up to date, read the counters.

        A damaged file is kept aside, the newest copy takes its place; ``StoreFailing`` when the disk fails.
        """
        await self._run(self._open)

    async def close(self) -> None:
        async with self._copying:
            await self._run(lambda: self._db.close())
        self._thread.shutdown()

    # --- numbers that are never given out twice (each is durable with the change that uses it)

    def next_opening(self) -> int:
        self._opening += 1
        return self._opening

    def next_occupancy(self) -> str:
        self._occupancy += 1
        return f"{self.epoch}-{self._occupancy}"

    @property
    def counters(self) -> tuple[int, int]:
        """The numbers of the last opening and of the last occupancy."""
        return self._opening, self._occupancy

    @property
    def seq(self) -> int:
        """Number of the last event."""
        return self._seq

    @property
    def through(self) -> int:
        """The cloud has everything up to here."""
        return self._through

    # --- writing

    async def commit(self, change: Change, stamp: Stamp) -> None:
        """Make the change and its events durable; ``StoreFailing`` and nothing kept otherwise."""
        await self._run(lambda: self._commit(change, stamp))

    async def begin_epoch(
        self, reason: EpochReason, stamp: Stamp, change: Change | None = None
    ) -> EpochBegan:
        """Number the events anew under a fresh random epoch; ``EpochBegan`` is its first event.

        ``change`` is committed with it. Between ``EpochBegan`` and its facts stands what the cloud did not
        have of this file's epoch, under new numbers. Openings and occupancies count on. After a fall the
        guarded values of the floor come back with it. Rows that the cloud had stay; ``meta`` keeps
        ``epoch_before``, ``seq_before`` and, as ``through_before``, how far the cloud had it.
        A session belongs to an epoch: begin a new one.
        """
        return await self._run(lambda: self._begin_epoch(reason, stamp, change or Change()))

    async def next_session(self) -> int:
        """The durable connect counter, raised before CONNECT."""
        return await self._run(self._next_session)

    async def acknowledged(self, through: int) -> None:
        """The cloud has committed all events up to ``through``."""
        await self._run(lambda: self._acknowledged(through))

    async def prune(self, keep: Keep, now_ms: int) -> int:
        """Forget some acknowledged events that need not be kept; how many went (0: there are no more)."""
        return await self._run(lambda: self._prune(keep, now_ms))

    # --- looking after the file

    async def tidy(self) -> None:
        """Write the log back into the file; for moments when nobody waits for a door."""
        await self._run(lambda: self._db.execute("pragma wal_checkpoint(passive)").fetchall())

    async def answers(self) -> bool:
        """Whether the thread gets to the file and nobody else holds it; that a disk fails is an answer."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._is_ours)

    async def copy(self, not_before_s: float) -> bool:
        """Make a verified copy if the newest is older than that; not while the disk is full."""
        if self.is_full or self._copies.age_s < not_before_s:
            return False
        async with self._copying:
            try:
                await asyncio.to_thread(self._copies.make)
            except (sqlite3.Error, OSError, Damaged) as error:
                raise StoreFailing(self.path, error) from error
        return True

    async def take_ballast(self) -> bool:
        """Take room for a bad day again, when there is some; whether the ballast is there."""
        return await self._run(self._take_ballast)

    # --- reading

    async def boxes(self) -> dict[str, Box]:
        """All compartments; ``DamagedRow`` when one does not fit its checksum."""
        return await self._run(self._boxes)

    async def meta(self, key: str) -> str | None:
        return self._counters.get(key)

    def guarded(self, key: str) -> str | None:
        """A value that must not come back from an older copy: from the floor when the file lies behind it."""
        kept = self.fallen.level.kept if self.fallen is not None and self.fallen.level is not None else {}
        return kept.get(key, self._counters.get(key))

    async def documents(self) -> dict[DocumentName, Document]:
        return await self._run(self._documents)

    async def used(self) -> set[str]:
        """Parcels that have been collected here."""
        rows = await self._run(lambda: self._db.execute("select parcel from used").fetchall())
        return {str(parcel) for (parcel,) in rows}

    async def has_seen(self, command: str) -> bool:
        return await self._run(lambda: self._has_seen(command))

    async def chain_after(self, seq: int) -> str | None:
        """The chain's head after event ``seq``; None where it is not known any more."""
        return await self._run(lambda: self._chain_after(seq))

    async def events_after(self, seq: int, most: int, most_bytes: int) -> Rows | None:
        """The next run of events after ``seq``, within both limits (but at least one); None at the end."""
        return await self._run(lambda: self._events_after(seq, most, most_bytes))

    # --- on the thread

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as error:
            self.failing = str(error)
            raise StoreFailing(self.path, error) from error

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._sweep()
        level = self._floor.read()
        connection, wrong = self._with_room(lambda: open_whole(self.path, self._copies, level))
        self._db, self._is_open = connection, True
        self._counters.load(connection)
        if self._counters.get("epoch") is None:
            self._write(lambda: self._begin_anew("lost" if level is not None or wrong else ""))
        self._read_counters()
        self._write(self._seal)
        self.fallen = self._fallen(level, wrong)
        self.least_versions = self._least(level)
        if self.fallen is None:
            self._raise_floor()
        self._take_ballast()

    def _is_ours(self) -> bool:
        try:
            self._db.execute("begin immediate")
            self._db.execute("rollback")
        except sqlite3.Error as error:
            return getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_BUSY
        return True

    def _sweep(self) -> None:
        """What a power cut left half made."""
        for part in self.path.parent.glob(self.path.name + "*.part"):
            part.unlink()

    def _begin_anew(self, fallen: str) -> None:
        self._put({"epoch": secrets.token_hex(8), **({"fallen": fallen} if fallen else {})})

    def _read_counters(self) -> None:
        count = self._counters
        self.epoch = count.get("epoch") or ""
        self._seq = count.number("seq")
        self._chain = count.get("chain") or CHAIN_START
        self._through = count.number("through")
        self._opening = count.number("opening")
        self._occupancy = count.number("occupancy")

    def _seal(self) -> None:
        """Checksums again where an older version has written, and took them away."""
        documents = self._db.execute("select name, body from documents").fetchall()
        self._put({DOCUMENT + name: document_sum(message) for name, message in documents})

    def _fallen(self, level: Level | None, wrong: str) -> Fallen | None:
        marked = self._counters.get("fallen")
        if marked:
            return Fallen("lost" if marked == "lost" else "restored", wrong or "it was found damaged", level)
        if level is None or level.epoch == self._counters.get("epoch_before"):
            return None  # the power went between the new epoch and its floor
        if level.epoch == self.epoch and level.seq <= self._seq:
            return None
        return Fallen("restored", f"{self.epoch} {self._seq} is behind {level.epoch} {level.seq}", level)

    def _least(self, level: Level | None) -> dict[str, int]:
        least = dict(level.versions) if level is not None else {}
        for name, version in self._db.execute("select name, version from documents"):
            least[name] = max(version, least.get(name, 0))
        return least

    def _raise_floor(self) -> None:
        """After the commit: what it made true must not become untrue by an older copy."""
        kept = {key: value for key in GUARDED if (value := self._counters.get(key)) is not None}
        try:
            self._floor.write(Level(self.epoch, self._seq, self.least_versions, kept))
            self.floor_failing = ""
        except OSError as error:
            self.floor_failing = str(error)

    def _write(self, work: Callable[[], None]) -> None:
        self._with_room(lambda: self._transact(work))

    def _transact(self, work: Callable[[], None]) -> None:
        before = self._counters.as_they_are()
        try:
            self._db.execute("begin immediate")
            work()
            self._db.execute("commit")
            self.failing = ""
        except BaseException:
            self._counters.go_back(before)
            if self._db.in_transaction:
                self._db.execute("rollback")
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
            self._db.execute(f"pragma wal_autocheckpoint={FULL_CHECKPOINT_PAGES}")
            self._db.execute("pragma wal_checkpoint(truncate)").fetchall()

    def _take_ballast(self) -> bool:
        self.is_full = not self._ballast.put_in()
        pages = FULL_CHECKPOINT_PAGES if self.is_full else CHECKPOINT_PAGES
        if self._is_open:
            self._db.execute(f"pragma wal_autocheckpoint={pages}")
        return not self.is_full

    def _commit(self, change: Change, stamp: Stamp) -> None:
        lines, seq, head = self._lines(change.facts, stamp)
        self._write(lambda: self._put_change(change, lines, seq, head))
        self._seq, self._chain = seq, head
        self._note_version(change.document)
        if self.fallen is None and (
            change.document is not None or not change.meta.keys().isdisjoint(GUARDED)
        ):
            self._raise_floor()

    def _begin_epoch(self, reason: EpochReason, stamp: Stamp, change: Change) -> EpochBegan:
        here = (self.epoch, self._seq, self._chain, self._through)
        told = self._told_of_epoch(reason)
        fresh = {"epoch": secrets.token_hex(8), "through": "0", "ages": "[]"}
        meta = {**self._left_behind(told), **change.meta, **fresh}

        def begin() -> None:
            self.epoch, self._seq, self._chain, self._through = fresh["epoch"], 0, CHAIN_START, 0
            self._append(Change(facts=(told,), meta=meta), stamp)
            self._seq, self._chain = journal.renumber(
                self._db, here[0], here[3], self.epoch, self._seq, self._chain
            )
            self._append(change, stamp)

        try:
            self._write(begin)
        except BaseException:
            self.epoch, self._seq, self._chain, self._through = here
            raise
        self.fallen = None
        self._note_version(change.document)
        self._raise_floor()
        return told

    def _append(self, change: Change, stamp: Stamp) -> None:
        """As ``_commit``, inside a transaction that is under way."""
        lines, self._seq, self._chain = self._lines(change.facts, stamp)
        self._put_change(change, lines, self._seq, self._chain)
        self._put({"seq": str(self._seq), "chain": self._chain})

    def _note_version(self, document: Document | None) -> None:
        """After the commit: older versions of this document must not come back."""
        if document is not None:
            self.least_versions[document.name] = document.version

    def _told_of_epoch(self, reason: EpochReason) -> EpochBegan:
        level = self.fallen.level if self.fallen is not None else None
        if level is None:
            return EpochBegan(reason=reason, before=self.epoch, last=self._seq, reached=self._seq)
        last = self._seq if level.epoch == self.epoch else 0
        return EpochBegan(reason=reason, before=level.epoch, last=last, reached=max(last, level.seq))

    def _left_behind(self, told: EpochBegan) -> dict[str, str]:
        """What is kept of the epoch that ends, and what the floor gives back."""
        level = self.fallen.level if self.fallen is not None else None
        kept = {} if level is None else level.kept
        left = {**kept, "fallen": "", "epoch_before": told.before, "seq_before": str(told.last)}
        is_ours = told.before == self.epoch
        chain_before, through = (self._chain, self._through) if is_ours else (CHAIN_START, 0)
        return {**left, "chain_before": chain_before, "through_before": str(through)}

    def _lines(self, facts: tuple[Fact, ...], stamp: Stamp) -> tuple[list[tuple[int, str, bytes]], int, str]:
        seq, head, lines = self._seq, self._chain, []
        for told in facts:
            seq += 1
            line = self._event(told, seq, stamp).line()
            lines.append((seq, head, line))
            head = chain(head, line)
        return lines, seq, head

    def _event(self, told: Fact, seq: int, stamp: Stamp) -> Event:
        box = getattr(told, "box", None)
        data = told.model_dump(mode="json", exclude_none=True)
        return Event(
            id=f"{self.epoch}-{seq}", source=self._source, type=told.type, time=stamp.time,
            subject=box.label if box is not None else "", data=data,
            epoch=self.epoch, seq=seq, boot=stamp.boot, mono_ms=stamp.mono_ms, clock=stamp.clock,
        )  # fmt: skip

    def _put_change(self, change: Change, lines: list[tuple[int, str, bytes]], seq: int, head: str) -> None:
        for box in change.boxes:
            body = box_to_json(box)
            self._db.execute(
                "replace into boxes values (?, ?, ?)", (box.label, body, checksum(box.label, body))
            )
        if lines:
            rows = [(self.epoch, n, before, line) for n, before, line in lines]
            self._db.executemany("insert into outbox values (?, ?, ?, ?)", rows)
        if change.seen_command is not None:
            self._db.execute("insert into commands values (?, ?)", change.seen_command)
        if change.document is not None:
            doc = change.document
            row = (doc.name.value, doc.version, doc.hash, doc.message)
            self._db.execute("replace into documents values (?, ?, ?, ?)", row)
        self._db.executemany("insert or ignore into used values (?)", [(parcel,) for parcel in change.used])
        self._put(self._counted(change, seq, head))

    def _counted(self, change: Change, seq: int, head: str) -> dict[str, str]:
        count = {"seq": str(seq), "chain": head} if change.facts else {}
        numbers = {"opening": str(self._opening), "occupancy": str(self._occupancy)}
        if change.document is not None:
            numbers[DOCUMENT + change.document.name] = document_sum(change.document.message)
        return {**change.meta, **count, **numbers}

    def _put(self, values: dict[str, str]) -> None:
        self._counters.put(self._db, values)

    def _next_session(self) -> int:
        n = self._counters.number("session") + 1
        self._write(lambda: self._put({"session": str(n)}))
        return n

    def _acknowledged(self, through: int) -> None:
        through = min(through, self._seq)
        self._write(lambda: self._put({"through": str(through)}))
        self._through = through

    def _prune(self, keep: Keep, now_ms: int) -> int:
        day = now_ms // journal.DAY_MS
        kept = self._counters.get("ages")
        ages = journal.Ages.read(kept).noted(day, self._through, keep.days)
        last = min(self._through, max(self._through - keep.rows, ages.older_than(day - keep.days)))
        if ages.text() == kept and not journal.has_old(self._db, self.epoch, last):
            return 0
        gone = 0

        def prune() -> None:
            nonlocal gone
            self._put({"ages": ages.text()})
            gone = journal.prune(self._db, self.epoch, last)

        self._write(prune)
        return gone

    def _chain_after(self, seq: int) -> str | None:
        return self._chain if seq == self._seq else journal.chain_after(self._db, self.epoch, seq)

    def _boxes(self) -> dict[str, Box]:
        found = {}
        for label, body, total in self._db.execute("select label, body, sum from boxes"):
            if total != checksum(label, body):
                raise DamagedRow("boxes", label)
            found[label] = box_from_json(label, body)
        return found

    def _documents(self) -> dict[DocumentName, Document]:
        rows = self._db.execute("select name, version, hash, body from documents").fetchall()
        return {DocumentName(name): Document(DocumentName(name), v, h, body) for name, v, h, body in rows}

    def _has_seen(self, command: str) -> bool:
        return self._db.execute("select 1 from commands where id = ?", (command,)).fetchone() is not None

    def _events_after(self, seq: int, most: int, most_bytes: int) -> Rows | None:
        rows = self._db.execute(
            "select seq, chain, body from outbox where epoch = ? and seq > ? order by seq limit ?",
            (self.epoch, seq, most),
        ).fetchall()
        if not rows:
            return None
        lines: list[bytes] = []
        size = 0
        for _, _, body in rows:
            size += len(body) + 1
            if lines and size > most_bytes:
                break
            lines.append(body)
        return Rows(self.epoch, rows[0][0], rows[0][1], tuple(lines))
