"""A command whose deadline is over makes no pulse, wherever it was held up and whatever was stopped.

A stop is two things here. A real program gets SIGSTOP and goes on when the deadline is over. And an edge in
this process is traced: before some line of it all clocks have gone on, as they have after a stop right there.
Only between the last look at the clock and the write can a stop let a late pulse out. How long that is, is
measured in the real program.
"""

import asyncio
import json
import mmap
import os
import random
import signal
import statistics
import struct
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Self

import httpx
import pytest

from config.contract.events import CommandEnded, Event
from config.contract.messages import DocumentName, Presence, Session
from config.contract.topics import Leaf
from controller.clock import Computer, boot_seconds
from controller.commands import Budget
from controller.identity import _keep
from simulators.network import Network
from simulators.serve import Served
from tests.edge.bench import Bench, CloudKeys, as_toml, cabinet_file
from tests.edge.far_side import Broker, Cloud

ROOT = Path(__file__).parents[2]
DAY_S = 86_400.0
GOOD_FOR_S = 0.6
LONG = [pytest.mark.hard, pytest.mark.timeout(1200)]


# --- held up on the way


async def synced(bench: Bench, cloud: Cloud) -> Session:
    """The session in which both sides know each other and the time."""
    edge = bench.edge
    await bench.until(lambda: edge.uplink.connected and edge.clock.sync_age() < 10, 30)
    await bench.until(lambda: cloud.session == edge.uplink._session, 30)
    return cloud.session


async def refusals(bench: Bench) -> dict[str, str]:
    """Command → why it was refused."""
    ended = [event.data for event in await bench.events() if event.type == "CommandEnded"]
    return {each["command"]: each["reason"] for each in ended if each["outcome"] == "rejected"}


@pytest.mark.row("O4")
@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
async def test_o4_what_a_broker_holds_up_keeps_or_repeats_makes_no_late_pulse(tmp_path, kind, reached):
    broker, network = Broker(kind, tmp_path), Network()
    broker.start()
    network.target, network.repeats = ("127.0.0.1", broker.port), 3
    bench = Bench(tmp_path, cabinet_file(), reconnect_s=0.5, sync_s=1)
    bench.broker_url = f"mqtt://127.0.0.1:{await network.start()}"
    cloud = Cloud(bench.cloud, broker.url)
    await bench.plug_in()
    try:
        await bench.start()
        await bench.hand_over()
        now = await synced(bench, cloud)
        deadline_ms = int((time.time() + GOOD_FOR_S) * 1000)
        sessions = {"01": now, "02": Session(epoch=now.epoch, n=now.n + 1), "03": now}
        commands = [
            bench.cloud.open_door(session, label, None, purpose="service", deadline_ms=deadline_ms)
            for label, session in sessions.items()
        ]
        network.stall()
        cloud.say(Leaf.COMMANDS, commands[0])
        cloud.say(Leaf.COMMANDS, commands[1], retain=True)
        await bench.until(lambda: time.time() * 1000 > deadline_ms)
        network.heal()
        network.repeats = 3  # in flight, and now delivered four times
        await bench.until(lambda: bench.edge.store.seq == bench.edge.store.through, 15)
        network.cut()
        await bench.until(lambda: not bench.edge.uplink.connected, 10)
        network.heal()
        await synced(bench, cloud)
        broker.kill()
        broker.start()
        await synced(bench, cloud)
        for command in commands:
            cloud.say(Leaf.COMMANDS, command)
        for _ in range(500):
            if len(reasons := await refusals(bench)) == len(commands):
                break
            await asyncio.sleep(0.02)
        pulses = bench.openings_on_the_wire()
        figure = f"{pulses} of {len(commands)}, brought again and again"
        reached("O4", goal="0 late pulses, whatever the broker does", figure=figure)
        assert pulses == 0
        assert set(reasons.values()) <= {"late", "other_session", "no_time"}
        assert len(reasons) == len(commands)
        assert "late" in reasons.values()
    finally:
        await bench.stop()
        bench.served.unplug()
        await network.stop()
        cloud.stop()
        broker.kill()


# --- stopped before any line


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
            if frame.f_code.co_name == "now" and _name(frame.f_back) == "_reason_to_withhold":
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


# --- a real program, stopped and gone on


WATCHED_EDGE = """
import mmap, os, struct, sys, time
from controller.__main__ import app
from controller.unlock import Unlocker
from firmware_bridge.line.wire import _SerialEnd

shared = mmap.mmap(os.open(sys.argv.pop(1), os.O_RDWR), 0)
look, write = Unlocker._reason_to_withhold, _SerialEnd.write

def looking(self, pulse):
    struct.pack_into("=bd", shared, 0, 1, time.monotonic())
    reason = look(self, pulse)
    shared[0] = not reason
    return reason

def writing(self, frame):
    write(self, frame)
    is_pulse, looked_at = struct.unpack_from("=bd", shared)
    if is_pulse:
        shared[0] = 0
        (number,) = struct.unpack_from("=q", shared, 16)
        struct.pack_into("=d", shared, 24 + 8 * number, time.monotonic() - looked_at)
        struct.pack_into("=q", shared, 16, number + 1)

Unlocker._reason_to_withhold, _SerialEnd.write = looking, writing
app()
"""
"""The controller itself. In a file it shares with the test stand: whether it is between the last look and the
write, and how long each time was, from before the look to behind the write."""


