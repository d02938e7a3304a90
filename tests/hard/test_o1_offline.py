"""Without any network a code or a QR opens its door: how soon the first byte of the pulse leaves, and always.

The controller is a program of its own, the hardware is here; the digests cost what they cost in the product.
Every round begins with a copy of the same loaded cabinet.
"""

import asyncio
import json
import random
import shutil
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from config.contract.messages import Parcels
from controller.identity import _keep
from simulators.measure.pickup import percentile
from simulators.serve import Served
from tests.edge import bench as edge_bench
from tests.edge.bench import Bench, Order, as_toml, cabinet_file

ROOT = Path(__file__).parents[2]
BOARDS = 4
P50_S, P99_S = 0.120, 0.300
LONGEST_S = 840.0
"""A row may take twenty minutes, loading included."""


async def loaded(folder: Path, doors: int) -> tuple[Bench, list[Order]]:
    """A cabinet full of parcels, switched off."""
    bench = Bench(folder, cabinet_file(doors, boards=BOARDS))
    await bench.plug_in()
    await bench.start()
    orders = [bench.cloud.expect() for _ in range(doors)]
    await bench.hand_over()
    for order in orders:
        await bench.load(order)
    await bench.stop()
    bench.served.unplug()
    _keep(bench.cloud.identity(), bench.settings.folder / "identity.toml")
    (folder / "cabinet.toml").write_text(as_toml(bench.file), encoding="utf-8")
    return bench, orders


class Door:
    """The front of a cabinet whose controller runs in a process of its own."""

    def __init__(self, served: Served, kiosk: str, http: httpx.AsyncClient) -> None:
        self._served, self._kiosk, self._http = served, kiosk, http

    async def typed(self, code: str) -> tuple[float, str]:
        """Enter on the keypad; seconds to the first byte of the pulse, and the door that opened."""
        entered = time.monotonic()
        asked = asyncio.create_task(self._http.post(f"{self._kiosk}code", json={"code": code}))
        answer = (await asked).json()
        assert answer["kind"] == "opening", answer
        return await self._first_byte(entered) - entered, answer["door"]

    async def scanned(self, qr: str) -> tuple[float, str]:
        """The last byte of a QR at the reader, likewise."""
        shown = time.monotonic()
        await self._served.scan("qr", qr)
        first_byte = await self._first_byte(shown)
        ended = max(each.at for each in self._served.wires["qr"].crossings if each.at < first_byte)
        label = await self._served.see(5)
        assert label is not None
        return first_byte - ended, label

    async def _first_byte(self, since: float) -> float:
        crossings = self._served.wires["rs485"].crossings
        async with asyncio.timeout(10):
            while True:
                for each in reversed(crossings):
                    if each.at < since:
                        break
                    if not each.to_host and each.data[:1] == b"\x8a":
                        return each.at
                await asyncio.sleep(0.005)

    async def collect(self, label: str) -> None:
        """Everything out, and the door shut."""
        assert await self._served.wait(label, "open", 5)
        for _ in range(200):
            if await self._served.close(label):
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"door {label} does not latch")


@asynccontextmanager
async def offline(folder: Path, made: Bench, number: int) -> AsyncIterator[Door]:
    """A copy of the loaded cabinet, served by the controller; there is no broker anywhere."""
    own = folder / f"round-{number}"
    shutil.copytree(made.settings.folder, own / "edge")
    served = Served(made.file, own, turn_round_seconds=0.0)
    ports = await served.plug_in()
    given = [f"--port={name}={address}" for name, address in ports.items()]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "controller", "run", str(folder / "cabinet.toml"),
        "--folder", str(own / "edge"), "--kiosk-port", "0", "--json", *given,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        async with httpx.AsyncClient(trust_env=False) as http:
            yield Door(served, ready["kiosk_url"], http)
    finally:
        process.terminate()
        await process.wait()
        served.unplug()
        shutil.rmtree(own)


async def opened(front: Door, made: Bench, orders: list[Order], waits: dict[str, list[float]]) -> None:
    """All orders, in turn by code and by QR."""
    for n, order in enumerate(orders):
        way = ("code", "QR")[n % 2]
        qr = made.cloud.pickup_qr(order.order)
        wait, label = await (front.typed(order.code) if way == "code" else front.scanned(qr))
        waits[way].append(wait)
        await front.collect(label)


@pytest.mark.row("O1")
@pytest.mark.parametrize(
    ("doors", "rounds"),
    [(8, 1), pytest.param(96, 100, marks=[pytest.mark.hard, pytest.mark.timeout(1200)])],
)
async def test_o1_without_any_network_a_code_or_qr_opens_soon_and_always(
    tmp_path, monkeypatch, doors, rounds, reached
):
    monkeypatch.setattr(edge_bench, "LOG2_N", Parcels(salt="0" * 32, parcels=()).scrypt_log2_n)
    luck, waits, began = random.Random(doors), dict[str, list[float]](code=[], QR=[]), time.monotonic()
    made, orders = await loaded(tmp_path, doors)
    for number in range(rounds):
        if time.monotonic() - began > LONGEST_S:
            break
        async with offline(tmp_path, made, number) as front:
            await opened(front, made, luck.sample(orders, len(orders)), waits)
    for way, took in waits.items():
        p50, p99 = statistics.median(took), percentile(took, 99)
        figure = f"{p50 * 1000:.0f}, {p99 * 1000:.0f} ms, {len(took)} of {len(took)} opened"
        reached("O1", goal=f"{way}: p50 ≤ 120, p99 ≤ 300 ms, 100 %", figure=figure)
    for took in waits.values():
        assert statistics.median(took) <= P50_S
        assert percentile(took, 99) <= P99_S
