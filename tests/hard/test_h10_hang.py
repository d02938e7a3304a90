"""Whatever hangs, the watchdog is not fed any more, and a restart serves at once.

A notify socket of the test and a small restarter stand for systemd, which a test cannot have to itself.
"""

import asyncio
import dataclasses
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from config.cabinet import load
from controller.identity import _keep
from firmware_bridge.line import Priority
from simulators.serve import Served
from tests.edge.bench import Bench, CloudKeys, cabinet_file
from tests.edge.far_side import Broker, Cloud
from tests.edge.restarter import Listening, Restarter

ROOT = Path(__file__).parents[2]
FILE = ROOT / "config" / "cabinets" / "locker-8a80.toml"
SERVES_WITHIN_S = 5.0
NOT_FED_WITHIN_S = 10.0

Release = Callable[[], None]


@asynccontextmanager
async def watched(folder: Path, monkeypatch: Any, waits: float) -> AsyncIterator[tuple[Bench, Listening]]:
    """An edge with a broker and a cloud, whose watchdog is listened to."""
    listening, broker = Listening(folder), Broker("mosquitto", folder)
    monkeypatch.setenv("NOTIFY_SOCKET", listening.address)
    monkeypatch.setenv("WATCHDOG_USEC", str(int(waits * 1_000_000)))
    broker.start()
    bench = Bench(folder, cabinet_file(), sync_s=1)
    bench.broker_url = broker.url
    cloud = Cloud(bench.cloud, broker.url)
    await bench.plug_in()
    try:
        await bench.start()
        await bench.until(lambda: bench.edge.store.through > 0, 15)
        yield bench, listening
    finally:
        await bench.stop()
        bench.served.unplug()
        cloud.stop()
        broker.kill()
        listening.close()


async def block_event_loop(bench: Bench, seconds: float, monkeypatch: Any) -> Release:
    asyncio.get_running_loop().call_soon(time.sleep, seconds)
    return lambda: None


async def block_store_thread(bench: Bench, seconds: float, monkeypatch: Any) -> Release:
    go_on = threading.Event()
    bench.edge.store._thread.submit(go_on.wait, 60)
    return go_on.set


async def block_database(bench: Bench, seconds: float, monkeypatch: Any) -> Release:
    other = sqlite3.connect(bench.edge.store.path, isolation_level=None)
    other.execute("begin immediate")
    return other.close


async def block_serial_line(bench: Bench, seconds: float, monkeypatch: Any) -> Release:
    """The turn on the wire is taken and not given back, as by a driver that never comes to an end."""
    turns = bench.edge.hardware.lines["rs485"]._turns
    await turns.take(Priority.UNLOCK)
    return lambda: turns.give_back(asyncio.get_running_loop().time())


async def block_tick(bench: Bench, seconds: float, monkeypatch: Any) -> Release:
    turn = bench.edge.cabinet._turn
    await turn.acquire()
    return turn.release


async def block_uplink_thread(bench: Bench, seconds: float, monkeypatch: Any) -> Release:
    go_on, in_there = threading.Event(), threading.Event()

    def stays(*_: Any) -> None:
        in_there.set()
        go_on.wait(seconds)  # by itself: the loop may stand still with it, at a lock of the library's

    for thread in threading.enumerate():
        client = getattr(getattr(thread, "_target", None), "__self__", None)
        if hasattr(client, "came_round_at"):
            client.on_publish = stays
    await bench.until(in_there.is_set, 10)
    return go_on.set


BLOCKS = [
    block_event_loop, block_store_thread, block_database, block_serial_line, block_tick, block_uplink_thread,
]  # fmt: skip


