"""Time that is only counted: an event loop whose clock jumps to the next timer when nobody is busy.

Everything that could differ between two runs is settled here: the clock, the order of tasks, how long a disk
or a digest takes, and what a computer calls random. No thread runs and no byte leaves the process.
"""

import asyncio
import contextlib
import heapq
import os
import random
import secrets
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextvars import Context
from itertools import count
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

FIRST_PIPE = 1_000_000
"""Numbers of in-memory pipes begin where no file of this process has its own."""
COMMIT_SECONDS = (0.001, 0.012)
DIGEST_SECONDS = (0.04, 0.07)
"""What a commit on eMMC and a scrypt digest take; the work is done at the end of that time."""
TOLD_SECONDS = 0.0005
"""From the end of the work to the moment when its caller hears of it: a program can die in between."""


SAME_MOMENT_SECONDS = 1e-7
"""Sums of fractions are off by less; timers that are due by this much are due."""


class NothingLeft(RuntimeError):
    """Nobody waits for a time any more, so no time will ever come."""


class _Numbered(asyncio.Task[Any]):
    """A task whose place in a set does not depend on where in memory it lies."""

    number: int

    def __hash__(self) -> int:
        return self.number


class VirtualLoop(asyncio.SelectorEventLoop):
    """``time()`` begins at 1000 and jumps. In-memory pipes are watched like files.

    Timers of one moment go off in the order in which they were set. Nothing outside is ever asked, so a round
    costs a fraction of what it costs the loop that this one is made from.
    """

    def __init__(self, seed: str) -> None:
        self._now = 1000.0
        self._due: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timers = count()
        super().__init__()
        self._chance = random.Random(f"{seed}/computer")
        self._numbers = count()
        self._pipes = count(FIRST_PIPE)
        self._ready: deque[asyncio.Handle]
        self._watched: dict[int, Callable[[], object]] = {}
        self._busy_until: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()
        self.set_task_factory(self._new_task)

    def time(self) -> float:
        return self._now

    # --- rounds

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._due, (when, next(self._timers), timer))
        return timer

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def _run_once(self) -> None:
        """Everything that is ready; when nothing is, the clock first jumps to the next timer."""
        ready, due = self._ready, self._due
        while due and due[0][2].cancelled():
            heapq.heappop(due)
        if not ready:
            if not due:
                raise NothingLeft("nothing is left to do")
            self._now = max(self._now, due[0][0])
        while due and due[0][0] <= self._now + SAME_MOMENT_SECONDS:
            ready.append(heapq.heappop(due)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

    def _new_task(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T] | Generator[Any, None, T],
        **how: Any,
    ) -> asyncio.Task[T]:  # fmt: skip
        _Numbered.number = next(self._numbers)  # asyncio asks for the hash while the task is being made
        task: asyncio.Task[T] = _Numbered(work, loop=loop, **how)
        task.number = _Numbered.number  # type: ignore[attr-defined]
        return task

    # --- pipes

    def new_pipe(self) -> int:
        return next(self._pipes)

    def add_reader(self, fd: Any, callback: Callable[[*Ts], Any], *args: *Ts) -> None:
        self._watched[fd] = lambda: callback(*args)

    def remove_reader(self, fd: Any) -> bool:
        return self._watched.pop(fd, None) is not None

    def readable(self, pipe: int) -> None:
        """Bytes lie in this pipe: whoever watches it is called."""
        self.call_soon(self._look, pipe)

    def _look(self, pipe: int) -> None:
        watcher = self._watched.get(pipe)
        if watcher is not None:
            watcher()

    # --- work that a computer would give to a thread

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> "asyncio.Future[T]":  # type: ignore[override]
        told: asyncio.Future[T] = self.create_future()
        if executor is None:
            done_at = self._now + self._chance.uniform(*DIGEST_SECONDS)
        else:  # one thread, one thing after the other
            begins = max(self._now, self._busy_until.get(executor, 0.0))
            done_at = self._busy_until[executor] = begins + self._chance.uniform(*COMMIT_SECONDS)
        self.call_at(done_at, self._work, told, func, args)
        return told

    def _work(self, told: "asyncio.Future[T]", func: Callable[..., T], args: tuple[Any, ...]) -> None:
        try:
            result = func(*args)
        except Exception as error:
            self.call_later(TOLD_SECONDS, _tell, told, None, error)
        else:
            self.call_later(TOLD_SECONDS, _tell, told, result, None)


def _tell(told: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    if told.done():
        return
    if error is not None:
        told.set_exception(error)
    else:
        told.set_result(result)


@contextlib.contextmanager
def seeded_randomness(seed: str) -> Iterator[None]:
    """Within, whatever asks this computer for randomness gets it from the seed."""
    chance = random.Random(f"{seed}/random")
    before = (secrets.token_bytes, secrets.token_hex, secrets.randbelow, os.urandom, random.getstate())

    def token_bytes(nbytes: int | None = None) -> bytes:
        return chance.randbytes(32 if nbytes is None else nbytes)

    def token_hex(nbytes: int | None = None) -> str:
        return token_bytes(nbytes).hex()

    def randbelow(exclusive_upper_bound: int) -> int:
        return chance.randrange(exclusive_upper_bound)

    secrets.token_bytes, secrets.token_hex, secrets.randbelow = token_bytes, token_hex, randbelow
    os.urandom = chance.randbytes
    random.seed(f"{seed}/jitter")
    try:
        yield
    finally:
        secrets.token_bytes, secrets.token_hex, secrets.randbelow, os.urandom = before[:4]
        random.setstate(before[4])
