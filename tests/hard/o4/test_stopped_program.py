"""A real program gets SIGSTOP and goes on when the deadline is over: it makes no late pulse.

Only between the last look at the clock and the write can a stop let one out. How long that is, is measured.
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
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.contract.events import Event
from config.contract.messages import DocumentName, Presence
from config.contract.topics import Leaf
from controller.identity import _keep
from simulators.serve import Served
from tests.edge.bench import CloudKeys, as_toml, cabinet_file
from tests.edge.far_side import Broker, Cloud

ROOT = Path(__file__).parents[3]
GOOD_FOR_S = 0.6
SETTINGS = {"TUANGUI_EDGE_SYNC_S": "1", "TUANGUI_EDGE_PULSES_A_MINUTE": "60"}
LONG = [pytest.mark.hard, pytest.mark.timeout(1200)]

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
        cwd=ROOT, env={**os.environ, "PYTHONPATH": ".", **SETTINGS},
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
