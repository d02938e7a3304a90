"""No coil stays energised longer than the board's own pulse, whatever happens to the program that asked.

The program under test is a process of its own that opens door after door through the drivers; it is killed or
stopped at random moments. A program that times the pulse itself is put through the same and fails.
"""

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config.cabinet import load
from simulators.serve import Served

CABINETS = Path("config/cabinets")
MARGIN_SECONDS = 0.02

OPENS_DOORS = """
import asyncio, sys
from config.cabinet import load
from firmware_bridge.assemble import assemble

async def main(file, bus, reader, *ports):
    async with assemble(load(file), {bus: ports[0], reader: ports[1]}) as hardware:
        board = next(iter(hardware.boards.values()))
        print("begins", flush=True)
        while True:
            for channel in range(1, board.channels + 1):
                pulse = await board.open(channel, lambda: True)
                await asyncio.sleep(pulse.ends_at - asyncio.get_running_loop().time())

asyncio.run(main(*sys.argv[1:]))
"""

TIMES_THE_PULSE_ITSELF = """
import os, sys, time
port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
while True:
    os.write(port, bytes.fromhex(sys.argv[2]))
    print("begins", flush=True)
    time.sleep(0.3)
    os.write(port, bytes.fromhex(sys.argv[3]))
    time.sleep(0.3)
"""


@asynccontextmanager
async def served(file: str, links: Path) -> AsyncIterator[Served]:
    cabinet = Served(load(CABINETS / file), links)
    await cabinet.plug_in()
    yield cabinet
    cabinet.unplug()


async def dies_at_a_random_moment(luck: random.Random, script: str, *arguments: str) -> None:
    """Run a script until a random moment after it began; it is killed, or stopped and killed later."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"begins\n"
        await asyncio.sleep(luck.uniform(0.0, 0.29))
        if luck.random() < 0.5:
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(0.4)
    finally:
        process.kill()
        await process.wait()


MOMENTS = [10, pytest.param(200, marks=[pytest.mark.hard, pytest.mark.row("H1"), pytest.mark.timeout(900)])]


@pytest.mark.parametrize("moments", MOMENTS)
@pytest.mark.parametrize(
    ("file", "bus", "opening", "harmless"),
    [
        ("locker-8a80.toml", "rs485", "8a01", ("8001",)),
        ("locker-modbus.toml", "modbus", "010502", ("010f000000080100", "020f000000080100", "0b02", "0c02")),
    ],
)
async def test_h1_a_killed_or_stopped_program_leaves_no_coil_on(
    tmp_path, file, bus, opening, harmless, moments, reached
):
    luck = random.Random(moments)
    pulse_seconds = load(CABINETS / file).board[0].pulse_ms / 1000
    async with served(file, tmp_path) as cabinet:
        for _ in range(moments):
            await dies_at_a_random_moment(
                luck, OPENS_DOORS, str(CABINETS / file), bus, "qr", str(tmp_path / bus), str(tmp_path / "qr")
            )
        await asyncio.sleep(pulse_seconds + 0.1)
        frames = [frame.hex() for _, frame in cabinet.buses[bus].requests]
        truth = cabinet.cabinet.truth()["compartments"].values()

        longest = f"{cabinet.cabinet.longest_energised() * 1000:.0f} ms in {moments} deaths"
        reached("H1", goal=f"coil on ≤ {(pulse_seconds + MARGIN_SECONDS) * 1000:.0f} ms", figure=longest)
        assert not any(compartment["coil_on"] for compartment in truth)
        assert cabinet.cabinet.longest_energised() <= pulse_seconds + MARGIN_SECONDS
        assert sum(frame.startswith(opening) for frame in frames) >= moments * 0.8
        assert [frame for frame in frames if not frame.startswith((opening, *harmless))] == []


@pytest.mark.parametrize(
    ("file", "bus", "on", "off"),
    [
        ("locker-8a80.toml", "rs485", "9a0101118b", "9b0101118a"),
        ("locker-modbus.toml", "modbus", "01050000ff008c3a", "010500000000cdca"),
    ],
)
@pytest.mark.row("H1")
async def test_h1_a_program_that_times_the_pulse_itself_leaves_one_on(tmp_path, file, bus, on, off):
    luck = random.Random(1)
    pulse_seconds = load(CABINETS / file).board[0].pulse_ms / 1000
    async with served(file, tmp_path) as cabinet:
        await dies_at_a_random_moment(luck, TIMES_THE_PULSE_ITSELF, str(tmp_path / bus), on, off)
        await asyncio.sleep(2 * pulse_seconds)
        assert cabinet.cabinet.longest_energised() > pulse_seconds + MARGIN_SECONDS
