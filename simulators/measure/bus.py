"""What the bus costs: polling 32 boards beside the wire itself (row P3), the computer's time for one exchange
beside a bare pyserial loop and libmodbus in C, and what one silent board of eight does to the others.

The product's own drivers ask in a process of their own (``bridge time-polls``); the boards stand in another,
on a paced pty. Ours and its peers take turns.
"""

import asyncio
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulators.control import Control
from simulators.demo.supervisor import Program, Supervisor
from simulators.measure.machine import described
from simulators.measure.pickup import BITS, Family, percentile, toml
from simulators.own_folder import own_folder

POLL_BYTES: dict[Family, tuple[int, int]] = {"lock_8a80": (5, 7), "lock_modbus": (8, 6)}
"""Request and answer of reading the eight doors of one board."""
BOARDS = 32
P3_GOAL = 1.15
SILENT_OF = 8
SILENT_GOAL_S = 0.5
SILENT_SECONDS = 8.0
PEER_BAUD = 115200
PEER_EXCHANGES = 300
PEERS = Path(__file__).with_name("peers")


@dataclass(slots=True)
class Polling:
    """Row P3 of one family at one speed."""

    family: Family
    baud: int
    rounds: list[float] = field(default_factory=list)
    """Seconds of a round through all boards, a figure a block."""

    @property
    def limit(self) -> float:
        """What the wire needs for a round: the bytes, and silence before and after each Modbus answer."""
        on_wire = sum(POLL_BYTES[self.family]) * BITS / self.baud
        return BOARDS * (on_wire + 2 * silence_seconds(self.family, self.baud))

    @property
    def ratio(self) -> float:
        return statistics.median(self.rounds) / self.limit

    @property
    def is_met(self) -> bool:
        return self.ratio <= P3_GOAL


@dataclass(slots=True)
class Costs:
    """Microseconds of processor time for one exchange, a figure a block; none where a peer is missing."""

    ours: list[float] = field(default_factory=list)
    pyserial: list[float] = field(default_factory=list)
    libmodbus: list[float] = field(default_factory=list)
    missing: str = ""
    """Why libmodbus was not measured."""


@dataclass(slots=True)
class Silent:
    """Seconds that the seven others of eight boards waited for an answer while one was dead."""

    waits: list[float] = field(default_factory=list)

    @property
    def p99(self) -> float:
        return percentile(self.waits, 99)

    @property
    def is_met(self) -> bool:
        return self.p99 <= SILENT_GOAL_S


def silence_seconds(family: Family, baud: int) -> float:
    """A frame of Modbus ends with 3.5 characters of silence, 1.75 ms above 19200 (serial line, 2.5.1.1)."""
    if family == "lock_8a80":
        return 0.0
    return 3.5 * BITS / baud if baud <= 19200 else 0.00175


async def measure(
    families: Sequence[Family], bauds: Sequence[int], blocks: int, say: Callable[[str], None]
) -> tuple[str, list[Polling], Costs, Silent]:
    """The machine and all figures; blocks of everything take turns."""
    folder = own_folder("measure-bus")
    try:
        rows = [Polling(family, baud) for family in families for baud in bauds]
        costs, silent = Costs(), Silent()
        program = _compiled(folder, costs)
        for number in range(1, blocks + 1):
            for row in rows:
                say(f"block {number} of {blocks}: {BOARDS} {row.family} boards at {row.baud}")
                told = await _polled(folder / "p3", row.family, row.baud, BOARDS, 5)
                row.rounds.append(told["seconds"] / 5)
            say(f"block {number} of {blocks}: the computer's time")
            await _cost(folder / "cost", costs, program)
            say(f"block {number} of {blocks}: one silent board of {SILENT_OF}")
            silent.waits += await _waits_beside_a_dead_one(folder / "silent")
        return described(folder), rows, costs, silent
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _polled(folder: Path, family: Family, baud: int, boards: int, rounds: int) -> dict[str, Any]:
    async with _Hardware(folder, family, baud, boards) as hardware:
        return await hardware.time_polls(rounds)


