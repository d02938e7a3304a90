"""From the last byte of a scanned QR to the reply of the lock board: rows P1 and P2 of the target table.

A real edge process, offline, on the paced wire of a real simulator process. All moments are taken at the
boards' end of the wires: the reader's last byte handed to the host, the unlock frame's first byte seen, the
reply's last byte handed to the host. The limit beside it is what the wire itself needs, plus one fsync on the
same file system, measured between the pickups.

Parcels are loaded once a family of boards, through a real cloud. Each row then starts from a copy of that
cabinet's data: all doors hang on the first board, as they did then.
"""

import asyncio
import math
import random
import shutil
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import httpx

from config.cabinet import load
from config.neighbourhood import Neighbourhood
from simulators.control import Control
from simulators.demo.place import Place
from simulators.demo.service import Order, Service
from simulators.demo.supervisor import Program, Supervisor
from simulators.demo.visits import Visitor
from simulators.measure.machine import Fsync, described
from simulators.own_folder import own_folder

Family = Literal["lock_modbus", "lock_8a80"]

COMPARTMENTS = 24
BLOCK = 4
"""Pickups in a block; a block has its own median and its own fsyncs."""
PAUSE_S = (0.2, 0.3)
"""Between pickups: longer than a coil is on, and never in step with the polls."""
IDLE = {"TUANGUI_EDGE_POLL_S": "5", "TUANGUI_EDGE_RELEASE_WAIT_S": "10"}
"""Doors are looked at so seldom that the edge must be kept from pulsing again meanwhile."""
BUSY = {"TUANGUI_EDGE_POLL_S": "0.02"}
"""The least the settings allow: with one board already, the next poll waits when one has ended."""
PULSE_MS = 100
READER_BAUD = 115200
QUICK_HANDS_S = 0.15
ANSWER_WITHIN_S = 5.0
ASK_EVERY_S = 0.05

P1_GOALS = {9600: 1.10, 19200: 1.15, 115200: 1.35}
"""Of (wire + fsync), where the exchange is one Modbus coil write."""
P2_GOAL = 2.1
"""Of one exchange, where it is a coil write; elsewhere one exchange more than the goal of an idle wire."""

UNLOCK_BYTES: dict[Family, tuple[int, int]] = {"lock_8a80": (5, 5), "lock_modbus": (8, 8)}
BITS = 10


@dataclass(frozen=True, slots=True)
class Bench:
    """One row: what hangs on the wire and how busy it is. ``polled`` boards; 0 is an idle wire."""

    family: Family
    baud: int
    polled: int

    @property
    def boards(self) -> int:
        return max(self.polled, 1)

    @property
    def byte_seconds(self) -> float:
        return BITS / self.baud

    @property
    def turn_round_seconds(self) -> float:
        """A Modbus card knows that a frame has ended after 3.5 characters of silence, 1.75 ms above 19200."""
        if self.family == "lock_8a80":
            return 0.0
        return 3.5 * self.byte_seconds if self.baud <= 19200 else 0.00175

    @property
    def exchange_seconds(self) -> float:
        """Request, turn-round and reply of one unlock on the bare wire."""
        return sum(UNLOCK_BYTES[self.family]) * self.byte_seconds + self.turn_round_seconds


@dataclass(frozen=True, slots=True)
class Pickup:
    """Seconds from the last byte of the scan."""

    to_first_byte: float
    to_reply: float
    fsync: float


