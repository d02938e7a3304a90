"""A real edge in this process, a real cloud with its broker as a program of its own, a network between."""

import asyncio
import dataclasses
import json
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from cloud.app import open_folder
from cloud.enrolment import enrol
from config.contract.events import ParcelCollected, ParcelDeposited
from config.settings import CloudSettings
from controller.app import Edge
from controller.identity import Identity
from controller.visit import Box, State, Step, now_of
from simulators.network import Network
from tests.edge.bench import CABINET, Bench, cabinet_file

ROOT = Path(__file__).parents[2]
COMPARTMENTS = "select label, state, occupancy, order_id, parcel, sides, verified from compartments"


class CloudProgram:
    """The cloud service on a folder; can be stopped, set back to an older folder, and started again."""

    def __init__(self, folder: Path, broker: str) -> None:
        self.folder = folder
        self._broker = broker
        self._log = (folder.parent / "cloud.log").open("ab")
        self._process: subprocess.Popen[str] | None = None
        self.told: dict[str, Any] = {}

    def start(self) -> None:
        given = ["--folder", str(self.folder), "--port", "0", "--broker", self._broker, "--json"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cloud", "serve", *given, "--with-parent"],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=self._log, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        assert said, (self.folder.parent / "cloud.log").read_text()
        self.told = json.loads(said)

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    def close(self) -> None:
        self.stop()
        self._log.close()

    @property
    def broker(self) -> tuple[str, int]:
        where = urlsplit(self.told["broker_url"])
        return where.hostname or "", where.port or 0

    def backup(self) -> Path:
        """The folder as it is now; the cloud is stopped meanwhile."""
        self.stop()
        kept = self.folder.with_name(f"backup-{secrets.token_hex(4)}")
        shutil.copytree(self.folder, kept, ignore=shutil.ignore_patterns("broker"))
        self.start()
        return kept

    def restore(self, kept: Path) -> None:
        self.stop()
        shutil.rmtree(self.folder)
        shutil.copytree(kept, self.folder)
        self.start()

    def rows(self, query: str, *given: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.folder / 'cloud.sqlite'}?mode=ro", uri=True)) as db:
            return db.execute(query, given).fetchall()

    def stored(self, epoch: str) -> list[tuple[int, bytes]]:
        """The events of an epoch, by their numbers."""
        return self.rows("select seq, line from events where epoch = ? order by seq", epoch)

    def faults(self) -> set[str]:
        return {fault for (fault,) in self.rows("select fault from alarms where cleared_ms is null")}


@dataclasses.dataclass
class Enrolled:
    """In place of the test's own keys: an identity that a real cloud has given out."""

    identity_given: Identity

    def identity(self, broker_url: str) -> Identity:
        return dataclasses.replace(self.identity_given, broker_url=broker_url)


class Both:
    """One cabinet and its cloud. The edge reaches the broker through ``network``."""

    def __init__(self, folder: Path, broker: str, **settings: Any) -> None:
        self.folder = folder
        (folder / "far").mkdir()
        self.cloud = CloudProgram(folder / "far" / "cloud", broker)
        self.network = Network()
        self.bench = Bench(
            folder, cabinet_file(), **{"reconnect_s": 0.5, "sync_s": 1, "keepalive_s": 3, **settings}
        )

    @property
    def edge(self) -> Edge:
        return self.bench.edge

    async def start(self) -> None:
        token = await self._token()
        await asyncio.to_thread(self.cloud.start)
        self.bench.cloud = Enrolled(await self._exchange(token))  # type: ignore[assignment]
        self.bench.broker_url = f"mqtt://127.0.0.1:{await self.network.start()}"
        self.network.target = self.cloud.broker
        await self.bench.plug_in()
        await self.bench.start()
        await self.bench.until(lambda: self.edge.store.through > 0, 15)

    async def stop(self) -> None:
        await self.bench.stop()
        self.bench.served.unplug()
        await self.network.stop()
        await asyncio.to_thread(self.cloud.close)

    async def _token(self) -> str:
        store, _ = await open_folder(CloudSettings(folder=self.cloud.folder))
        try:
            return await enrol(store, self.bench.file)
        finally:
            await store.close()

    async def _exchange(self, token: str) -> Identity:
        url = self.cloud.told["url"]
        async with httpx.AsyncClient() as http:
            told = (await http.post(f"{url}/v1/enrolments/exchange", json={"token": token})).json()
        return Identity(
            CABINET, url, "", told["broker_login"], told["broker_password"], told["root_public"],
            told["cabinet_key"],
        )  # fmt: skip

    async def change_cloud(self, work: Any, *given: Any) -> Any:
        """Something that takes the cloud down for a while; afterwards the network leads to where it is."""
        done = await asyncio.to_thread(work, *given)
        self.network.cut()
        self.network.target = self.cloud.broker
        self.network.heal()
        return done

    # --- what happens at the cabinet

    async def deposited(self, label: str) -> None:
        """A parcel lies in the compartment, as the rules commit it."""
        box = self.edge.cabinet.boxes[label]
        store = self.edge.store
        after = dataclasses.replace(
            box, state=State.OCCUPIED, occupancy=store.next_occupancy(), order=secrets.token_hex(8),
            parcel=secrets.token_hex(8),
        )  # fmt: skip
        await self._step(after, ParcelDeposited, after, purpose="load", proof="badge")

    async def collected(self, label: str) -> None:
        box = self.edge.cabinet.boxes[label]
        after = dataclasses.replace(box, state=State.VACANT, occupancy=None, order=None, parcel=None)
        await self._step(after, ParcelCollected, box, purpose="collect", proof="code")

    async def _step(self, after: Box, fact: Any, stay: Box, **told: Any) -> None:
        cabinet = self.edge.cabinet
        named = {"occupancy": stay.occupancy, "order": stay.order, "parcel": stay.parcel}
        said = fact(box=now_of(after), opening=self.edge.store.next_opening(), **named, **told)
        async with cabinet._turn:
            await cabinet._take(Step(after, (said,)))

    async def evening(self, stays: int) -> None:
        """Parcels come and go; some stay."""
        labels = list(self.edge.cabinet.boxes)
        for n in range(stays):
            label = labels[n % len(labels)]
            if self.edge.cabinet.boxes[label].parcel is not None:
                await self.collected(label)
            await self.deposited(label)
        await self.collected(labels[0])

    # --- what both sides say afterwards

    async def drained(self, seconds: float = 30.0) -> None:
        """The cloud has all of the epoch, byte for byte, and both sides say the same of everything."""
        store = self.edge.store
        outbox = self.edge.outbox
        await self.bench.until(lambda: store.through == store.seq == outbox.position, seconds)
        rows = await store.events_after(0, 1 << 30, 1 << 40)
        assert rows is not None
        ours = dict(enumerate(rows.lines, rows.first))
        stored = dict(self.cloud.stored(store.epoch))
        assert {seq: stored.get(seq) for seq in ours} == ours
        self.agree()

    def agree(self) -> None:
        boxes = self.edge.cabinet.boxes.values()
        ours = {
            (
                b.label,
                b.state.value,
                b.occupancy,
                b.order,
                b.parcel,
                " ".join(sorted(b.sides)),
                int(b.verified),
            )
            for b in boxes
        }
        assert set(self.cloud.rows(COMPARTMENTS)) == ours
        where = dict(self.cloud.rows("select parcel, state from whereabouts"))
        assert {p for p, state in where.items() if state == "collected"} == self.edge.cabinet.used
        there = {b.parcel: "ready" for b in boxes if b.state is State.OCCUPIED}
        assert {p: state for p, state in where.items() if state != "collected"} == there


@asynccontextmanager
async def both_sides(folder: Path, broker: str = "nats", **settings: Any) -> AsyncIterator[Both]:
    both = Both(folder, broker, **settings)
    try:
        await both.start()
        yield both
    finally:
        await both.stop()


def resident_bytes() -> int:
    """How much memory this process holds now."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024