async def _waits_beside_a_dead_one(folder: Path) -> list[float]:
    async with _Hardware(folder, "lock_8a80", 9600, SILENT_OF) as hardware:
        async with Control(hardware.control) as control:
            await control.do("fault", cause="board_silent", where="b1")
        told = await hardware.time_polls(1, "--seconds", str(SILENT_SECONDS))
    return [wait for board, waits in told["waits"].items() if board != "b1" for wait in waits]


async def _cost(folder: Path, costs: Costs, program: Path | None) -> None:
    async with _Hardware(folder, "lock_modbus", PEER_BAUD, 1) as hardware:
        told = await hardware.time_polls(PEER_EXCHANGES)
        costs.ours.append(told["cpu_seconds"] / told["answered"] * 1e6)
        common = (hardware.port, str(PEER_BAUD), str(PEER_EXCHANGES))
        script = str(PEERS / "bare_pyserial.py")
        costs.pyserial.append(await _printed(sys.executable, script, *common, "01020000000879cc", "6"))
        if program is not None:
            costs.libmodbus.append(await _printed(str(program), *common))


async def _printed(*command: str) -> float:
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode:
        raise TimeoutError(f"{Path(command[-1]).name} ended with {process.returncode}")
    return float(out)


def _compiled(folder: Path, costs: Costs) -> Path | None:
    program = folder / "libmodbus-loop"
    source = PEERS / "libmodbus_loop.c"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(
            ["gcc", "-O2", "-I/usr/include/modbus", "-o", program, source, "-lmodbus"],
            check=True, capture_output=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        costs.missing = "gcc and libmodbus-dev are needed to compile it"
        return None
    return program


class _Hardware:
    """A simulated bus of some boards with eight doors each, and the drivers' process beside it."""

    def __init__(self, folder: Path, family: Family, baud: int, boards: int) -> None:
        self._folder = folder
        self._file = _write_cabinet(folder, family, baud, boards)
        self._turn_round_ms = silence_seconds(family, baud) * 1000
        self._supervisor = Supervisor(folder / "logs", lambda sentence: None)
        self.port = self.control = ""

    async def __aenter__(self) -> "_Hardware":
        words = ["-m", "simulators", "sim", "cabinet", str(self._file), "--with-parent"]
        words += ["--links", str(self._folder / "wires"), "--turn-round-ms", str(self._turn_round_ms)]
        started = await self._supervisor.start(Program("hardware", lambda told: words))
        self.port, self.control = started.told["ports"]["bus"], started.told["control"]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._supervisor.stop()
        shutil.rmtree(self._folder)

    async def time_polls(self, rounds: int, *more: str) -> dict[str, Any]:
        """What the product's drivers say about asking every board so often."""
        command = [sys.executable, "-m", "firmware_bridge", "time-polls", str(self._file)]
        command += ["--port", f"bus={self.port}", "--rounds", str(rounds), *more]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        out, _ = await process.communicate()
        if process.returncode:
            raise TimeoutError(f"time-polls ended with {process.returncode}")
        told: dict[str, Any] = json.loads(out)
        return told


def _write_cabinet(folder: Path, family: Family, baud: int, boards: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "cabinet.toml"
    kind = "modbus" if family == "lock_modbus" else "serial"
    about = {"id": "measured", "number": "M", "name_zh": "量测柜", "name_en": "Measured", "phone": "000"}
    text = toml("[cabinet]", about)
    text += toml("[[bus]]", {"name": "bus", "kind": kind, "port": "bus", "baud": baud})
    text += toml("[[zone]]", {"name": "ambient", "class": "ambient"})
    for number in range(1, boards + 1):
        board = {"name": f"b{number}", "kind": family, "bus": "bus", "address": number, "channels": 8}
        text += toml("[[board]]", {**board, "pulse_ms": 100})
        for channel in range(1, 9):
            door = {"label": f"{number}-{channel}", "size": "S", "board": f"b{number}", "channel": channel}
            text += toml("[[compartment]]", door)
    file.write_text(text, encoding="utf-8")
    return file
