"""Who may write on a shared wire next."""

import asyncio
import heapq
from enum import IntEnum
from itertools import count


class Priority(IntEnum):
    """The lower number goes first."""

    UNLOCK = 0
    POLL = 1


class Turns:
    """Whose turn it is on the wire: the lower priority number first, then first come first served."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._busy = False
        self._free_at = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    async def take(self, priority: Priority) -> None:
        loop = asyncio.get_running_loop()
        if not self._busy and not self._waiting and loop.time() >= self._free_at:
            self._busy = True
            return
        turn = loop.create_future()
        heapq.heappush(self._waiting, (priority, next(self._numbers), turn))
        self._pass_on()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(self._free_at)
            raise

    def give_back(self, free_at: float) -> None:
        """The next one may write from ``free_at`` on; who that is, is settled only then."""
        self._busy = False
        self._free_at = max(self._free_at, free_at)
        self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting and self._waiting[0][2].done():
            heapq.heappop(self._waiting)
        if self._busy or not self._waiting:
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._free_at:
            if self._alarm is None:
                self._alarm = loop.call_at(self._free_at, self._ring)
            return
        self._busy = True
        heapq.heappop(self._waiting)[2].set_result(None)

    def _ring(self) -> None:
        self._alarm = None
        self._pass_on()