async def hangs(folder: Path, monkeypatch: Any, block: Any, waits: float) -> float:
    """Seconds from the block to the last sign of life; then it is still for as long as systemd waits."""
    async with watched(folder, monkeypatch, waits) as (bench, listening):
        await bench.until(lambda: len(listening.times("WATCHDOG=1")) > 5)
        release = await block(bench, 2.2 * waits, monkeypatch)
        began = time.monotonic()
        try:
            await bench.until(lambda: listening.still_s() >= waits, 4 * waits)
        finally:
            release()
        fed = listening.times("WATCHDOG=1", began)
        before = [at for at in fed if at - began < 1.5 * waits]
        await bench.until(lambda: listening.times("WATCHDOG=1", time.monotonic() - 1) != [], 30)
        return max([at - began for at in before], default=0.0)


@pytest.mark.parametrize("block", BLOCKS)
async def test_what_hangs_is_not_covered_up(tmp_path, monkeypatch, block):
    assert await hangs(tmp_path, monkeypatch, block, 1.5) < 1.5


@pytest.mark.hard
@pytest.mark.row("H10")
@pytest.mark.timeout(200)
@pytest.mark.parametrize("block", BLOCKS)
async def test_h10_what_hangs_is_not_fed_for_longer_than_ten_seconds(tmp_path, monkeypatch, block, reached):
    fed_for = await hangs(tmp_path, monkeypatch, block, NOT_FED_WITHIN_S)
    reached("H10", goal=f"fed ≤ {NOT_FED_WITHIN_S:.0f} s longer", figure=f"{fed_for:.1f} s")
    assert fed_for <= NOT_FED_WITHIN_S


async def test_an_edge_that_serves_is_fed_all_the_time(tmp_path, monkeypatch):
    async with watched(tmp_path, monkeypatch, 2.0) as (bench, listening):
        began = time.monotonic()
        await bench.loaded()
        await asyncio.sleep(2)
        fed = listening.times("WATCHDOG=1", began)
        assert max(later - earlier for earlier, later in pairwise(fed)) < 1.0
        assert len(listening.times("READY=1")) == 1
    assert len(listening.times("STOPPING=1")) == 1


async def stopped(folder: Path, waits: float) -> float:
    """A real program is stopped with SIGSTOP; seconds from its next start until it serves."""
    cabinet = load(FILE)
    served = Served(cabinet, folder / "links", turn_round_seconds=0.0)
    (folder / "links").mkdir()
    ports = await served.plug_in()
    _keep(dataclasses.replace(CloudKeys().identity(), cabinet=cabinet.id), folder / "edge" / "identity.toml")
    given = [f"--port={name}={address}" for name, address in ports.items()]
    command = [sys.executable, "-m", "controller", "run", str(FILE), "--folder", str(folder / "edge")]
    restarter = Restarter([*command, "--kiosk-port", "0", *given], folder, waits, ROOT)
    try:
        await _true(lambda: restarter.serving_after(0) is not None)
        await _true(lambda: len(restarter.listening.times("WATCHDOG=1")) > 2)
        began = time.monotonic()
        os.kill(restarter.process.pid, signal.SIGSTOP)
        await _true(lambda: restarter.serving_after(began) is not None)
        again = restarter.serving_after(began)
        assert again is not None
        assert restarter.starts[1] - began < 1.5 * waits
        return again
    finally:
        await asyncio.to_thread(restarter.close)
        served.unplug()


async def _true(condition: Callable[[], bool], seconds: float = 40.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        await asyncio.sleep(0.02)


async def test_a_stopped_program_is_started_again_and_serves(tmp_path):
    assert await stopped(tmp_path, 3.0) < 2 * SERVES_WITHIN_S


@pytest.mark.hard
@pytest.mark.row("H10")
@pytest.mark.timeout(200)
async def test_h10_after_a_restart_it_serves_within_five_seconds(tmp_path, reached):
    longest = max([await stopped(_folder(tmp_path, n), 10.0) for n in range(3)])
    reached("H10", goal=f"serves ≤ {SERVES_WITHIN_S:.0f} s after the start", figure=f"{longest:.1f} s")
    assert longest <= SERVES_WITHIN_S


def _folder(above: Path, n: int) -> Path:
    (above / str(n)).mkdir()
    return above / str(n)