@dataclass(slots=True)
class Row:
    """What came out for one bench."""

    bench: Bench
    blocks: list[list[Pickup]] = field(default_factory=list)

    @property
    def pickups(self) -> list[Pickup]:
        return [pickup for block in self.blocks for pickup in block]

    @property
    def fsync(self) -> float:
        return statistics.median(pickup.fsync for pickup in self.pickups)

    @property
    def ratio(self) -> float:
        """Idle: median of the blocks' medians over (wire + fsync). Polled: p99 over one exchange."""
        if self.bench.polled:
            return percentile([pickup.to_reply for pickup in self.pickups], 99) / self.bench.exchange_seconds
        return statistics.median(self._block_ratio(block) for block in self.blocks)

    @property
    def goal(self) -> float:
        """What may be added to a coil write may be added to any exchange, also to one half as long."""
        its, coil_write = self.bench.exchange_seconds, self._coil_write.exchange_seconds
        if self.bench.polled and its == coil_write:
            return P2_GOAL
        idle = 1 + (P1_GOALS[self.bench.baud] - 1) * (coil_write + self.fsync) / (its + self.fsync)
        if self.bench.polled:
            return 1 + idle * (its + self.fsync) / its
        return idle

    @property
    def _coil_write(self) -> Bench:
        return replace(self.bench, family="lock_modbus")

    @property
    def added(self) -> float:
        """Seconds of the median reply that are neither wire nor fsync."""
        reply = statistics.median(pickup.to_reply for pickup in self.pickups)
        return reply - self.bench.exchange_seconds - self.fsync

    @property
    def is_met(self) -> bool:
        return self.ratio <= self.goal

    def _block_ratio(self, block: Sequence[Pickup]) -> float:
        limit = self.bench.exchange_seconds + statistics.median(pickup.fsync for pickup in block)
        return statistics.median(pickup.to_reply for pickup in block) / limit

    def as_data(self) -> dict[str, Any]:
        """In milliseconds."""
        replies = [pickup.to_reply * 1000 for pickup in self.pickups]
        first = [pickup.to_first_byte * 1000 for pickup in self.pickups]
        return {
            "row": "P2" if self.bench.polled else "P1",
            "family": self.bench.family, "baud": self.bench.baud, "polled": self.bench.polled,
            "pickups": len(replies), "blocks": len(self.blocks),
            "exchange": round(self.bench.exchange_seconds * 1000, 2), "fsync": round(self.fsync * 1000, 2),
            "first_byte": round(statistics.median(first), 2), "reply": round(statistics.median(replies), 2),
            "reply_p99": round(percentile(replies, 99), 2), "added": round(self.added * 1000, 2),
            "ratio": round(self.ratio, 3), "goal": round(self.goal, 3), "met": self.is_met,
        }  # fmt: skip


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


async def measure(
    benches: Sequence[Bench], rounds: int, seed: int, say: Callable[[str], None]
) -> tuple[str, list[Row]]:
    """The machine and one row for each bench; every round goes through all benches."""
    folder = own_folder("measure")
    try:
        families = dict.fromkeys(bench.family for bench in benches)
        loaded = {family: await _load(folder / family, family, say) for family in families}
        rows = {bench: Row(bench) for bench in benches}
        luck = random.Random(seed)
        for number in range(rounds):
            for bench in benches:
                say(f"round {number + 1} of {rounds}: {_named(bench)}")
                rows[bench].blocks += await _run(bench, loaded[bench.family], folder / f"run-{number}", luck)
        return described(folder), list(rows.values())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _named(bench: Bench) -> str:
    polled = f"{bench.polled} boards polled" if bench.polled else "idle"
    return f"{bench.family} at {bench.baud}, {polled}"


# --- loading, once a family: a cabinet whose doors hang elsewhere would open none of them


@dataclass(frozen=True, slots=True)
class _Loaded:
    cabinet: str
    edge_folder: Path
    orders: tuple[Order, ...]


async def _load(folder: Path, family: Family, say: Callable[[str], None]) -> _Loaded:
    """A cabinet full of parcels, loaded through the reader; then everything is switched off."""
    file = _write_cabinet(folder, Bench(family, 115200, 1))
    cabinet = load(file)
    place = Place(
        folder / "place", Neighbourhood(name_zh="量测", name_en="Measured", cabinets=((file, cabinet),)),
        say, edge_settings={"poll_s": "0.02"},
    )  # fmt: skip
    try:
        await place.start()
        async with Service(place.cloud_url, place.api_key) as service:
            say(f"loading {COMPARTMENTS} parcels")
            orders = await _fill(place, service)
        return _Loaded(cabinet.id, place.standing[0].folder, orders)
    finally:
        await place.stop()


async def _fill(place: Place, service: Service) -> tuple[Order, ...]:
    one = place.standing[0]
    wanted = [("S", "ambient")] * COMPARTMENTS
    orders = [await service.order(one.id, each, phone="13800138000", reference="measured") for each in wanted]
    await service.wait_for_documents(one.id, 20)
    async with httpx.AsyncClient(trust_env=False) as http, one.control() as control:
        visitor = Visitor(one, control, http, QUICK_HANDS_S)
        await visitor.show_badge(await service.badge(one.id, "measuring"))
        for order in orders:
            await visitor.load(order.parcels[0])
    for order in orders:
        await service.wait_for_order(order.id, "ready")
    return tuple(orders)


# --- one row, once


async def _run(bench: Bench, loaded: _Loaded, folder: Path, luck: random.Random) -> list[list[Pickup]]:
    """All parcels of a fresh copy, collected in blocks."""
    shutil.copytree(loaded.edge_folder, folder / "edge")
    supervisor = Supervisor(folder / "logs", lambda sentence: None)
    fsync = Fsync(folder)
    try:
        address = await _start(bench, folder, supervisor)
        orders = luck.sample(loaded.orders, len(loaded.orders))
        async with Control(address) as control:
            pickups = [await _pickup(bench, control, order, fsync, luck) for order in orders]
        return [pickups[at : at + BLOCK] for at in range(0, len(pickups), BLOCK)]
    finally:
        fsync.close()
        await supervisor.stop()
        shutil.rmtree(folder)


