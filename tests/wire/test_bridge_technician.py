"""What a technician types beside scanning and tracing: ports, doors, open, temperature, read-code."""

import asyncio
import json
import os
import signal

import pytest
import tomli_w
from typer.testing import CliRunner

from config.cabinet.one_board import one_board
from firmware_bridge.__main__ import app
from firmware_bridge.line import listing
from tests.wire.far_boards import BAUD, bridge, energised, raw_bench, served, starts

run = CliRunner().invoke
FILE = "config/cabinets/locker-8a80.toml"
PROBE = {"name": "cold", "kind": "climate_xymd02", "bus": "bus", "address": 9}
OFFICE = {"kind": "lock_modbus", "address": 1, "channels": 4, "baud": BAUD}


def with_probe(**more):
    return one_board(**OFFICE, **more) | {"thermometer": [PROBE]}


# --- ports


@pytest.fixture
def adapter(tmp_path, monkeypatch):
    """A port that this test itself has open, under a name that stays."""
    ours, theirs = os.openpty()
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-1a86_USB_Serial-if00-port0").symlink_to(os.ttyname(theirs))
    monkeypatch.setattr(listing, "BY_ID", by_id)
    yield os.ttyname(theirs), by_id / "usb-1a86_USB_Serial-if00-port0"
    os.close(ours)
    os.close(theirs)


def test_a_port_is_told_with_the_name_that_stays_and_who_holds_it(adapter):
    device, stable = adapter
    for name in adapter:
        (told,) = json.loads(run(app, ["ports", str(name), "--json"]).stdout)["ports"]
        assert (told["device"], told["stable"]) == (device, str(stable))
        assert os.getpid() in [holder["pid"] for holder in told["held_by"]]


def test_a_port_that_nobody_holds_is_free(adapter):
    device, _ = adapter
    assert f"({os.getpid()})" in run(app, ["ports", device]).stdout
    ours, theirs = os.openpty()
    free = os.ttyname(theirs)
    os.close(theirs)
    assert run(app, ["ports", free]).stdout.split()[-1] == "nobody"
    os.close(ours)


def test_all_ports_of_this_computer_are_listed():
    told = run(app, ["ports", "--json"])
    assert told.exit_code == 0
    assert [each["device"] for each in json.loads(told.stdout)["ports"]] == [
        port.device for port in listing.serial_ports()
    ]


@pytest.mark.parametrize(("name", "reason"), [("/dev/nothing", "No such file"), (FILE, "is no serial port")])
def test_what_is_no_port_is_refused(name, reason):
    told = run(app, ["ports", name])
    assert told.exit_code == 2
    assert name in told.stderr
    assert reason in told.stderr


# --- doors, open


