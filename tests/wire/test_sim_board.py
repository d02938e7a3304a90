"""One simulated board by itself, of any family, for any program that wants to talk to it."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from typer.testing import CliRunner

from config.cabinet import parse
from config.cabinet.families import LOCKS
from config.cabinet.one_board import one_board
from config.cabinet.one_sensor import one_sensor
from firmware_bridge.assemble import assemble
from firmware_bridge.modbus import has_crc, with_crc
from simulators.__main__ import app
from simulators.control import Control

run = CliRunner().invoke
ON_WIRES = [kind for kind, family in LOCKS.items() if family.bus != "gpio"]


@asynccontextmanager
async def board(*words: str) -> AsyncIterator[tuple[dict, str]]:
    """What it prints, and the sentence beside it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", "sim", "board", *words, "--with-parent",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        told = json.loads(await process.stdout.readline())
        beside = "" if "--json" in words else (await process.stderr.readline()).decode()
        yield told, beside
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


@pytest.mark.parametrize("kind", ON_WIRES)
async def test_every_family_is_served_and_found_by_its_driver(kind):
    first = LOCKS[kind].addresses[0]
    channels = min(8, LOCKS[kind].most_channels)
    words = ["--address", str(first), "--channels", str(channels)]
    async with board(kind, *words, "--baud", "57600", "--json") as (told, _):
        described = parse(one_board(kind, first, channels, 57600))
        async with assemble(described, told["ports"]) as hardware, Control(told["control"]) as control:
            await hardware.boards["board"].open(channels, lambda: True)
            assert await control.do("wait", compartment=f"{channels:02}", door="open")


async def test_an_outside_program_talks_to_it_through_the_printed_port():
    async with board("lock_8a80", "--address", "3") as (told, beside):
        port = os.open(told["ports"]["bus"], os.O_RDWR | os.O_NOCTTY)
        os.write(port, bytes.fromhex("80030033b0"))
        answer = b""
        while len(answer) < 7:
            answer += await asyncio.to_thread(os.read, port, 16)
        os.close(port)
    assert answer == bytes.fromhex("8003ffffff334f")
    assert beside.startswith("lock_8a80: 24 channels at address 3, 9600 baud, pulses of 300 ms")


async def test_it_stands_on_tcp_when_asked_to():
    async with board("lock_8a80", "--tcp", "--json") as (told, _):
        host, _, port = told["ports"]["bus"].removeprefix("socket://").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=5) as wire:
            wire.sendall(bytes.fromhex("80010033b2"))
            assert await asyncio.to_thread(wire.recv, 1) == b"\x80"


async def test_options_are_those_of_a_cabinet_file():
    options = ["--option", "byte_order=first", "--option", "closed_value=0", "--json"]
    async with board("lock_8a80", "--channels", "8", *options) as (told, _):
        spoken = {"byte_order": "first", "closed_value": 0}
        described = parse(one_board("lock_8a80", 1, 8, 9600, board=spoken))
        async with assemble(described, told["ports"]) as hardware, Control(told["control"]) as control:
            await hardware.boards["board"].open(2, lambda: True)
            assert await control.do("wait", compartment="02", door="open")
            doors = (await hardware.boards["board"].doors()).doors
    assert [channel for channel, is_open in doors.items() if is_open] == [2]


SCALE_MAP = (
    'register_map={name="other", weight={address=8, type="float32", word_order="low", unit="kg", '
    "least=-1, most=30}}"
)


@pytest.mark.parametrize(
    ("words", "request_", "answer", "sentence"),
    [
        (["climate_xymd02"], "010400010001600a", "01040200d2", "climate_xymd02: at address 1"),
        (
            ["climate_registers", "--address", "7"],
            "070300000001",
            "07030200d2",
            "climate_registers, generic-thermostat: at address 7, 57600 baud",
        ),
        (["scale_registers"], "010300000004", "010308000000000001", "scale_registers, generic-scale: at"),
        (
            ["scale_registers", "--option", SCALE_MAP],
            "010300080002",
            "01030400000000",
            "scale_registers, other: at",
        ),
    ],
)
async def test_sensors_are_served_and_answer_outside_programs(words, request_, answer, sentence):
    asked = bytes.fromhex(request_)
    async with board(*words, "--baud", "57600") as (told, beside):
        port = os.open(told["ports"]["bus"], os.O_RDWR | os.O_NOCTTY)
        os.write(port, asked if has_crc(asked) else with_crc(asked))
        heard = b""
        while len(heard) < len(answer) // 2:
            heard += await asyncio.to_thread(os.read, port, 16)
        os.close(port)
    assert heard.hex().startswith(answer)
    assert beside.startswith(sentence)


async def test_hands_put_something_on_a_served_scale():
    async with board("scale_registers", "--baud", "57600", "--json") as (told, _):
        described = one_sensor("scale_registers", 1, 57600, sensor={})
        async with assemble(described, told["ports"]) as hardware, Control(told["control"]) as control:
            await control.do("load", scale="sensor", grams=125.5)
            while not (read := await hardware.scales["sensor"].weigh()).stable:
                pass
            assert (await control.do("truth"))["scales"] == {"sensor": 125.5}
    assert read.grams == 125.5


async def test_a_profile_is_a_dialect_of_its_family():
    words = ["--profile", "eletechsup", "--option", "pulse_ms=1000", "--channels", "4"]
    async with board("lock_modbus", *words) as (_, beside):
        assert beside.startswith("lock_modbus, eletechsup: 4 channels")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["lock_9b81"], "there is no family of lock boards lock_9b81; there are "),
        (["lock_gpio"], "pins of this computer are on no wire that could be simulated"),
        (["lock_8a80", "--address", "99"], "8A/80 boards answer to 1 to 32, not 99"),
        (["lock_8a80", "--channels", "51"], "board[0].channels"),
        (["lock_8a80", "--baud", "12345"], "bus[0].baud"),
        (["lock_8a80", "--profile", "cu48"], "8A/80 boards know no profiles"),
        (["lock_8a80", "--option", "pulse_ms"], "--option pulse_ms: expected KEY=VALUE"),
        (["lock_8a80", "--option", "pulse_ms=5000"], "board[0].pulse_ms"),
        (
            ["lock_8a80", "--option", "colour=red"],
            "board[0].options.colour: 8A/80 boards have no such option",
        ),
        (["lock_8a80", "--option", "address=3"], "address is no option of a board here"),
        (["lock_8a80", "--option", "pulse_ms=200", "--option", "pulse_ms=300"], "pulse_ms is given twice"),
        (["lock_modbus", "--option", "closed_value=0"], "relay cards have no such setting"),
        (["lock_modbus", "--profile", "lctech"], "cut_off"),
        (["scale_registers", "--option", "map=generic-thermostat"], "generic-thermostat has no weight"),
        (["scale_registers", "--option", "map=nobodys"], "there is no register map nobodys"),
        (["scale_registers", "--channels", "4"], "are for lock boards, not for scale_registers"),
        (["scale_registers", "--option", 'register_map={name="x"}'], "register_map[0].weight: a map says"),
        (["scale_registers", "--option", "register_map=7"], "register_map[0]"),
        (["climate_xymd02", "--option", "map=generic-scale"], "an XY-MD02 has registers of its own"),
        (["climate_registers", "--address", "248"], "thermometer[0].address"),
        (["scale_can"], "there is no family of lock boards scale_can"),
    ],
)
def test_what_no_board_can_be_is_refused_with_the_reason(words, reason):
    told = run(app, ["sim", "board", *words])
    assert told.exit_code == 2
    assert reason in told.stderr
