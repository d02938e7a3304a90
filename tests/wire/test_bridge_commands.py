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
    told = run(app, ["decode", "lock_8a80", "8A", "01", "07", "11", "9D", "--json"])
    fields = {"frame": "OpenLock", "board": 1, "lock": 7, "seconds": None}
    assert json.loads(told.stdout) == {"meaning": "board 1: open lock 7"} | fields
    told = run(app, ["decode", "lock-8a80-xor", "8A 01 07 11 9D", "--from", "board"])
    assert told.stdout.splitlines()[0] == "board 1, answer to opening lock 7: its switch is 11"


@pytest.mark.parametrize(
    ("kind", "frame", "reason"),
    [
        (
            "lock_8a80",
            "8A0101119C",
            "wrong check byte in 8a 01 01 11 9c: it is 9c, the bytes before it make 9b",
        ),
        ("lock_8a80", "8A", "too short: 8a"),
        ("lock_8a80", "", "too short: nothing"),
        ("lock_modbus", "0105020000058DB0", "wrong CRC in 01 05 02 00 00 05 8d b0: it is 8d b0, the bytes "),
        ("lock_8a80", "zz", "zz is not written in hexadecimal digits"),
        ("lock_9b81", "00", "there is no family of lock boards lock_9b81; there are "),
    ],
)
def test_what_is_no_frame_is_refused_with_the_reason(kind, frame, reason):
    told = run(app, ["decode", kind, frame])
    assert told.exit_code == 2
    assert reason in told.stderr


def test_json_lines_are_answered_one_by_one():
    lines = [
        {"protocol": "lock-8a80-xor", "direction": "device->host", "hex": "8a0101119b"},
        {"protocol": "lock-8a80-xor", "hex": "8a0101119b"},
        {"protocol": "lock-8a80-xor", "hex": "8a0101119c"},
        {"protocol": "lock-8a80-xor", "direction": "up", "hex": "8a0101119b"},
        {"hex": 7},
        [],
    ]
    asked = "\n".join(json.dumps(line) for line in lines).encode() + b"\nnot json\n\xff\xfe\n" + b"[" * 9000
    told = run(app, ["decode", "-"], input=asked)
    answers = [json.loads(line) for line in told.stdout.splitlines()]
    assert told.exit_code == 0
    assert [answer.get("frame") for answer in answers[:2]] == ["LockState", "OpenLock"]
    reasons = [
        "wrong check byte", "no direction up", "no text under protocol and hex", "expected a JSON object",
        "Expecting value", "Expecting value", "recursion",
    ]  # fmt: skip
    assert len(answers) == 2 + len(reasons)
    for answer, reason in zip(answers[2:], reasons, strict=True):
        assert answer.keys() == {"error"}
        assert reason in answer["error"]


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