async def _start(bench: Bench, folder: Path, supervisor: Supervisor) -> str:
    """Hardware and edge of this bench; the address of the hardware's control."""
    file = str(_write_cabinet(folder, bench))
    turn_round = ["--turn-round-ms", str(bench.turn_round_seconds * 1000)]
    links = ["--links", str(folder / "wires")]
    served = ["-m", "simulators", "sim", "cabinet", file, *links, *turn_round, "--with-parent"]
    hardware = await supervisor.start(Program("hardware", lambda told: served))
    ports = [word for pair in hardware.told["ports"].items() for word in ("--port", "=".join(pair))]
    edge = ["--folder", str(folder / "edge"), *ports, "--kiosk-port", "0", "--json", "--with-parent"]
    poll = BUSY if bench.polled else IDLE
    await supervisor.start(Program("edge", lambda told: ["-m", "controller", "run", file, *edge], poll))
    return str(hardware.told["control"])


async def _pickup(bench: Bench, control: Control, order: Order, fsync: Fsync, luck: random.Random) -> Pickup:
    await asyncio.sleep(luck.uniform(*PAUSE_S))
    synced = fsync.seconds()
    await asyncio.sleep(luck.uniform(0, 0.05))
    since = (await control.do("truth"))["now"]
    await control.do("scan", reader="qr", text=order.qr)
    for _ in range(round(ANSWER_WITHIN_S / ASK_EVERY_S)):
        await asyncio.sleep(ASK_EVERY_S)
        scan = await control.do("crossed", wire="qr", since=since)
        bus = await control.do("crossed", wire="bus", since=since)
        found = find_unlock(bench, scan, bus)
        if found is not None:
            scanned, first_byte, reply = found
            return Pickup(first_byte - scanned, reply - scanned, synced)
    raise TimeoutError(f"{_named(bench)}: a valid QR opened nothing within {ANSWER_WITHIN_S} s")


Crossings = Sequence[tuple[float, bool, str]]


def find_unlock(bench: Bench, scan: Crossings, bus: Crossings) -> tuple[float, float, float] | None:
    """Moments of the scan's last byte, the unlock frame's first byte and its reply's last; None as yet."""
    scanned = next((at for at, _, data in scan if bytes.fromhex(data).endswith(b"\r")), None)
    if scanned is None:
        return None
    for place, (at, to_host, data) in enumerate(bus):
        if at >= scanned and not to_host and _is_unlock(bench.family, bytes.fromhex(data)):
            due = UNLOCK_BYTES[bench.family][1]
            for then, from_board, its in bus[place + 1 :]:
                due -= len(its) // 2 if from_board else 0
                if due <= 0:
                    return scanned, at, then
    return None


def _is_unlock(family: Family, frame: bytes) -> bool:
    if family == "lock_8a80":
        return frame[:1] == b"\x8a"
    return len(frame) == 8 and frame[1] == 5 and frame[2] == 2


# --- the cabinet of a bench


def _write_cabinet(folder: Path, bench: Bench) -> Path:
    """The same compartments for every bench, all on its first board; the others are only polled."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "cabinet.toml"
    kind = "modbus" if bench.family == "lock_modbus" else "serial"
    parts: list[tuple[str, dict[str, Any]]] = [
        ("bus", {"name": "bus", "kind": kind, "port": "bus", "baud": bench.baud}),
        ("reader", {"name": "qr", "port": "qr", "baud": READER_BAUD}),
        ("zone", {"name": "ambient", "class": "ambient"}),
    ]
    for number in range(1, bench.boards + 1):
        about = {"name": f"b{number}", "kind": bench.family, "bus": "bus", "address": number}
        parts.append(("board", {**about, "channels": COMPARTMENTS, "pulse_ms": PULSE_MS}))
    for number in range(COMPARTMENTS):
        door = {"label": f"{number + 1:02}", "size": "S", "board": "b1", "channel": number + 1}
        parts.append(("compartment", door))
    about = {"id": "measured", "number": "M", "name_zh": "量测柜", "name_en": "Measured", "phone": "000"}
    file.write_text(
        toml("[cabinet]", about) + "".join(toml(f"[[{name}]]", part) for name, part in parts),
        encoding="utf-8",
    )
    return file


def toml(head: str, part: dict[str, Any]) -> str:
    """One table of a cabinet file."""
    lines = [
        f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in part.items()
    ]
    return "\n".join([head, *lines, "", ""])
