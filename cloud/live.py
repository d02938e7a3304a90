"""What changed, told to those who watch: pages, console, waiting requests.

Rooms publish after their commit. A watcher gets what is new at most every 100 ms, the latest row per key
only, so that a busy evening costs a page no more than a quiet one. A watcher that does not keep up loses
the rows and is told to read afresh (``behind``).
"""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["presence", "compartment", "parcel", "order", "command", "alarm", "event", "document"]

PAUSE_S = 0.1
LARGEST_BACKLOG = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """A row as it now is. ``key`` is unique within (kind, cabinet); ``order`` is set where one is touched."""

    kind: Kind
    cabinet: str
    key: str
    row: dict[str, Any]
    order: str | None = None


@dataclass(slots=True, eq=False)
class Watch:
    """One watcher's pending changes. With neither cabinet nor order it watches everything."""

    cabinet: str | None = None
    order: str | None = None
    behind: bool = False
    over: bool = False
    _pending: dict[tuple[str, str, str], Change] = field(default_factory=dict)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def wants(self, change: Change) -> bool:
        if self.cabinet is not None and change.cabinet != self.cabinet:
            return False
        return self.order is None or change.order == self.order

    def put(self, change: Change) -> None:
        if len(self._pending) >= LARGEST_BACKLOG:
            self._pending.clear()
            self.behind = True
        self._pending[change.kind, change.cabinet, change.key] = change
        self._arrived.set()

    def end(self) -> None:
        self.over = True
        self._arrived.set()

    async def next(self, timeout_s: float | None = None) -> list[Change]:
        """What has changed since the last call; empty after the time-out."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), timeout_s)
        self._arrived.clear()
        changes, self._pending = list(self._pending.values()), {}
        return changes

    async def pause(self, beat_s: float = 15) -> list[Change]:
        """``next`` for a page that is written again and again: not more often than every 100 ms."""
        await asyncio.sleep(PAUSE_S)
        return await self.next(beat_s)


class Live:
    """The one place where rooms tell and pages listen. Belongs to the event loop."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()

    def __len__(self) -> int:
        return len(self._watches)

    def publish(self, changes: Iterable[Change]) -> None:
        """Never blocks and never fails; call it after the commit."""
        if not self._watches:
            return
        for change in changes:
            for watch in self._watches:
                if watch.wants(change):
                    watch.put(change)

    def close(self) -> None:
        """The service stops: every watch ends."""
        for watch in self._watches:
            watch.end()

    @contextlib.contextmanager
    def watching(self, *, cabinet: str | None = None, order: str | None = None) -> Iterator[Watch]:
        """A watch that ends with the block."""
        watch = Watch(cabinet, order)
        self._watches.add(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)
