"""Programs that open door after door through the drivers until they die: what do they leave behind?

Each is a process of its own. They are forked from one that has loaded everything already, because a thousand
deaths would otherwise be a thousand times loading Python.
"""

import asyncio
import gc
import json
import os
import random
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from config.cabinet import Board, Bus, parse
from config.parent import end_with_parent
from firmware_bridge.assemble import assemble
from firmware_bridge.errors import BoardError, PortError
from firmware_bridge.guard import Guard
from firmware_bridge.guard.lock import GuardedLock
from firmware_bridge.ports import LockBoard

BEGINS_SECONDS = 20.0
SIDE_BY_SIDE = 25
"""A thousand deaths are shared among so many boards, or fewer where a guard has to be started each time."""

Pull = Callable[[], Awaitable[None]]
"""Pulls a program's port out and puts it back."""


class Programs:
    """The running ones. ``begin`` gives the process id of a new one that has opened its ports."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.wire.opens_doors"]
        self._nest = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._nest.stdout is not None
        os.set_blocking(self._nest.stdout.fileno(), False)
        self._told = b""
        self._forked: list[asyncio.Future[int]] = []
        self._begun: dict[int, asyncio.Event] = defaultdict(asyncio.Event)

    async def begin(self, program: str, **about: object) -> int:
        assert self._nest.stdin is not None
        forked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._forked.append(forked)
        self._nest.stdin.write(json.dumps({"program": program} | about).encode() + b"\n")
        self._nest.stdin.flush()
        pid = await forked
        try:
            async with asyncio.timeout(BEGINS_SECONDS):
                await self._begun[pid].wait()
        finally:
            self._begun.pop(pid)
        return pid

    def hear(self) -> None:
        assert self._nest.stdout is not None
        heard = self._nest.stdout.read()
        if not heard and heard is not None:
            for forked in self._forked:
                forked.set_exception(ChildProcessError("nothing forks programs any more"))
            self._forked.clear()
            asyncio.get_running_loop().remove_reader(self._nest.stdout.fileno())
            return
        *lines, self._told = (self._told + (heard or b"")).split(b"\n")
        for line in lines:
            word, pid = line.split()
            if word == b"forked":
                self._forked.pop(0).set_result(int(pid))
            else:
                self._begun[int(pid)].set()

    @contextmanager
    def listening(self) -> Iterator[None]:
        assert self._nest.stdout is not None
        loop, number = asyncio.get_running_loop(), self._nest.stdout.fileno()
        loop.add_reader(number, self.hear)
        yield
        loop.remove_reader(number)

    def end(self) -> None:
        assert self._nest.stdin is not None
        assert self._nest.stdout is not None
        self._nest.stdin.close()
        self._nest.wait(10)
        self._nest.stdout.close()


async def dies(luck: random.Random, pid: int, within: float, pull: Pull | None = None) -> str:
    """Let a program die at a random moment within so many seconds: what of."""
    death = luck.choice(["kill", "stop"] if pull is None else ["kill", "stop", "pull"])
    await asyncio.sleep(luck.uniform(0.0, within))
    if death == "stop":
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(luck.uniform(0.0, 2 * within))
        if luck.random() < 0.5:
            os.kill(pid, signal.SIGCONT)
            await asyncio.sleep(luck.uniform(0.0, within))
    elif death == "pull":
        assert pull is not None
        await pull()
        await asyncio.sleep(luck.uniform(0.0, within))
    os.kill(pid, signal.SIGKILL)
    return death


async def _on_a_cabinet(begun: Callable[[], None], *, raw: dict[str, Any], ports: dict[str, str]) -> None:
    async with assemble(parse(raw), ports) as hardware:
        await _opens(hardware.boards["board"], begun)


async def _on_pins(begun: Callable[[], None], *, paper: str, guard: str, pulse_ms: int) -> None:
    bus = Bus(name="pins", kind="gpio", port="gpiozero:mock")
    board = Board(
        name="b", kind="lock_gpio", bus="pins", address=1, channels=2, lock_pins=(17, 27),
        switch_pins=(5, 6), pulse_ms=pulse_ms, cut_off="none: this is a test",
    )  # fmt: skip
    made = Guard(bus, [board], [sys.executable, guard, paper])
    await made.open()
    await _opens(GuardedLock("b", made, 2, pulse_ms), begun)


async def _opens(board: LockBoard, begun: Callable[[], None]) -> None:
    begun()
    while True:
        for channel in range(1, board.channels + 1):
            try:
                pulse = await board.open(channel, lambda: True)
            except BoardError:
                await asyncio.sleep(board.pulse_seconds)
                continue
            ends_at = pulse.ends_at or asyncio.get_running_loop().time() + board.pulse_seconds
            await asyncio.sleep(ends_at - asyncio.get_running_loop().time())


async def _asks(begun: Callable[[], None], *, raw: dict[str, Any], ports: dict[str, str], told: str) -> None:
    """Asks for the doors again and again, and writes down when each answer came."""
    answers = os.open(told, os.O_WRONLY | os.O_APPEND)
    async with assemble(parse(raw), ports) as hardware:
        begun()
        while True:
            try:
                await hardware.boards["board"].doors()
                os.write(answers, f"{asyncio.get_running_loop().time()}\n".encode())
            except (BoardError, PortError) as error:
                await asyncio.sleep(getattr(error, "retry_after", 0.0))
            await asyncio.sleep(0.1)


PROGRAMS = {"cabinet": _on_a_cabinet, "pins": _on_pins, "asks": _asks}


def _become(asked: dict[str, Any]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    end_with_parent()
    program = PROGRAMS[asked.pop("program")]
    asyncio.run(program(lambda: _tell("begins"), **asked))


def _tell(word: str, pid: int = 0) -> None:
    os.write(1, f"{word} {pid or os.getpid()}\n".encode())


def _nest() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                _become(json.loads(line))
            finally:
                os._exit(1)
        _tell("forked", child)


if __name__ == "__main__":
    _nest()
