"""The cabinet's memory: one SQLite file, one writing thread, every commit on the disk before it returns.

WAL with ``synchronous=FULL``; ``BEGIN IMMEDIATE``; the change of state and the events that tell of it are one
transaction. A file that is damaged or lies behind the floor is told as ``fallen``; a full disk costs the
ballast first.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from config.contract.events import EpochBegan, EpochReason
from config.contract.messages import DocumentName
from controller.clock import Stamp
from controller.store import faults
from controller.store.ballast import BYTES
from controller.store.changes import Change, Document, Rows, StoreFailing
from controller.store.check import Damaged
from controller.store.copies import Copies
from controller.store.disk import Disk
from controller.store.fall import Fallen
from controller.store.faults import OpenFaults
from controller.store.journal import Keep
from controller.store.ledger import Ledger
from controller.visit import Box

T = TypeVar("T")


class Store:
    """The asynchronous face. What touches the file is done by ``Ledger`` and ``Disk`` on the one thread."""

    def __init__(self, path: Path, cabinet: str, ballast_bytes: int = BYTES) -> None:
        self.path = path
        self._disk = Disk(path, ballast_bytes)
        self._ledger = Ledger(self._disk, cabinet)
        self._copies = Copies(path)
        self._copying = asyncio.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    async def open(self) -> None:
        """Open or create the file, check it whole, bring its tables up to date, read the counters.

        A damaged file is kept aside, the newest copy takes its place; ``StoreFailing`` when the disk fails.
        """
        await self._run(lambda: self._ledger.open(self._copies))

    async def close(self) -> None:
        async with self._copying:
            await self._run(lambda: self._disk.db.close())
        self._thread.shutdown()

    # --- how it stands

    @property
    def fallen(self) -> Fallen | None:
        """Set by ``open`` when the file is not what the cabinet had come to; until a new epoch has begun."""
        return self._ledger.fallen

    @property
    def least_versions(self) -> dict[str, int]:
        """Documents were in force in these versions; older ones must not be, whatever the file says."""
        return self._ledger.least_versions

    @property
    def is_full(self) -> bool:
        """The disk is full, the ballast is spent: only what lets people collect should still be written."""
        return self._disk.is_full

    @property
    def failing(self) -> str:
        """Why the last thing asked of the file failed; empty when it did not."""
        return self._disk.failing

    @property
    def floor_failing(self) -> str:
        """The same of the floor."""
        return self._ledger.floor_failing

    @property
    def epoch(self) -> str:
        return self._ledger.head.epoch

    @property
    def seq(self) -> int:
        """Number of the last event."""
        return self._ledger.head.seq

    @property
    def through(self) -> int:
        """The cloud has everything up to here."""
        return self._ledger.through

    @property
    def counters(self) -> tuple[int, int]:
        """The numbers of the last opening and of the last occupancy."""
        return self._ledger.opening, self._ledger.occupancy

    @property
    def open_faults(self) -> OpenFaults:
        """What was raised and not cleared, over all restarts."""
        return faults.read(self._disk.counters.get(faults.KEY))

    # --- numbers that are never given out twice (each is durable with the change that uses it)

    def next_opening(self) -> int:
        return self._ledger.next_opening()

    def next_occupancy(self) -> str:
        return self._ledger.next_occupancy()

    # --- writing

    async def commit(self, change: Change, stamp: Stamp) -> None:
        """Make the change and its events durable; ``StoreFailing`` and nothing kept otherwise."""
        await self._run(lambda: self._ledger.commit(change, stamp))

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
        return await self._run(lambda: self._ledger.begin_epoch(reason, stamp, change or Change()))

    async def next_session(self) -> int:
        """The durable connect counter, raised before CONNECT."""
        return await self._run(self._ledger.next_session)

    async def acknowledged(self, through: int) -> None:
        """The cloud has committed all events up to ``through``."""
        await self._run(lambda: self._ledger.acknowledged(through))

    async def prune(self, keep: Keep, now_ms: int) -> int:
        """Forget some acknowledged events that need not be kept; how many went (0: there are no more)."""
        return await self._run(lambda: self._ledger.prune(keep, now_ms))

    # --- looking after the file

    async def tidy(self) -> None:
        """Write the log back into the file; for moments when nobody waits for a door."""
        await self._run(self._disk.tidy)

    async def answers(self) -> bool:
        """Whether the thread gets to the file and nobody else holds it; that a disk fails is an answer."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._disk.is_ours)

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
        return await self._run(self._disk.take_ballast)

    # --- reading

    async def boxes(self) -> dict[str, Box]:
        """All compartments; ``DamagedRow`` when one does not fit its checksum."""
        return await self._run(self._ledger.boxes)

    async def meta(self, key: str) -> str | None:
        return self._disk.counters.get(key)

    def guarded(self, key: str) -> str | None:
        """A value that must not come back from an older copy: from the floor when the file lies behind it."""
        kept = self.fallen.level.kept if self.fallen is not None and self.fallen.level is not None else {}
        return kept.get(key, self._disk.counters.get(key))

    async def documents(self) -> dict[DocumentName, Document]:
        return await self._run(self._ledger.documents)

    async def used(self) -> set[str]:
        """Parcels that have been collected here."""
        return await self._run(self._ledger.used)

    async def has_seen(self, command: str) -> bool:
        return await self._run(lambda: self._ledger.has_seen(command))

    async def chain_after(self, seq: int) -> str | None:
        """The chain's head after event ``seq``; None where it is not known any more."""
        return await self._run(lambda: self._ledger.chain_after(seq))

    async def events_after(self, seq: int, most: int, most_bytes: int) -> Rows | None:
        """The next run of events after ``seq``, within both limits (but at least one); None at the end."""
        return await self._run(lambda: self._ledger.events_after(seq, most, most_bytes))

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as error:
            self._disk.failing = str(error)
            raise StoreFailing(self.path, error) from error
