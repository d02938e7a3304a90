import asyncio
import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware_bridge.__main__ import app

FILE = "config/cabinets/locker-8a80.toml"
run = CliRunner().invoke


def test_a_frame_is_explained():
    told = run(app, ["decode", "lock_8a80", "8A 01 07 11 9D", "--json"])
    assert json.loads(told.stdout) == {"means": "OpenLock", "board": 1, "lock": 7, "seconds": None}


@pytest.mark.parametrize(
    ("kind", "frame", "reason"),
    [
        ("lock_8a80", "8A0101119C", "wrong check byte"),
        ("lock_modbus", "0105020000058DB0", "wrong CRC"),
        ("lock_8a80", "zz", "non-hexadecimal"),
    ],
)
def test_what_is_no_frame_is_refused_with_the_reason(kind, frame, reason):
    told = run(app, ["decode", kind, frame])
    assert told.exit_code == 2
    assert reason in told.stderr


def test_a_file_that_is_not_there_is_named():
    told = run(app, ["doors", "nowhere.toml"])
    assert told.exit_code == 2
    assert "nowhere.toml" in told.stderr


def test_a_compartment_that_is_not_there_is_named():
    told = run(app, ["open", FILE, "99"])
    assert told.exit_code == 2
    assert "there is no compartment 99" in told.stderr


def test_a_port_override_needs_a_name_and_an_address():
    told = run(app, ["doors", FILE, "--port", "rs485"])
    assert told.exit_code == 2
    assert "expected NAME=ADDRESS" in told.stderr


def test_without_its_port_every_door_is_unknown_and_the_port_is_named(tmp_path):
    told = run(app, ["doors", FILE, "--port", f"rs485={tmp_path}/x", "--port", f"qr={tmp_path}/y", "--json"])
    assert told.exit_code == 1
    assert set(json.loads(told.stdout)["doors"].values()) == {"unknown"}
    assert f"bus rs485: port {tmp_path}/x cannot be opened: No such file or directory" in told.stderr


async def _run(*arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, stdout=asyncio.subprocess.PIPE
    )
    stdout, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, stdout.decode()


async def test_a_door_is_opened_and_then_read_as_open(tmp_path: Path):
    simulated = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", "sim", "cabinet", FILE, "--links", str(tmp_path), "--with-parent",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert simulated.stdout is not None
    await simulated.stdout.readline()
    ports = ["--port", f"rs485={tmp_path}/rs485", "--port", f"qr={tmp_path}/qr", "--json"]
    try:
        code, told = await _run("firmware_bridge", "open", FILE, "07", *ports)
        assert (code, json.loads(told)) == (0, {"label": "07", "answer": "accepted", "door": "open"})
        code, told = await _run("firmware_bridge", "doors", FILE, *ports)
        doors = json.loads(told)["doors"]
        assert code == 0
        assert [label for label, state in doors.items() if state == "open"] == ["07"]
        assert len(doors) == 24
    finally:
        simulated.terminate()
        await simulated.wait()
