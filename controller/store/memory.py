"""The cabinet's memory: one SQLite file, one writing thread, every commit on the disk before it returns.

WAL with ``synchronous=FULL``; ``BEGIN IMMEDIATE``; the change of state and the events that tell of it are one
transaction. Sequence numbers and the hash chain are given out inside it, so they have no gaps.
"""

import asyncio
import secrets
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from config.contract.events import EpochBegan, EpochReason, Event, Fact
from config.contract.messages import DocumentName
from config.contract.signing import CHAIN_START, chain
from controller.clock import Stamp
from controller.store import journal
from controller.store.changes import Change, DamagedRow, Document, Rows, StoreFailing
from controller.store.journal import Keep
from controller.store.rows import box_from_json, box_to_json, checksum
from controller.store.tables import bring_up_to_date
from controller.visit import Box

T = TypeVar("T")


class Store:
    """Owns the file. Every method that touches it runs on the one thread of the store."""

    def __init__(self, path: Path, cabinet: str) -> None:
        self.path = path
        self._source = f"/cabinets/{cabinet}"
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self.epoch = ""
        self._seq = 0
        self._chain = CHAIN_START
        self._through = 0
        self._opening = 0
        self._occupancy = 0

    async def open(self) -> None:
        """Open or create the file, bring its tables up to date, read the counters."""
        await self._run(self._open)

    async def close(self) -> None:
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
        have of the epoch before, under new numbers. Openings and occupancies count on. Rows that the cloud
        had stay; ``meta`` keeps ``epoch_before``, and as ``through_before`` how far the cloud had it.
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

    # --- reading

    async def boxes(self) -> dict[str, Box]:
        """All compartments; ``DamagedRow`` when one does not fit its checksum."""
        return await self._run(self._boxes)

    async def meta(self, key: str) -> str | None:
        return await self._run(lambda: self._meta(key))

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
        except sqlite3.Error as error:
            raise StoreFailing(self.path, error) from error

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=True)
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")
        connection.execute("pragma busy_timeout=5000")
        self._db = connection
        self.path.chmod(0o600)
        bring_up_to_date(connection)
        self._read_counters()

    def _read_counters(self) -> None:
        epoch = self._meta("epoch")
        if epoch is None:
            epoch = secrets.token_hex(8)
            self._write(lambda: self._put("epoch", epoch))
        self.epoch = epoch
        self._seq = int(self._meta("seq") or 0)
        self._chain = self._meta("chain") or CHAIN_START
        self._through = int(self._meta("through") or 0)
        self._opening = int(self._meta("opening") or 0)
        self._occupancy = int(self._meta("occupancy") or 0)

    def _write(self, work: Callable[[], None]) -> None:
        self._db.execute("begin immediate")
        try:
            work()
            self._db.execute("commit")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise

    def _commit(self, change: Change, stamp: Stamp) -> None:
        lines, seq, head = self._lines(change.facts, stamp)
        self._write(lambda: self._put_change(change, lines, seq, head))
        self._seq, self._chain = seq, head

    def _begin_epoch(self, reason: EpochReason, stamp: Stamp, change: Change) -> EpochBegan:
        kept = (self.epoch, self._seq, self._chain, self._through)
        told = EpochBegan(reason=reason, before=self.epoch, last=self._seq)
        left = {"epoch_before": self.epoch, "through_before": str(self._through)}
        self.epoch, self._seq, self._chain, self._through = secrets.token_hex(8), 0, CHAIN_START, 0
        meta = {**change.meta, **left, "epoch": self.epoch, "through": "0", "ages": "[]"}

        def begin() -> None:
            self._append(Change(facts=(told,), meta=meta), stamp)
            self._seq, self._chain = journal.renumber(
                self._db, left["epoch_before"], int(left["through_before"]), self.epoch,
                self._seq, self._chain,
            )  # fmt: skip
            self._append(change, stamp)

        try:
            self._write(begin)
        except BaseException:
            self.epoch, self._seq, self._chain, self._through = kept
            raise
        return told

    def _append(self, change: Change, stamp: Stamp) -> None:
        """As ``_commit``, inside a transaction that is under way."""
        lines, seq, head = self._lines(change.facts, stamp)
        self._put_change(change, lines, seq, head)
        self._put("seq", str(seq))
        self._put("chain", head)
        self._seq, self._chain = seq, head

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
            self._put("seq", str(seq))
            self._put("chain", head)
        if change.seen_command is not None:
            self._db.execute("insert into commands values (?, ?)", change.seen_command)
        if change.document is not None:
            doc = change.document
            row = (doc.name.value, doc.version, doc.hash, doc.message)
            self._db.execute("replace into documents values (?, ?, ?, ?)", row)
        self._db.executemany("insert or ignore into used values (?)", [(parcel,) for parcel in change.used])
        for key, value in change.meta.items():
            self._put(key, value)
        self._put("opening", str(self._opening))
        self._put("occupancy", str(self._occupancy))

    def _put(self, key: str, value: str) -> None:
        self._db.execute("replace into meta values (?, ?)", (key, value))

    def _meta(self, key: str) -> str | None:
        row = self._db.execute("select value from meta where key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _next_session(self) -> int:
        n = int(self._meta("session") or 0) + 1
        self._write(lambda: self._put("session", str(n)))
        return n

    def _acknowledged(self, through: int) -> None:
        through = min(through, self._seq)
        self._write(lambda: self._put("through", str(through)))
        self._through = through

    def _prune(self, keep: Keep, now_ms: int) -> int:
        day = now_ms // journal.DAY_MS
        kept = self._meta("ages")
        ages = journal.Ages.read(kept).noted(day, self._through, keep.days)
        last = min(self._through, max(self._through - keep.rows, ages.older_than(day - keep.days)))
        if ages.text() == kept and not journal.has_old(self._db, self.epoch, last):
            return 0
        gone = 0

        def prune() -> None:
            nonlocal gone
            self._put("ages", ages.text())
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
