"""Events on their way to the cloud: contiguous batches, one in flight, pruned only by the cloud's ack.

Draining is paced: between two batches the doors come first. When the cloud asks for events that are not kept
any more, that is recorded (``LostRange``), and how everything is now (``Baseline``); the batch that goes on
behind the gap says where the gap begins.
"""

import asyncio
import secrets

from config.contract.events import EpochReason, FaultRaised
from config.contract.messages import LARGEST_BATCH_BYTES, Ack, Batch, BatchHead, Session
from controller.cabinet import Cabinet
from controller.health import Health
from controller.store import Keep, Rows, Store


class OtherHistory(Exception):
    """The cloud knows other events of this epoch than we do."""

    def __init__(self, behind: bool) -> None:
        self.behind = behind
        super().__init__("the cloud knows more of this epoch" if behind else "the cloud knows other events")


class Outbox:
    """What the cloud does not have yet. ``position`` is how far this session has been acknowledged."""

    def __init__(
        self, store: Store, cabinet: Cabinet, health: Health, *, most_events: int, keep: Keep
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._health = health
        self._most_events = most_events
        self._keep = keep
        self._more = asyncio.Event()
        self._told_lost: tuple[str, int, int] | None = None
        self.position: int | None = None

    def begin_session(self) -> None:
        """Nothing is known of the cloud until it has answered this session's sync."""
        self.position = None

    def note_more(self) -> None:
        """Something was committed."""
        self._more.set()

    async def next_batch(self, session: Session) -> Batch:
        """The next events after ``position``; waits until there are some and the cloud has answered."""
        while True:
            self._more.clear()
            if self.position is not None and self.position < self._store.seq:
                after = self.position
                rows = await self._store.events_after(after, self._most_events, LARGEST_BATCH_BYTES)
                first = self._store.seq + 1 if rows is None else rows.first
                if first > after + 1:
                    await self._tell_lost(after + 1, first - 1)
                if rows is not None:
                    return _batch(session, rows, lost_from=after + 1 if first > after + 1 else None)
                continue
            await self._more.wait()

    async def begin_epoch(self, reason: EpochReason, detail: str) -> None:
        """What the cloud does not have is told again under a new epoch, and how everything is now."""
        told = FaultRaised(fault="fork", subject=self._store.epoch, detail=detail)
        await self._cabinet.begin_epoch(reason, faults=(*self._health.told_again(), told))

    async def _tell_lost(self, first: int, last: int) -> None:
        lost = (self._store.epoch, first, last)
        if self._told_lost != lost:
            await self._cabinet.lost(first, last, self._health.told_again())
            self._told_lost = lost

    async def acknowledged(self, ack: Ack) -> None:
        """Move on, or back when a cloud restored from a backup asks for what it has lost.

        ``OtherHistory`` when what the cloud has under our numbers is not what we have.
        """
        if ack.epoch != self._store.epoch:
            return
        await self._compare(ack)
        moved = ack.through != self.position
        self.position = ack.through
        if ack.through > self._store.through:
            await self._store.acknowledged(ack.through)
        await self._store.prune(self._keep, ack.cloud_time_ms)
        if moved:
            self._more.set()

    async def _compare(self, ack: Ack) -> None:
        """What was acknowledged for good is not doubted again: a restored cloud may know less, never else."""
        if ack.verdict == "fork" or ack.through > self._store.seq:
            raise OtherHistory(behind=ack.through > self._store.seq)
        ours = await self._store.chain_after(ack.through)
        if ack.chain and ours is not None and ours != ack.chain:
            raise OtherHistory(behind=False)


def _batch(session: Session, rows: Rows, *, lost_from: int | None) -> Batch:
    head = BatchHead(
        session=session, nonce=secrets.token_hex(8), epoch=rows.epoch, first=rows.first,
        count=len(rows.lines), chain=rows.chain, lost_from=lost_from,
    )  # fmt: skip
    return Batch(head=head, lines=rows.lines)
