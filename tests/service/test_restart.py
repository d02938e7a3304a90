"""What was acknowledged is there after a kill -9, and nothing is there twice."""

import asyncio
import contextlib
import json
import os
import queue
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.cabinet import load
from config.contract.messages import chain_over
from config.contract.topics import Leaf
from tests.service.conftest import CABINETS, started
from tests.service.fake_cabinet import FakeCabinet, Identity, Stay, box

ROOT = Path(__file__).parents[2]
KILLS = 4


class Cloud:
    """The program itself, as its own process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = (folder.parent / "cloud.log").open("ab")
        self.told: dict[str, Any] = {}

    def start(self) -> None:
        line = [
            sys.executable,
            "-m",
            "cloud",
            "serve",
            "--folder",
            str(self._folder),
            "--port",
            "0",
            "--json",
        ]
        self.process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=self._log, text=True)
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said, (self._folder.parent / "cloud.log").read_text()
        self.told = json.loads(said)

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)
        self._log.close()

    def broker_pids(self) -> list[int]:
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if str(self._folder / "broker").encode() in entry.read_bytes():
                    found.append(int(entry.parent.name))
        return found


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path / "cloud")
    cloud.start()
    yield cloud
    cloud.close()


def enrolled(cloud: Cloud, folder: Path) -> FakeCabinet:
    file = CABINETS / "locker-8a80.toml"
    line = [sys.executable, "-m", "cloud", "enrol", str(file), "--folder", str(folder)]
    token = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    answer = httpx.post(f"{cloud.told['url']}/v1/enrolments/exchange", json={"token": token})
    return FakeCabinet(Identity.read(answer.json()), load(file))


def evening(cabinet: FakeCabinet, parcels: int) -> list[bytes]:
    lines = []
    for n in range(1, parcels + 1):
        stay = Stay(f"{n % 24 + 1:02d}", f"{cabinet.epoch}-{n}", f"{n:016x}", f"{n:016x}")
        lines += [stay.deposited(cabinet, 2 * n), stay.collected(cabinet, 2 * n + 1)]
    return lines


@contextmanager
def killed_soon(cloud: Cloud, seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, lambda: os.kill(cloud.process.pid, signal.SIGKILL))
    timer.start()
    yield
    timer.join()


def tell_until_silent(cabinet: FakeCabinet, lines: list[bytes], through: int) -> int:
    """Send the rest in small batches, one in flight, until no ack comes; how far the last ack went."""
    while through < len(lines):
        rest = lines[through : through + 7]
        batch = cabinet.batch(*rest, first=through + 1, head=cabinet.chain)
        try:
            cabinet.say(Leaf.EVENTS, batch)
            ack = cabinet.ack(batch.head.nonce, 1.0)
        except (queue.Empty, RuntimeError, OSError):
            return through
        through = move_to(cabinet, lines, through, ack.through)
    return through


def move_to(cabinet: FakeCabinet, lines: list[bytes], old: int, new: int) -> int:
    """The chain's head moves with what is acknowledged."""
    assert new >= old, "the cloud has forgotten what it had acknowledged"
    cabinet.chain = chain_over(cabinet.chain, lines[old:new])
    return new


def test_nothing_is_lost_or_doubled_by_killing_the_cloud(cloud: Cloud, tmp_path: Path) -> None:
    cabinet = enrolled(cloud, tmp_path / "cloud")
    lines = evening(cabinet, 700)
    through, chance = 0, random.Random(7)
    for _ in range(KILLS):
        cabinet.n += 1
        cabinet.connect(say_hello=False)
        through = move_to(cabinet, lines, through, cabinet.sync().through)
        cabinet.mqtt.patience_s = 0.3
        with killed_soon(cloud, chance.uniform(0.02, 0.4)):
            through = tell_until_silent(cabinet, lines, through)
        cabinet.close()
        cloud.end(signal.SIGKILL)
        cloud.start()
    cabinet.n += 1
    cabinet.connect(say_hello=False)
    through = move_to(cabinet, lines, through, cabinet.sync().through)
    assert tell_until_silent(cabinet, lines, through) == len(lines)
    cabinet.close()
    assert cloud.end(signal.SIGTERM) == 0
    assert_whole(tmp_path / "cloud" / "cloud.sqlite", lines)


def assert_whole(file: Path, lines: list[bytes]) -> None:
    with contextlib.closing(sqlite3.connect(file)) as database:
        kept = database.execute("SELECT seq, line FROM events ORDER BY id").fetchall()
        assert kept == list(enumerate(lines, 1))
        states = database.execute("SELECT state, count(*) FROM whereabouts GROUP BY state").fetchall()
        assert states == [("collected", len(lines) // 2)]
        assert database.execute("SELECT count(*) FROM compartments").fetchone() == (24,)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def gone(pids: list[int]) -> bool:
    """Ended; in a container without an init nobody buries what was orphaned."""
    return not any(runs(pid) for pid in pids)


def runs(pid: int) -> bool:
    try:
        about = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return about.rpartition(")")[2].split()[0] not in "ZX"


@pytest.mark.parametrize(("how", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -9)])
def test_however_the_cloud_ends_its_broker_ends_too(cloud: Cloud, how: signal.Signals, code: int) -> None:
    pids = cloud.broker_pids()
    assert len(pids) == 1
    assert cloud.end(how) == code
    until = time.monotonic() + 5
    while not gone(pids) and time.monotonic() < until:
        time.sleep(0.02)
    assert gone(pids)


async def test_an_ack_is_said_only_after_the_commit(tmp_path: Path) -> None:
    """A commit that waits holds the ack back; what was not committed is not acknowledged."""
    async with started(tmp_path / "cloud") as service:
        cabinet = await service.connected()
        batch = cabinet.batch(cabinet.event("DoorClosed", "01", box=box("01")))
        async with service.parts.store.writing():
            await asyncio.to_thread(cabinet.say, Leaf.EVENTS, batch)
            with pytest.raises(queue.Empty):
                await asyncio.to_thread(cabinet.ack, batch.head.nonce, 0.5)
        assert (await asyncio.to_thread(cabinet.ack, batch.head.nonce)).through == 1