class Watched:
    """A controller in a process of its own, its hardware, its broker and its cloud."""

    def __init__(self, folder: Path, served: Served, cloud: Cloud, process: Any, kiosk: str) -> None:
        self.served, self.process = served, process
        self._cloud, self._kiosk = cloud, kiosk
        self._read = 0
        self._ended: dict[str, str] = {}
        with (folder / "shared").open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 0)

    @property
    def in_the_window(self) -> bool:
        return bool(self._shared[0])

    def windows_s(self) -> list[float]:
        (number,) = struct.unpack_from("=q", self._shared, 16)
        return list(struct.unpack_from(f"={number}d", self._shared, 24))

    async def said(self, number: int, label: str, good_for_s: float) -> tuple[bytes, str]:
        """A command as of a phone in front of the screen, which no budget counts."""
        async with httpx.AsyncClient(trust_env=False) as http:
            shown = (await http.get(f"{self._kiosk}state")).json()
        command = self._cloud.keys.open_door(
            self._cloud.session, label, None, id=f"{number:016x}", purpose="service",
            deadline_ms=int((time.time() + good_for_s) * 1000),
            presence=Presence(nonce=shown["nonce"], number=int(shown["two_digits"])),
        )  # fmt: skip
        self._cloud.say(Leaf.COMMANDS, command)
        return command, f"{number:016x}"

    def said_again(self, command: bytes) -> None:
        self._cloud.say(Leaf.COMMANDS, command)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def pulses(self, since: float) -> list[float]:
        return [
            at for at, frame in self.served.buses["rs485"].requests if frame[:1] == b"\x8a" and at >= since
        ]

    async def ended(self, command: str) -> str:
        """How the command came out: its reason, or empty when the door opened."""
        await _until(lambda: command in self._heard())
        return self._ended[command]

    def _heard(self) -> dict[str, str]:
        while (line := self._cloud.kept.get(self._read + 1)) is not None:
            self._read += 1
            event = Event.read(line)
            if event.type == "CommandEnded":
                self._ended[event.data["command"]] = event.data.get("reason", "")
        return self._ended

    async def shut(self, label: str) -> None:
        for _ in range(200):
            if await self.served.close(label):
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"door {label} does not latch")


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the far side has no event to wait for
            await asyncio.sleep(0.005)


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Watched]:
    keys, file = CloudKeys(), cabinet_file(24)
    broker, served = Broker("mosquitto", folder), Served(file, folder / "links", turn_round_seconds=0.0)
    (folder / "links").mkdir()
    (folder / "shared").write_bytes(bytes(1 << 16))
    (folder / "cabinet.toml").write_text(as_toml(file), encoding="utf-8")
    broker.start()
    _keep(keys.identity(broker.url), folder / "edge" / "identity.toml")
    cloud, ports = Cloud(keys, broker.url), await served.plug_in()
    given = [f"--port={name}={address}" for name, address in ports.items()]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WATCHED_EDGE, str(folder / "shared"), "run", str(folder / "cabinet.toml"),
        "--folder", str(folder / "edge"), "--kiosk-port", "0", "--json", *given,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": ".", "TUANGUI_EDGE_SYNC_S": "1"},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        await _until(lambda: cloud.session is not None)
        cloud.say(Leaf.DESIRED, keys.document(DocumentName.KEYS, keys.keys(), cloud.session.epoch))
        await _until(lambda: cloud.reported is not None and "keys" in cloud.reported.documents)
        yield Watched(folder, served, cloud, process, ready["kiosk_url"])
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        await process.wait()
        served.unplug()
        cloud.stop()
        broker.kill()


@pytest.mark.row("O4")
@pytest.mark.parametrize("stops", [6, pytest.param(120, marks=LONG)])
async def test_o4_a_program_that_is_stopped_and_goes_on_sends_no_late_pulse(tmp_path, stops, reached):
    luck, refused, late, in_the_window = random.Random(stops), 0, 0, 0
    async with watched(tmp_path) as edge:
        for number in range(stops):
            label, began = f"{number % 24 + 1:02d}", time.monotonic()
            command, name = await edge.said(number, label, GOOD_FOR_S)
            good_until = time.monotonic() + GOOD_FOR_S
            await asyncio.sleep(luck.uniform(0.0, 0.03))
            edge.stop()
            await asyncio.sleep(0.02)
            was_in_it = edge.in_the_window
            await asyncio.sleep(good_until + 0.05 - time.monotonic())
            edge.said_again(command)
            edge.go_on()
            reason = await edge.ended(name)
            refused += reason == "late"
            late_now = sum(at > good_until for at in edge.pulses(began))
            late, in_the_window = late + (late_now and not was_in_it), in_the_window + was_in_it
            await edge.shut(label)
    figure = f"{late} of {stops}; {refused} refused, {in_the_window} stopped behind the last look"
    reached("O4", goal="0 late pulses after SIGSTOP before the last look", figure=figure, seed=stops)
    assert late == 0
    assert refused > 0
    assert in_the_window < stops / 4


@pytest.mark.row("O4")
@pytest.mark.parametrize("openings", [10, pytest.param(500, marks=LONG)])
async def test_o4_the_window_behind_the_last_look_is_short(tmp_path, openings, reached):
    async with watched(tmp_path) as edge:
        for number in range(openings):
            label = f"{number % 24 + 1:02d}"
            _, name = await edge.said(number, label, 5.0)
            assert await edge.ended(name) == ""
            await edge.shut(label)
        windows = [seconds * 1000 for seconds in edge.windows_s()]
    told = f"median {statistics.median(windows):.3f} ms, longest {max(windows):.2f} ms of {len(windows)}"
    reached("O4", goal="the window between look and write is measured", figure=told)
    assert len(windows) >= openings
    assert statistics.median(windows) < 1.0
