"""Events on their way to the cloud: contiguous batches, one in flight, pruned only by the cloud's ack."""

import asyncio
import secrets

from config.contract.messages import LARGEST_BATCH_BYTES, Ack, Batch, BatchHead, Session
from controller.store import Store


class Outbox:
    """What the cloud does not have yet. ``position`` is how far this session has been acknowledged."""

    def __init__(self, store: Store, most_events: int, keep_rows: int) -> None:
        self._store = store
        self._most_events = most_events
        self._keep_rows = keep_rows
        self._more = asyncio.Event()
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
            if self.position is not None:
                rows = await self._store.events_after(self.position, self._most_events, LARGEST_BATCH_BYTES)
                if rows is not None:
                    head = BatchHead(
                        session=session, nonce=secrets.token_hex(8), epoch=rows.epoch, first=rows.first,
                        count=len(rows.lines), chain=rows.chain,
                    )  # fmt: skip
                    return Batch(head=head, lines=rows.lines)
            await self._more.wait()

    async def acknowledged(self, ack: Ack) -> None:
        """Move on, or back when a cloud restored from a backup asks for what it has lost."""
        if ack.epoch != self._store.epoch:
            return
        moved = ack.through != self.position
        self.position = min(ack.through, self._store.seq)
        if ack.through > self._store.through:
            await self._store.acknowledged(ack.through)
            await self._store.prune(self._keep_rows)
        if moved:
            self._more.set()
