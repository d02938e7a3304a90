"""Bytes written down at a cabinet, and given to the drivers again where there is none."""

import asyncio
import json
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from typer.testing import CliRunner

from config.cabinet.one_board import one_board
from firmware_bridge.__main__ import app
from tests.wire.far_boards import BAUD, bridge, energised, raw_bench, served, starts

run = CliRunner().invoke
ABOUT = {
    "trace": 1, "cabinet": "one-board", "began": "2026-01-01T00:00:00+00:00", "doing": "doors", "label": "",
    "ports": {"bus": "/dev/ttyUSB0", "qr": "/dev/ttyACM0"},
}  # fmt: skip


def lines_of(trace: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in trace.read_text().splitlines()]


def received(trace: Path) -> bytes:
    """All that arrived, as far as whole lines of it are written."""
    pieces = [json.loads(line) for line in trace.read_text().split("\n")[1:-1]]
    return b"".join(bytes.fromhex(piece["hex"]) for piece in pieces if piece["direction"] == "received")


def write(trace: Path, lines: list[dict[str, Any]]) -> None:
    trace.write_text("".join(json.dumps(line) + "\n" for line in lines))


async def recorded(folder: Path, *words: object) -> tuple[Path, Path, str]:
    """A trace of the bench with door L2 open, its cabinet file, and what was printed meanwhile."""
    async with served(raw_bench(), folder) as (far, file):
        far.cabinet.pulse("L2", 0.1)
        assert await far.wait("L2", "open")
        code, out, err = await bridge("trace", file, folder / "seen.jsonl", *words, "--json")
        assert energised(far) == (["L2", "R3"] if "--open" in words else ["L2"])
    assert code == 0, err
    return file, folder / "seen.jsonl", out


async def test_reading_the_doors_is_written_down_byte_by_byte(tmp_path):
    _, trace, out = await recorded(tmp_path)
    about, *pieces = lines_of(trace)
    assert about | {"began": ""} == ABOUT | {"began": "", "ports": about["ports"]}
    assert about["ports"] == {"bus": str(tmp_path / "bus"), "qr": str(tmp_path / "qr")}
    sent = [piece["hex"] for piece in pieces if piece["direction"] == "sent"]
    received = "".join(piece["hex"] for piece in pieces if piece["direction"] == "received")
    assert sent == ["80010033b2", "80020033b1"] * 2
    assert received == ("800100000d33bf" + "800200000f33be") * 2
    assert [piece["at"] for piece in pieces] == sorted(piece["at"] for piece in pieces)
    assert json.loads(out)["doors"]["L2"] == "open"


@pytest.mark.parametrize("words", [(), ("--open", "R3")], ids=["doors", "open"])
async def test_a_replay_comes_to_the_same_without_any_port(tmp_path, words):
    file, trace, out = await recorded(tmp_path, *words)
    assert not (tmp_path / "bus").exists()
    code, again, err = await bridge("replay", file, trace, "--json")
    assert (code, err) == (0, "")
    assert json.loads(again) == json.loads(out) | {"parted": []}


async def test_the_line_is_named_at_which_driver_and_trace_part(tmp_path):
    file, trace, _ = await recorded(tmp_path)
    lines = lines_of(trace)
    at = next(at for at, line in enumerate(lines) if line.get("hex") == "80020033b1")
    lines[at]["hex"] = "80070033b4"
    write(trace, lines)
    code, out, err = await bridge("replay", file, trace, "--json")
    told = json.loads(out)
    parting = {"port": "bus", "line": at + 1, "recorded": "80 07 00 33 b4", "asked": "80 02 00 33 b1"}
    assert (code, told["parted"]) == (1, [parting])
    assert f"line {at + 1}: to bus the driver sends 80 02 00 33 b1, not 80 07 00 33 b4" in err
    assert told["doors"]["R1"] == "unknown"


async def test_a_trace_that_ends_early_or_goes_on_is_told_of(tmp_path):
    file, trace, _ = await recorded(tmp_path)
    lines = lines_of(trace)
    last = max(at for at, line in enumerate(lines) if line.get("direction") == "sent")
    write(trace, lines[:last])
    code, _, err = await bridge("replay", file, trace)
    assert code == 1
    assert "port bus: behind its last line the driver sends 80 02 00 33 b1" in err
    write(trace, [*lines, lines[last]])
    code, _, err = await bridge("replay", file, trace)
    assert code == 1
    assert f"line {len(lines) + 1}: the driver never sends 80 02 00 33 b1 to bus" in err


