"""A simulated cabinet in the test's own process, on real ptys: drivers see what they would see on metal."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config import cabinet as files
from firmware_bridge.assemble import SCANNERS
from firmware_bridge.line import Line, Wire
from firmware_bridge.lock_8a80 import Lock8A80
from firmware_bridge.lock_modbus import LockModbus
from firmware_bridge.modbus import ModbusBus
from firmware_bridge.scan_text import TextReader
from firmware_bridge.serial_reader import SerialReader
from simulators import lock_8a80, lock_modbus, scan_text
from simulators import wire as far
from simulators.bus import Bus
from simulators.cabinet import Cabinet
from simulators.code_reader import CodeReader
from simulators.faults import Cause, Fault, Faults
from simulators.serve import ON_TCP, READERS

BAUD = 57600


@dataclass
class Locker:
    """Both sides of one bus: drivers here, boards there."""

    cabinet: Cabinet
    bus: Bus
    wire: Wire
    line: Line
    boards: list = field(default_factory=list)

    @property
    def board(self):
        return self.boards[0]

    def breaks(self, cause: Cause, where: str, amount: float | None = None, other: str = "") -> None:
        now = asyncio.get_running_loop().time()
        self.cabinet.faults.begin(Fault(cause, where, amount, other, now))
        self.bus.faults_changed()

    def works_again(self, cause: Cause, where: str) -> None:
        self.cabinet.faults.end(cause, where)
        self.bus.faults_changed()

    def frames(self, beginning: str) -> list[str]:
        """The frames that crossed the wire and begin like this."""
        return [hexed for _, frame in self.bus.requests if (hexed := frame.hex()).startswith(beginning)]


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Wait for a condition, not for a time."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (conditions of two sides of a wire; nothing tells us)
            await asyncio.sleep(0.002)


def _wired(cabinet: Cabinet, board: int, channels: int) -> dict[int, str]:
    labels = {channel: f"{board}-{channel}" for channel in range(1, channels + 1)}
    for label in labels.values():
        cabinet.build(label)
    return labels


async def _locker_8a80(end: far.FarEnd, boards: int = 8) -> Locker:
    cabinet = Cabinet(asyncio.get_running_loop().time)
    there = []
    for number in range(1, boards + 1):
        wired = _wired(cabinet, number, 8)
        there.append(lock_8a80.Lock8A80(f"b{number}", number, 8, cabinet, wired, wired, pulse_seconds=0.15))
    far_wire = far.Wire(end, baud=BAUD)
    bus = Bus("bus", far_wire, there, cabinet.faults)
    await far_wire.restore()
    wire = Wire(far_wire.address, baud=BAUD)
    line = Line(wire)
    await wire.open()
    here = [Lock8A80(f"b{n}", line, n, 8, pulse_ms=150) for n in range(1, boards + 1)]
    await asyncio.gather(*(board.release() for board in here))
    return Locker(cabinet, bus, wire, line, here)


@pytest.fixture
async def locker(tmp_path: Path) -> AsyncIterator[Locker]:
    """Eight 8A/80 boards with 8 locks each on one pty."""
    made = await _locker_8a80(far.PtyEnd(tmp_path / "bus"))
    yield made
    await made.wire.close()
    made.bus.close()


@pytest.fixture
async def locker_on_tcp() -> AsyncIterator[Locker]:
    """The same behind a TCP gateway."""
    made = await _locker_8a80(far.TcpEnd(), boards=2)
    yield made
    await made.wire.close()
    made.bus.close()


@pytest.fixture
async def cards(tmp_path: Path) -> AsyncIterator[Locker]:
    """A Modbus bus: relay card 1 with its switches on input card 11, and card 2 with both."""
    cabinet = Cabinet(asyncio.get_running_loop().time)
    first, second = _wired(cabinet, 1, 8), _wired(cabinet, 2, 8)
    there = [
        lock_modbus.ModbusCard("r1", 1, cabinet, relays=8, locks=first),
        lock_modbus.ModbusCard("r1-inputs", 11, cabinet, inputs=8, switches=first),
        lock_modbus.ModbusCard("r2", 2, cabinet, relays=8, inputs=8, locks=second, switches=second),
    ]
    far_wire = far.Wire(far.PtyEnd(tmp_path / "bus"), baud=BAUD)
    bus = Bus("bus", far_wire, there, cabinet.faults)
    await far_wire.restore()
    wire = Wire(far_wire.address, baud=BAUD)
    modbus = ModbusBus(wire)
    await wire.open()
    here = [
        LockModbus("r1", modbus, 1, 8, pulse_ms=200, inputs_address=11),
        LockModbus("r2", modbus, 2, 8, pulse_ms=200),
    ]
    yield Locker(cabinet, bus, wire, modbus.line, here)
    await wire.close()
    bus.close()


@dataclass
class Counter:
    """A reader at both of its ends."""

    there: CodeReader
    reader: SerialReader

    def breaks(self, cause: Cause) -> None:
        self.there.faults.begin(Fault(cause, self.there.name))

    def works_again(self, cause: Cause) -> None:
        self.there.faults.end(cause, self.there.name)

    async def next(self, seconds: float = 2.0) -> str:
        async with asyncio.timeout(seconds):
            return (await anext(aiter(self.reader))).text


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    far_wire = far.Wire(far.PtyEnd(tmp_path / "qr"), baud=BAUD)
    there = scan_text.TextReader("qr", far_wire)
    await far_wire.restore()
    wire = Wire(far_wire.address, baud=BAUD)
    reader = TextReader("qr", wire)
    await wire.open()
    yield Counter(there, reader)
    await wire.close()
    far_wire.cut()


@pytest.fixture
async def stands_there(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Counter]]]:
    """Builds a reader of any kind, as a cabinet file would say it, with both of its ends."""
    stood: list[Counter] = []

    async def build(kind: str, **settings: object) -> Counter:
        file = files.Reader(name="qr", kind=kind, port="qr", **{"baud": BAUD} | settings)
        far_wire = far.Wire(far.TcpEnd() if kind in ON_TCP else far.PtyEnd(tmp_path / "qr"), baud=file.baud)
        there = READERS[kind](file, far_wire, Faults())
        await far_wire.restore()
        device = SCANNERS[kind]
        wire = Wire(far_wire.address, baud=file.baud)
        stood.append(Counter(there, device.drive(file, wire)))
        await wire.open()
        stood[-1].reader.start()
        return stood[-1]

    yield build
    for counter in stood:
        counter.reader.stop()
        await counter.reader.wire.close()
        counter.there.wire.cut()


@pytest.fixture
def wait_until() -> Callable[..., object]:
    return until


def _two_cards(port: str) -> files.Cabinet:
    about = {"id": "bench-1", "number": "B1", "name_zh": "台", "name_en": "Bench", "phone": "400-000-0000"}
    common = {"kind": "lock_modbus", "bus": "bus", "channels": 8}
    boards = [
        common | {"name": "a", "address": 1, "pulse_ms": 200},
        common | {"name": "b", "address": 2, "pulse_ms": 1000, "profile": "eletechsup", "inputs_function": 4},
    ]
    doors = [
        {"label": f"{name.upper()}{channel}", "size": "M", "board": name, "channel": channel}
        for name in "ab"
        for channel in range(1, 9)
    ]
    parts = {
        "bus": [{"name": "bus", "kind": "modbus", "port": port, "baud": BAUD}],
        "board": boards,
        "zone": [{"name": "ambient", "class": "ambient"}],
        "compartment": doors,
        "thermometer": [{"name": "air", "bus": "bus", "address": 21}],
    }
    return files.parse({"cabinet": about} | parts)


@pytest.fixture
def two_cards() -> Callable[[str], files.Cabinet]:
    """The file of a cabinet with two makes of relay card and a probe, by the port of their bus."""
    return _two_cards
