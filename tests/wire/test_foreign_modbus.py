"""Modbus peers that others wrote: mbpoll asks our simulated cards, our driver pymodbus's and libmodbus's.

pymodbus's server takes the time of a pulse for a plain "on" and answers so, which must not pass for an
acknowledgement; a register it keeps and echoes as it should. The card that libmodbus serves
(``libmodbus_card.c``) echoes the pulse itself.
"""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.cabinet.relays import RELAY_CARDS
from firmware_bridge import modbus
from firmware_bridge.errors import BoardRefused, ImpossibleReading
from firmware_bridge.line import Wire
from firmware_bridge.lock_modbus import LockModbus
from firmware_bridge.modbus import ModbusBus
from firmware_bridge.ports import PulseAnswer
from simulators.serve import Served

BAUD = 57600
WAYS = ["rtu", "tcp"]
CLOSED = dict.fromkeys(range(1, 9), False)


def yes() -> bool:
    return True


# --- mbpoll as the host, our cards


class Mbpoll:
    """mbpoll, and the cards that it talks to."""

    def __init__(self, served: Served, way: str) -> None:
        self.served, self.way = served, way
        self.cabinet = served.cabinet

    async def run(self, card: int, *options: str, write: tuple[int, ...] = ()) -> tuple[int, str]:
        """Its exit code and everything that it says."""
        address = self.served.wires["bus"].address
        if self.way == "tcp":
            host, _, port = address.removeprefix("modbus-tcp://").rpartition(":")
            where = ["-m", "tcp", "-p", port, host]
        else:
            where = ["-m", "rtu", "-b", str(BAUD), "-P", "none", address]
        process = await asyncio.create_subprocess_exec(
            "mbpoll", "-a", str(card), "-0", "-1", "-o", "5", *options, *where, *map(str, write),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        told, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, told.decode(errors="replace")

    async def read(self, card: int, kind: str, first: int, count: int) -> list[int]:
        code, told = await self.run(card, "-t", kind, "-r", str(first), "-c", str(count))
        assert code == 0, told
        rows = [line.partition("]:") for line in told.splitlines() if line.startswith("[")]
        assert [int(number[1:]) for number, _, _ in rows] == list(range(first, first + count))
        return [int(value) for _, _, value in rows]

    async def write(self, card: int, kind: str, first: int, *values: int) -> str:
        """What it says of its success, or of the reason that the card gave."""
        _, told = await self.run(card, "-t", kind, "-r", str(first), write=values)
        return told


@pytest.fixture(params=WAYS)
async def mbpoll(request: pytest.FixtureRequest, tmp_path: Path, two_cards) -> AsyncIterator[Mbpoll]:
    port = "modbus-tcp://127.0.0.1:502" if request.param == "tcp" else "/dev/null"
    served = Served(two_cards(port), tmp_path)
    await served.plug_in()
    yield Mbpoll(served, request.param)
    served.unplug()


async def test_mbpoll_reads_relays_inputs_and_registers(mbpoll, wait_until):
    mbpoll.cabinet.pulse("A3", 0.1)
    mbpoll.cabinet.pulse("B1", 0.1)
    await wait_until(lambda: mbpoll.cabinet.standing_open() == ["A3", "B1"])
    assert await mbpoll.read(1, "1", 0, 8) == [1, 1, 0, 1, 1, 1, 1, 1]
    assert await mbpoll.read(1, "0", 0, 8) == [0] * 8
    assert await mbpoll.read(1, "4", 0x4000, 1) == [1]
    assert await mbpoll.read(2, "3", 0, 1) == [0xFE]
    assert await mbpoll.read(21, "3", 1, 2) == [210, 550]


async def test_mbpoll_holds_a_coil_and_drops_all(mbpoll):
    assert "Written 1 references." in await mbpoll.write(1, "0", 0, 1)
    assert await mbpoll.read(1, "0", 0, 8) == [1] + [0] * 7
    assert mbpoll.cabinet.compartment("A1").coil_on
    assert "Written 8 references." in await mbpoll.write(1, "0", 0, *[0] * 8)
    assert not mbpoll.cabinet.compartment("A1").coil_on


async def test_mbpoll_pulses_a_momentary_output(mbpoll, wait_until):
    assert "Written 1 references." in await mbpoll.write(2, "4", 5, 0x0500)
    assert await mbpoll.read(2, "4", 5, 1) == [1]
    await wait_until(lambda: not mbpoll.cabinet.compartment("B5").coil_on)
    assert mbpoll.cabinet.longest_energised() == pytest.approx(1.0)
    assert await mbpoll.read(2, "4", 1, 8) == [0] * 8


async def test_mbpoll_is_told_why_a_card_refuses(mbpoll):
    assert "Illegal data address" in await mbpoll.write(1, "0", 20, 1)
    assert "Illegal function" in await mbpoll.write(2, "0", 0, 1)
    assert "Illegal data value" in await mbpoll.write(2, "4", 1, 0x0900)


# --- our driver as the host, foreign cards


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about bytes: a program of somebody else's may take its time on a busy machine."""
    monkeypatch.setattr(modbus, "REPLY_SECONDS", 1.0)


@asynccontextmanager
async def driven(address: str, **more: object) -> AsyncIterator[LockModbus]:
    wire = Wire(address, baud=BAUD)
    await wire.open()
    try:
        yield LockModbus("card", ModbusBus(wire), 1, 8, **more)
    finally:
        await wire.close()


@asynccontextmanager
async def two_ends(folder: Path, wait_until) -> AsyncIterator[tuple[str, str]]:
    """A serial wire with a foreign card at one end and our driver at the other."""
    ends = [str(folder / name) for name in ("card", "host")]
    process = await asyncio.create_subprocess_exec("socat", *(f"pty,raw,echo=0,link={end}" for end in ends))
    try:
        await wait_until(lambda: all(Path(end).is_symlink() for end in ends))
        yield ends[0], ends[1]
    finally:
        process.terminate()
        await process.wait()


def stock_card() -> SimDevice:
    coils = SimData(0, count=0x0210, values=False, datatype=DataType.BITS)
    inputs = SimData(0, values=[True] * 2 + [False] + [True] * 5, datatype=DataType.BITS)
    outputs = SimData(0, count=16, values=0, datatype=DataType.REGISTERS)
    in_registers = SimData(0, values=[0x007F], datatype=DataType.REGISTERS)
    return SimDevice(1, simdata=([coils], [inputs], [outputs], [in_registers]))


@pytest.fixture(params=WAYS)
async def stock(request: pytest.FixtureRequest, tmp_path: Path, wait_until):
    """pymodbus's own server, and the address of the card that it serves."""
    if request.param == "tcp":
        server = ModbusTcpServer(stock_card(), address=("127.0.0.1", 0))
        await server.serve_forever(background=True)
        yield server, f"modbus-tcp://127.0.0.1:{server.transport.sockets[0].getsockname()[1]}"
        await server.shutdown()
    else:
        async with two_ends(tmp_path, wait_until) as (there, here):
            server = ModbusSerialServer(stock_card(), port=there, baudrate=BAUD)
            await server.serve_forever(background=True)
            yield server, here
            await server.shutdown()


async def test_doors_are_read_from_pymodbus_bit_by_bit_and_from_registers(stock):
    _, address = stock
    async with driven(address) as card:
        assert (await card.doors()).doors == CLOSED | {3: True}
    async with driven(address, inputs_function=4) as card:
        assert (await card.doors()).doors == CLOSED | {8: True}


async def test_pymodbus_loses_the_time_of_a_pulse_and_so_acknowledges_none(stock):
    server, address = stock
    async with driven(address, pulse_ms=300) as card:
        await server.async_setValues(1, 5, 2, [True])
        pulse = await card.open(4, yes)
        assert await server.async_getValues(1, 1, 0, 8) == [False] * 8  # all off came first
        assert await server.async_getValues(1, 1, 0x0203, 1) == [True]
        assert pulse.answer is PulseAnswer.NO_ANSWER
        assert pulse.sent_at is not None


async def test_pymodbus_takes_a_momentary_output_as_it_was_sent(stock):
    server, address = stock
    relays = replace(RELAY_CARDS["eletechsup"], first_state=None)
    async with driven(address, pulse_ms=1000, relays=relays) as card:
        assert (await card.open(4, yes)).answer is PulseAnswer.ACCEPTED
        assert await server.async_getValues(1, 3, 0, 8) == [0x0800, 0, 0, 0, 0x0500, 0, 0, 0]


async def test_pymodbus_keeps_what_it_is_told_and_so_is_no_card_with_momentary_outputs(stock):
    server, address = stock
    async with driven(address, pulse_ms=1000, relays=RELAY_CARDS["eletechsup"]) as card:
        with pytest.raises(ImpossibleReading, match="output 0 is on as if it were a card of profile fc06"):
            await card.release()
        assert (await card.open(4, yes)).sent_at is None
        assert await server.async_getValues(1, 3, 0, 8) == [0] * 8


@pytest.fixture(scope="module")
def libmodbus_card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of ``libmodbus_card.c``."""
    program = tmp_path_factory.mktemp("libmodbus") / "card"
    source = Path(__file__).with_name("libmodbus_card.c")
    gcc = shutil.which("gcc")
    assert gcc is not None
    warnings = ["-Wall", "-Wextra", "-Werror"]
    subprocess.run(
        [gcc, *warnings, "-o", program, source, "-I/usr/include/modbus", "-lmodbus"], check=True, timeout=60
    )
    return program


class Libmodbus:
    """The card that libmodbus serves: where it is, and what it was asked."""

    def __init__(self, address: str, said: asyncio.StreamReader) -> None:
        self.address, self._said = address, said

    async def asked(self, number: int) -> list[str]:
        async with asyncio.timeout(5):
            return [(await self._said.readline()).decode().strip() for _ in range(number)]


@asynccontextmanager
async def serving(program: Path, *words: str) -> AsyncIterator[tuple[str, asyncio.StreamReader]]:
    process = await asyncio.create_subprocess_exec(program, *words, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(5):
            ready, _, where = (await process.stdout.readline()).decode().strip().partition(" ")
        assert ready == "ready"
        yield where, process.stdout
    finally:
        process.kill()
        await process.wait()


@pytest.fixture(params=WAYS)
async def libmodbus(request: pytest.FixtureRequest, tmp_path: Path, libmodbus_card: Path, wait_until):
    if request.param == "tcp":
        async with serving(libmodbus_card, "tcp") as (port, said):
            yield Libmodbus(f"modbus-tcp://127.0.0.1:{port}", said)
    else:
        async with (
            two_ends(tmp_path, wait_until) as (there, here),
            serving(libmodbus_card, "rtu", there) as (_, said),
        ):
            yield Libmodbus(here, said)


async def test_a_card_served_by_libmodbus_takes_the_pulse_with_its_time(libmodbus):
    async with driven(libmodbus.address, pulse_ms=400) as card:
        assert (await card.doors()).doors == CLOSED
        pulse = await card.open(6, yes)
        assert pulse.answer is PulseAnswer.ACCEPTED
        assert (await card.doors()).doors == CLOSED | {6: True}
    assert await libmodbus.asked(4) == [
        "function 2 address 0 value 8",
        "function 15 address 0 value 8",
        f"function 5 address {0x0205} value 4",
        "function 2 address 0 value 8",
    ]


async def test_momentary_outputs_and_registers_of_inputs_are_understood_by_libmodbus(libmodbus):
    relays = RELAY_CARDS["eletechsup"]
    async with driven(libmodbus.address, pulse_ms=1000, relays=relays, inputs_function=4) as card:
        assert (await card.open(6, yes)).answer is PulseAnswer.ACCEPTED
        assert (await card.doors()).doors == CLOSED
    assert (await libmodbus.asked(12))[0] == f"function 6 address 0 value {0x0800}"


async def test_what_libmodbus_refuses_is_told_as_refused(libmodbus):
    async with driven(libmodbus.address) as card:
        card.channels = 16
        assert (await card.open(9, yes)).answer is PulseAnswer.REFUSED
        with pytest.raises(BoardRefused) as told:
            await card.doors()
        assert told.value.code == 2
