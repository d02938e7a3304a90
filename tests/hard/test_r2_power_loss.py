"""The power goes at any moment, or the disk fails at any call: what was acknowledged is there, whole.

The product's own store works in a process of its own behind a shim that logs what reaches the disk. Each
crash point is a disk as it may be found afterwards: everything synced, and of the rest any part, torn at
sectors, in any order.
"""

import errno
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config.contract.events import Event
from controller.floor import Floor
from controller.store import box_from_json
from controller.store.check import Damaged, check

SHIM = Path(__file__).with_name("disk_shim.c")
SECTOR = 512
CHANGES = 60

WORKS = """
import asyncio, os, struct, sys
from pathlib import Path
from config.contract.events import OpeningStarted
from config.contract.messages import DocumentName
from controller.clock import Clock
from controller.store import Change, Keep, Store, StoreFailing
from controller.visit import Box, State, now_of

def change(n):
    box = Box("01", State.OCCUPIED, occupancy=f"{n:016x}-1", order=f"{n:016x}", parcel=f"{n:016x}")
    told = OpeningStarted(box=now_of(box), opening=n, purpose="collect", proof="code")
    meta = {"n": str(n), **({"tries": "{}" + " " * n} if n % 10 == 0 else {})}
    return Change(boxes=(box,), facts=(told,), used=(f"{n:016x}",), meta=meta)

async def main(folder, changes):
    clock, failed = Clock(), 0
    acks = os.open(folder / "acks", os.O_WRONLY | os.O_CREAT, 0o600) if os.environ.get("SHIM_LOG") else -1
    store = Store(folder / "edge.db", "c", ballast_bytes=1 << 16)
    try:
        await store.open()
    except StoreFailing as error:
        print("not opened", error)
        return
    for n in range(store.seq + 1, store.seq + changes + 1):
        while True:
            try:
                await store.commit(change(n), clock.stamp())
                break
            except StoreFailing as error:
                failed += 1
                print("failed", n, error, flush=True)
        print("kept", n, flush=True)
        if acks >= 0:
            os.pwrite(acks, struct.pack("<q", n), 0)
        try:
            if n % 7 == 0:
                await store.tidy()
            if n % 25 == 0:
                await store.copy(0)
            if n % 9 == 0:
                await store.acknowledged(n - 3)
                await store.prune(Keep(rows=5, days=14), clock.best_ms())
        except StoreFailing as error:
            print("failed", n, error, flush=True)
    await store.close()

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("shim") / "disk_shim.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-w", "-o", str(library), str(SHIM), "-ldl", "-lpthread"]
    subprocess.run(command, check=True, capture_output=True)
    return library


@pytest.fixture
def fast_folder() -> Iterator[Path]:
    """In memory where the machine has such a place: the disks of ten thousand crashes are written here."""
    place = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="tuangui-", dir=place if os.access(place, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder)


def work(shim: Path, folder: Path, changes: int, **environment: str) -> str:
    """What the store's process printed."""
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "LD_PRELOAD": str(shim), "SHIM_FOLDER": str(folder), **environment}
    done = subprocess.run(
        [sys.executable, "-c", WORKS, str(folder), str(changes)],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Op:
    kind: str
    name: str
    other: str
    offset: int
    data: bytes


def read_log(file: Path) -> list[Op]:
    raw, at, found = file.read_bytes(), 0, []
    while at < len(raw):
        kind, first, second, offset, length = struct.unpack_from("<c3xIIQQ", raw, at)
        at += struct.calcsize("<c3xIIQQ")
        name, at = raw[at : at + first].decode(), at + first
        other, at = raw[at : at + second].decode(), at + second
        data = raw[at : at + length] if kind == b"W" else b""
        at += len(data)
        found.append(Op(kind.decode(), Path(name).name, Path(other).name, offset, data))
    return found


@dataclass
class File:
    """Bytes that are safe, and what was done since the last sync."""

    safe: bytearray = field(default_factory=bytearray)
    since: list[Op] = field(default_factory=list)

    def sync(self) -> None:
        for op in self.since:
            apply(self.safe, op)
        self.since = []

    def found(self, luck: random.Random) -> bytes:
        """As a crash may leave it: each write since the sync whole, torn at sectors, or not at all."""
        content, share = bytearray(self.safe), luck.choice((0.0, 0.5, 0.9, 1.0))
        for op in self.since:
            if luck.random() < share:
                apply(content, op)
            elif op.kind == "W" and luck.random() < 0.5:
                for part in sectors(op):
                    if luck.random() < 0.5:
                        apply(content, part)
        return bytes(content)


def sectors(op: Op) -> Iterator[Op]:
    at = 0
    while at < len(op.data):
        end = at + SECTOR - (op.offset + at) % SECTOR
        yield Op("W", op.name, "", op.offset + at, op.data[at:end])
        at = end


def apply(content: bytearray, op: Op) -> None:
    if op.kind == "T":
        del content[op.offset :]
        return
    if len(content) < op.offset:
        content.extend(bytes(op.offset - len(content)))
    content[op.offset : op.offset + len(op.data)] = op.data


class Disk:
    """The folder, with what is safe and what is not."""

    def __init__(self) -> None:
        self.names: dict[str, File] = {}
        self.safe_names: dict[str, File] = {}
        self.renamed: list[Op] = []
        self.files: dict[int, File] = {}
        self.acked = 0

    def take(self, op: Op) -> None:
        if op.name == "acks":
            self.acked = struct.unpack("<q", op.data)[0] if op.kind == "W" else self.acked
            return
        match op.kind:
            case "C" | "U" | "R":
                self.files[id(op)] = File()
                self._name(self.names, op)
                self.renamed.append(op)
            case "D":
                for each in self.renamed:
                    self._name(self.safe_names, each)
                self.renamed = []
            case "S":
                self.names[op.name].sync()
            case _:
                self.names[op.name].since.append(op)

    def _name(self, names: dict[str, File], op: Op) -> None:
        match op.kind:
            case "C":
                names[op.name] = self.files[id(op)]
            case "U":
                names.pop(op.name, None)
            case "R" if op.name in names:
                names[op.other] = names.pop(op.name)

    def crash(self, folder: Path, luck: random.Random) -> None:
        """Write into the folder what may be found; names change in the order in which they were changed."""
        names = dict(self.safe_names)
        for op in self.renamed[: luck.randint(0, len(self.renamed))]:
            self._name(names, op)
        for old in folder.iterdir():
            old.unlink()
        for name, file in names.items():
            (folder / name).write_bytes(file.found(luck))


def fault_found(folder: Path, acked: int) -> str:
    """What is wrong with the records after the crash; empty when nothing is."""
    if not (folder / "edge.db").exists():
        return "lost" if acked else ""
    try:
        with closing(sqlite3.connect(folder / "edge.db", isolation_level=None)) as db:
            check(db)
            made = {name for (name,) in db.execute("select name from sqlite_master")}
            if "meta" not in made:
                return "lost" if acked else ""
            return whole(db, folder, acked)
    except (Damaged, sqlite3.Error) as error:
        return f"corrupt: {error}"


def whole(db: sqlite3.Connection, folder: Path, acked: int) -> str:
    meta = dict(db.execute("select key, value from meta"))
    seq = int(meta.get("seq", 0))
    if seq < acked:
        return f"lost: {seq} of {acked}"
    level = Floor(folder).read()
    if level is not None and (level.epoch != meta.get("epoch") or level.seq > seq):
        return f"the floor is above the records: {level}, {seq}"
    if seq == 0:
        return ""
    label, body = db.execute("select label, body from boxes").fetchone()
    event = Event.read(db.execute("select body from outbox order by seq desc").fetchone()[0])
    used = db.execute("select count(*) from used").fetchone()[0]
    order = box_from_json(label, body).order or ""
    told = {seq, int(meta["n"]), event.seq, event.data["opening"], used, int(order, 16)}
    return "" if len(told) == 1 else f"half: {told}"


def crashes(log: list[Op], points: int, folder: Path, luck: random.Random) -> Iterator[tuple[int, str]]:
    """(op, what is wrong) after each of so many crashes, spread over all of the log."""
    disk, made = Disk(), 0
    folder.mkdir()
    for at, op in enumerate(log):
        disk.take(op)
        while made * len(log) < points * (at + 1):
            made += 1
            disk.crash(folder, luck)
            yield at, fault_found(folder, disk.acked)


POINTS = [500, pytest.param(10_000, marks=[pytest.mark.hard, pytest.mark.timeout(600)])]


@pytest.mark.parametrize("points", POINTS)
@pytest.mark.row("R2")
def test_r2_no_acknowledged_change_is_lost_or_halved_by_a_power_cut(
    shim, tmp_path, fast_folder, points, reached
):
    work(shim, tmp_path / "edge", CHANGES, SHIM_LOG=str(tmp_path / "log"))
    log = read_log(tmp_path / "log")
    found = list(crashes(log, points, fast_folder / "disk", random.Random(points)))
    faults = [fault for fault in found if fault[1]]
    reached("R2", goal="0 faults", figure=f"{len(faults)} at {len(found)} crash points", seed=points)
    assert len(found) >= points
    assert faults == []


@pytest.mark.row("R2")
def test_r2_without_the_syncs_the_same_crashes_lose_changes(shim, tmp_path, fast_folder):
    work(shim, tmp_path / "edge", CHANGES, SHIM_LOG=str(tmp_path / "log"), SHIM_SWALLOW="1")
    log = read_log(tmp_path / "log")
    found = [wrong for _, wrong in crashes(log, 300, fast_folder / "disk", random.Random(1)) if wrong]
    assert any(wrong.startswith("lost") for wrong in found)


FEW = 8
SHARES = [60, pytest.param(1, marks=[pytest.mark.hard, pytest.mark.timeout(1800)])]


@pytest.mark.parametrize("every", SHARES)
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
@pytest.mark.row("R3")
def test_r3_a_disk_that_fails_once_at_any_call_loses_nothing_and_the_store_goes_on(
    shim, tmp_path, fast_folder, every, error, reached
):
    work(shim, fast_folder / "edge", FEW, SHIM_CALLS=str(tmp_path / "calls"))
    calls = int((tmp_path / "calls").read_text())
    assert calls > 100
    told = 0
    for call in range(1 + error % every, calls + 1, every):
        folder = fast_folder / f"at-{call}"
        out = work(shim, folder, FEW, SHIM_FAIL_AT=str(call), SHIM_ERRNO=str(error))
        told += "failed" in out or "not opened" in out
        kept = [int(line.split()[1]) for line in out.splitlines() if line.startswith("kept")]
        assert kept in ([], list(range(1, FEW + 1))), (call, out)
        assert kept or "not opened" in out, (call, out)
        assert fault_found(folder, len(kept)) == "", (call, out)
        again = work(shim, folder, FEW)
        assert f"kept {len(kept) + FEW}" in again, (call, out, again)
        assert fault_found(folder, len(kept) + FEW) == "", call
        assert not list(folder.glob("*.damaged-*")), (call, out)
        shutil.rmtree(folder)
    reached("R3", goal="every call survived", figure=f"{calls // every} of {calls} calls, {told} noticed")
    assert told > 0
