"""Before some line of an edge in this process all clocks go on, as after a stop right there: no late pulse.

Only between the last look at the clock and the write can a stop let one out.
"""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Self

import pytest

from config.contract.events import CommandEnded
from config.contract.messages import Session
from controller.clock import Computer, boot_seconds
from controller.commands import Budget
from tests.edge.bench import Bench, cabinet_file

ROOT = Path(__file__).parents[3]
DAY_S = 86_400.0
GOOD_FOR_S = 0.6
LONG = [pytest.mark.hard, pytest.mark.timeout(1200)]
OURS = (str(ROOT / "controller"), str(ROOT / "firmware_bridge"))
STOPPED_S = 2.0
JAMMED, EVERY_SO_MANY = "24", 100
"""A door that needs all its pulses, so that stops meet the second and the third as well."""


class Clocks:
    """All clocks of a computer. A program that was stopped finds that they have gone on.

    If it was the computer that slept, its monotonic clock alone has not.
    """

    def __init__(self) -> None:
        self.stopped_s = self.slept_s = 0.0
        self.wall_is_off_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.stopped_s

    def boot(self) -> float:
        return boot_seconds() + self.stopped_s + self.slept_s

    def cloud(self) -> float:
        return time.time() + self.stopped_s + self.slept_s

    def wall(self) -> float:
        return self.cloud() + self.wall_is_off_s


@dataclass
class Stop:
    """Before the n-th line of ours from now on; entered, it traces."""

    clocks: Clocks
    at_line: int
    sleeps: bool = False
    """It is the whole computer that stops."""
    lines: int = 0
    looked: int = 0
    """Line of the last look at the clock; 0: there was none yet, or its pulse has been written."""
    first_look: int = 0
    where: str = ""
    in_the_window: bool = False

    def __enter__(self) -> Self:
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(OURS) else None

    def _line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line":
            self.lines += 1
            if self.lines == self.at_line:
                self._stop(frame)
            if frame.f_code.co_name == "boot_seconds" and _name(frame.f_back) == "counting_sleep":
                self.looked = self.lines
                self.first_look = self.first_look or self.lines
        return self._line

    def _stop(self, frame: FrameType) -> None:
        self.where = f"{Path(frame.f_code.co_filename).relative_to(ROOT)}:{frame.f_lineno}"
        self.in_the_window = self.looked > 0
        if self.sleeps:
            self.clocks.slept_s += STOPPED_S
        else:
            self.clocks.stopped_s += STOPPED_S


def _name(frame: FrameType | None) -> str:
    return "" if frame is None else frame.f_code.co_name


@dataclass
class Tried:
    """What came of all trials so far."""

    trials: int = 0
    places: set[str] = field(default_factory=set)
    before_the_look: int = 0
    late: list[str] = field(default_factory=list)
    """Late pulses after stops before the last look."""
    in_the_window: int = 0
    late_in_the_window: int = 0
    refused: int = 0

    def count(self, stop: Stop, late: int, reason: str) -> None:
        self.trials += 1
        self.places |= {stop.where} - {""}
        self.refused += reason == "late"
        if stop.in_the_window:
            self.in_the_window += 1
            self.late_in_the_window += late
        else:
            self.before_the_look += stop.where != ""
            self.late += [stop.where] * late