async def test_doors_are_told_in_a_table(tmp_path):
    async with served(raw_bench(), tmp_path) as (far, file):
        code, out, err = await bridge("open", file, "R2")
        assert (code, err) == (0, "")
        assert out.split()[-3:] == ["R2", "accepted", "open"]
        code, out, err = await bridge("doors", file)
        assert energised(far) == ["R2"]
    rows = [line.split() for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert ["R2", "open", "right", "2"] in rows
    assert ["L2", "closed", "left", "2"] in rows


# --- temperature


async def test_temperatures_are_read_and_no_relay_is_written_to(tmp_path):
    async with served(with_probe(), tmp_path) as (far, file):
        await far.air("cold", -3.5)
        code, out, err = await bridge("temperature", file, "--json")
        _, table, _ = await bridge("temperature", file)
        written = [frame for _, frame in far.buses["bus"].requests if frame[1] != 4]
    assert (code, err, written) == (0, "", [])
    assert json.loads(out)["thermometers"]["cold"]["celsius"] == -3.5
    assert table.split()[-3:-1] == ["cold", "-3.5"]


async def test_a_thermostat_by_map_is_read_like_a_probe_and_has_no_humidity(tmp_path):
    cold = PROBE | {"name": "room", "kind": "climate_registers", "address": 10, "map": "generic-thermostat"}
    raw = with_probe()
    async with served(raw | {"thermometer": [PROBE, cold]}, tmp_path) as (far, file):
        await far.air("room", -18.4)
        code, out, err = await bridge("temperature", file, "--json")
        _, table, _ = await bridge("temperature", file)
    assert (code, err) == (0, "")
    told = json.loads(out)["thermometers"]
    assert (told["room"], told["cold"]["humidity"]) == ({"celsius": -18.4, "humidity": None}, 55.0)
    assert ["room", "-18.4", "-"] in [line.split() for line in table.splitlines()]


async def test_a_probe_that_is_silent_is_named(tmp_path):
    async with served(with_probe(), tmp_path) as (far, file):
        await far.fault("board_silent", "cold")
        code, out, err = await bridge("temperature", file, "--json")
    assert code == 1
    assert json.loads(out)["thermometers"] == {}
    assert f"board cold on {tmp_path}/bus does not answer" in err


async def test_a_temperature_that_cannot_be_is_told_as_such(tmp_path):
    async with served(with_probe(), tmp_path) as (far, file):
        await far.air("cold", 300.0)
        code, _, err = await bridge("temperature", file)
    assert code == 1
    assert "says 300.0 °C" in err


def test_a_cabinet_without_thermometers_or_such_ports_is_told_of(tmp_path):
    told = run(app, ["temperature", FILE])
    assert (told.exit_code, told.stderr) == (2, f"{FILE}: there is no thermometer in this cabinet\n")
    file = tmp_path / "cabinet.toml"
    file.write_text(tomli_w.dumps(with_probe()))
    told = run(app, ["temperature", str(file), "--port", "attic=/dev/null"])
    assert told.exit_code == 2
    assert "has no bus or reader named attic" in told.stderr


# --- read-code


async def until_it_reads(far, reading):
    """Show a code again and again until the command prints it; the first one it may have met halfway."""
    first = asyncio.create_task(_printed(reading, b"12345678\n"))
    while not first.done():
        await far.scan("qr", "12345678")
        await asyncio.sleep(0.2)
    assert await first


async def _printed(reading, line):
    """Whether it prints this line before it ends."""
    while told := await reading.stdout.readline():
        if told == line:
            return True
    return False


async def test_codes_are_printed_until_enough_were_read(tmp_path):
    async with served(raw_bench(), tmp_path) as (far, file):
        reading = await starts("read-code", file, "-n", 2, "--json")
        while reading.returncode is None:
            await far.scan("qr", "12345678")
            await asyncio.sleep(0.2)
        out, err = await reading.communicate()
        asked = far.buses["bus"].wire.bytes_in
    assert (reading.returncode, err, asked) == (0, b"", 0)
    first, second = (json.loads(line) for line in out.splitlines())
    assert second == {"reader": "qr", "text": "12345678"}
    assert "12345678".endswith(first["text"])  # it may have begun to listen in the middle of a code


async def test_ctrl_c_ends_reading_well(tmp_path):
    async with served(raw_bench(), tmp_path) as (far, file):
        reading = await starts("read-code", file)
        await until_it_reads(far, reading)
        reading.send_signal(signal.SIGINT)
        _, err = await reading.communicate()
    assert (reading.returncode, err) == (0, b"")


async def test_what_is_no_code_is_told_and_reading_goes_on(tmp_path):
    async with served(raw_bench(), tmp_path) as (far, file):
        reading = await starts("read-code", file)
        await until_it_reads(far, reading)
        await far.babble("qr", "fffe010d")
        assert b"reader qr: not text: ff fe 01" in await reading.stderr.readline()
        await far.scan("qr", "07")
        while await reading.stdout.readline() != b"07\n":
            pass
        reading.send_signal(signal.SIGINT)
        await reading.communicate()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--reader", "attic"], "there is no reader attic, only qr"),
        (["--port", "qr=/dev/nothing"], "port /dev/nothing cannot be opened"),
        (["--port", "attic=/dev/null"], "has no bus or reader named attic"),
    ],
)
def test_a_reader_that_is_not_there_is_named(words, reason):
    told = run(app, ["read-code", FILE, *words])
    assert told.exit_code == 2
    assert reason in told.stderr