async def test_a_wrong_check_byte_in_a_trace_is_met_as_at_the_cabinet(tmp_path):
    file, trace, _ = await recorded(tmp_path)
    lines = lines_of(trace)
    for line in lines[1:]:
        if line["direction"] == "received":
            line["hex"] = "00" * (len(line["hex"]) // 2)
    write(trace, lines)
    _, out, _ = await bridge("replay", file, trace, "--json")
    told = json.loads(out)
    assert "sent what is no answer: 00 00 00 00 00 00 00" in told["flagged"][0]
    assert set(told["doors"].values()) == {"unknown"}


async def test_listening_sends_nothing_and_ctrl_c_loses_nothing(tmp_path):
    async with served(raw_bench(), tmp_path) as (far, file):
        trace = tmp_path / "seen.jsonl"
        listening = await starts("trace", file, trace, "--listen")
        async with asyncio.timeout(20):
            while not trace.exists() or b"12345678\r" not in received(trace):
                await far.scan("qr", "12345678")
                await asyncio.sleep(0.2)
        listening.send_signal(signal.SIGINT)
        _, err = await listening.communicate()
        heard = [wire.bytes_in for wire in far.wires.values()]
    assert (listening.returncode, heard) == (0, [0, 0])
    assert "pieces of bytes" in err.decode()
    assert {piece["direction"] for piece in lines_of(trace)[1:]} == {"received"}
    code, out, err = await bridge("replay", file, trace, "--json")
    told = json.loads(out)
    assert (code, told["parted"], told["refused"]) == (0, [], {})
    assert {"reader": "qr", "text": "12345678"} in told["scans"]


async def test_a_disk_that_fills_up_is_told_of_and_stops_no_driver(tmp_path):
    async with served(raw_bench(), tmp_path) as (_, file):
        words = [sys.executable, "-m", "firmware_bridge", "trace", file, tmp_path / "seen.jsonl"]
        process = await asyncio.create_subprocess_shell(
            f"ulimit -f 1; exec {shlex.join(map(str, words))}", stderr=asyncio.subprocess.PIPE
        )
        _, err = await process.communicate()
    assert process.returncode == 2
    assert "seen.jsonl: File too large" in err.decode()
    assert "Traceback" not in err.decode()
    assert (tmp_path / "seen.jsonl").read_text().startswith('{"trace": 1')


@pytest.mark.parametrize("words", [(), ("--open", "03")], ids=["doors", "open"])
async def test_relay_cards_are_traced_and_replayed_too(tmp_path, words):
    trace = tmp_path / "seen.jsonl"
    raw = one_board("lock_modbus", 5, 4, BAUD, board={"pulse_ms": 100})
    async with served(raw, tmp_path) as (far, file):
        code, out, err = await bridge("trace", file, trace, *words, "--json")
        assert energised(far) == ["03"] * bool(words)
    assert code == 0, err
    code, again, err = await bridge("replay", file, trace, "--json")
    assert (code, err) == (0, "")
    assert json.loads(again) == json.loads(out) | {"parted": []}


def test_a_bus_that_belongs_to_a_guard_is_neither_traced_nor_replayed(tmp_path):
    cut_off = {"profile": "lctech", "cut_off": "relay timer, 0.8 s"}
    file, trace = tmp_path / "cabinet.toml", tmp_path / "seen.jsonl"
    file.write_text(tomli_w.dumps(one_board("lock_modbus", 5, 4, BAUD, board=cut_off)))
    reason = "bus bus belongs to the guard of board board, a process that nothing may hold up"
    refused(["trace", file, trace], reason)
    refused(["trace", file, trace], "put a listening adapter on the wire and trace that with --listen")
    assert not trace.exists()
    trace.write_text(json.dumps(ABOUT | {"ports": {"bus": "x"}}) + "\n")
    refused(["replay", file, trace], "bus bus belongs to the guard of board board")


def refused(words: list[object], reason: str) -> None:
    told = run(app, [str(word) for word in words])
    assert told.exit_code == 2, told.output
    assert reason in told.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--open", "99"], "there is no compartment 99"),
        (["--open", "01", "--listen"], "--open and --listen cannot be had at once"),
        (["--port", "attic=/dev/null"], "has no bus or reader named attic"),
        (["--port", "attic=/dev/null", "--seconds", "1"], "has no bus or reader named attic"),
        (["--port", "attic"], "expected NAME=ADDRESS"),
    ],
)
def test_what_cannot_be_traced_is_refused_and_leaves_no_file(tmp_path, words, reason):
    refused(["trace", "config/cabinets/locker-8a80.toml", tmp_path / "seen.jsonl", *words], reason)
    assert list(tmp_path.iterdir()) == []


def test_a_trace_is_never_written_over(tmp_path):
    (tmp_path / "seen.jsonl").write_text("precious")
    words = ["trace", "config/cabinets/locker-8a80.toml", tmp_path / "seen.jsonl"]
    refused(words, "seen.jsonl exists: name a new file")
    assert (tmp_path / "seen.jsonl").read_text() == "precious"


PIECE = {"at": 0.1, "port": "bus", "direction": "sent", "hex": "80010033b2"}


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "line 1: is missing"),
        (["no json"], "line 1: Invalid JSON"),
        ([{"trace": 2}], "line 1: trace: "),
        ([ABOUT, PIECE | {"hex": "zz"}], "line 2: zz is not written in hexadecimal digits"),
        ([ABOUT, PIECE, PIECE | {"at": -1}], "line 3: at: "),
        ([ABOUT, PIECE | {"direction": "up"}], "line 2: direction: "),
        ([ABOUT, PIECE | {"port": "attic"}], "line 2: port attic is not one of line 1"),
        ([ABOUT | {"cabinet": "garden"}], "was recorded at garden; "),
        ([ABOUT | {"ports": {"bus": "x"}}], "have not the same buses and readers: qr"),
        ([ABOUT | {"ports": {"bus": "x", "qr": "x"}}], "x is the address of more than one"),
        ([ABOUT | {"doing": "open", "label": "99"}], "there is no compartment 99"),
        ([ABOUT | {"doing": "hold"}], "line 1: doing: "),
    ],
)
def test_what_is_no_trace_is_refused_with_its_line(tmp_path, lines, reason):
    file, trace = tmp_path / "cabinet.toml", tmp_path / "seen.jsonl"
    file.write_text(tomli_w.dumps(raw_bench()))
    trace.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    refused(["replay", file, trace], reason)


def test_a_trace_that_is_not_there_or_no_text_is_refused(tmp_path):
    refused(["replay", "config/cabinets/locker-8a80.toml", tmp_path / "x"], "cannot be read: No such file")
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    refused(["replay", "config/cabinets/locker-8a80.toml", tmp_path / "x"], "is not text")