class Trials:
    """An edge on clocks of its own, and one command after the other for it."""

    def __init__(self, bench: Bench, clocks: Clocks, luck: random.Random) -> None:
        self._bench, self._clocks, self._luck = bench, clocks, luck
        self._ended: dict[str, str] = {}
        self._told = asyncio.Event()
        self._stop = Stop(clocks, 0)
        self._pulses: list[float] = []
        self._session = Session(epoch=bench.edge.store.epoch, n=7)
        self.tried = Tried()
        bench.edge.cabinet.listen(self._heard)
        end: Any = bench.edge.hardware.wires["rs485"]._end
        self._really_write, end.write = end.write, self._write

    def _heard(self, changed: Any) -> None:
        for fact in changed.facts:
            if isinstance(fact, CommandEnded):
                self._ended[fact.command] = fact.reason
                self._told.set()

    def _write(self, frame: bytes) -> None:
        if frame[:1] == b"\x8a":
            self._pulses.append(self._clocks.boot())
            self._stop.looked = 0
        self._really_write(frame)

    async def one(self, label: str, at_line: int) -> Stop:
        """A command, good for a moment, and a stop that is longer than that."""
        edge, number = self._bench.edge, f"{self.tried.trials:016x}"
        self._clocks.wall_is_off_s = self._luck.choice((-DAY_S, 0.0, DAY_S))
        edge.commands._budget = Budget()
        edge.clock.synced(edge.clock.boot_seconds(), int(self._clocks.cloud() * 1000))
        good_until = self._clocks.boot() + GOOD_FOR_S
        command = self._bench.cloud.open_door(
            self._session, label, None, id=number, purpose="service",
            deadline_ms=int((self._clocks.cloud() + GOOD_FOR_S) * 1000),
        )  # fmt: skip
        self._told.clear()
        self._pulses.clear()
        with Stop(self._clocks, at_line, sleeps=self._luck.random() < 0.5) as self._stop:
            await edge.commands.take(command, self._session)
            async with asyncio.timeout(30):
                await self._told.wait()
        late = sum(at > good_until for at in self._pulses)
        self.tried.count(self._stop, late, self._ended[number])
        if self._pulses and label != JAMMED:
            assert await self._bench.served.wait(label, "open")
            await self._bench.closed(label)
        await self._bench.until(lambda: self._bench.box(label).opening is None)
        return self._stop

    async def many(self, trials: int) -> Tried:
        free = [label for label in self._bench.edge.cabinet.boxes if label != JAMMED]
        usual = min([(await self.one(label, 0)).first_look for label in free[:5]])
        for n in range(trials):
            is_jammed = n % EVERY_SO_MANY == EVERY_SO_MANY - 1
            last = 4 * usual if is_jammed else usual + usual // 20
            await self.one(JAMMED if is_jammed else free[n % len(free)], self._luck.randint(1, last))
        return self.tried


@asynccontextmanager
async def on_own_clocks(folder: Path, seed: int) -> AsyncIterator[Trials]:
    bench, clocks = Bench(folder, cabinet_file(24), poll_s=0.15), Clocks()
    asyncio.get_running_loop().time = clocks.monotonic  # type: ignore[method-assign]
    bench.computer = Computer(clocks.monotonic, clocks.boot, clocks.wall)
    bench.served.clock = bench.served.cabinet.clock = clocks.monotonic
    await bench.plug_in()
    try:
        await bench.start()
        await bench.hand_over()
        bench.knows_time()
        await bench.served.fault("latch_jammed", JAMMED)
        yield Trials(bench, clocks, random.Random(seed))
    finally:
        await bench.stop()
        bench.served.unplug()


@pytest.mark.row("O4")
@pytest.mark.parametrize("trials", [100, pytest.param(10_000, marks=LONG)])
async def test_o4_a_stop_anywhere_before_the_last_look_at_the_clock_lets_no_late_pulse_out(
    tmp_path, trials, reached
):
    async with on_own_clocks(tmp_path, trials) as bed:
        tried = await bed.many(trials)
    figure = (
        f"{len(tried.late)} after {tried.before_the_look} stops before {len(tried.places)} places;"
        f" {tried.late_in_the_window} of {tried.in_the_window} behind the last look"
    )
    reached("O4", goal="0 late pulses after a stop before the last look", figure=figure, seed=trials)
    assert tried.late == []
    assert tried.before_the_look >= 0.8 * trials
    assert tried.refused >= 0.7 * trials, "the commands were mostly over before they were stopped"
