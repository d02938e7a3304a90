"""Who may write on a shared wire next."""

import asyncio
import heapq
import time
from enum import IntEnum
from itertools import count


class Priority(IntEnum):
    """The lower number goes first."""

    UNLOCK = 0
    POLL = 1


KEPT_FREE_SECONDS = 0.25
"""A wire is kept free for an unlock that is to be expected, no longer than this: a QR of ours takes 0.16 s at
9600 baud."""
KEPT_FREE_AGAIN_AFTER_SECONDS = 2.0
"""A reader that types rubbish without end takes no more than an eighth of the wire from the polls."""


SHORTEST_ALARM_SECONDS = 0.00005
"""Linux may ring an alarm so much late: a wait that is shorter is over before any alarm would ring."""


class Turns:
    """Whose turn it is on the wire: the lower priority number first, then first come first served."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._busy = False
        self._free_at = 0.0
        self._polls_from = 0.0
        self._keep_free_again_at = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    def keep_free(self) -> None:
        """An unlock is to be expected: begin no poll until it is through, for a short while at most."""
        now = asyncio.get_running_loop().time()
        if now >= self._keep_free_again_at:
            self._polls_from = now + KEPT_FREE_SECONDS
            self._keep_free_again_at = now + KEPT_FREE_AGAIN_AFTER_SECONDS

    async def take(self, priority: Priority) -> None:
        loop = asyncio.get_running_loop()
        if not self._busy and not self._waiting and self._is_free(priority):
            self._begin(priority)
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

    def _from(self, priority: int) -> float:
        return self._free_at if priority == Priority.UNLOCK else max(self._free_at, self._polls_from)

    def _is_free(self, priority: int) -> bool:
        wait = self._from(priority) - asyncio.get_running_loop().time()
        if wait > SHORTEST_ALARM_SECONDS:
            return False
        # Not by the loop's clock: a simulated one stands still while we look at it.
        over_at = time.perf_counter() + wait
        while time.perf_counter() < over_at:
            pass
        return True

    def _begin(self, priority: int) -> None:
        self._busy = True
        if priority == Priority.UNLOCK:
            self._polls_from = self._keep_free_again_at = 0.0

    def _pass_on(self) -> None:
        while self._waiting and self._waiting[0][2].done():
            heapq.heappop(self._waiting)
        if self._busy or not self._waiting:
            return
        loop = asyncio.get_running_loop()
        begins_at = self._from(self._waiting[0][0])
        if loop.time() < begins_at:
            self._ring_at(begins_at)
            return
        priority, _, turn = heapq.heappop(self._waiting)
        self._begin(priority)
        turn.set_result(None)

    def _ring_at(self, moment: float) -> None:
        if self._alarm is not None:
            if self._alarm.when() <= moment:
                return
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_at(moment, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._pass_on()
