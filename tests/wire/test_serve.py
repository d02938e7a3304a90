"""A served cabinet as its own process: everything through ptys, TCP and the control port."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config.cabinet import load, parse
from config.cabinet.one_board import one_board
from firmware_bridge.assemble import assemble
from firmware_bridge.errors import BoardSilent, WrongUse
from simulators.control import Control, ControlRefused
from simulators.people import Courier, Resident

CABINETS = Path("config/cabinets")


@asynccontextmanager
async def serving(*what: Path | str) -> AsyncIterator[dict]:
    sim = ["cabinet", *what] if isinstance(what[0], Path) else what
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", "sim", *map(str, sim), "--with-parent",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        yield json.loads(await process.stdout.readline()) | {"process": process}
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.mark.parametrize("file", ["locker-8a80.toml", "locker-modbus.toml"])
@pytest.mark.parametrize("way", ["pty", "tcp"])
async def test_a_courier_and_a_resident_use_every_sample_cabinet(tmp_path, file, way):
    cabinet = load(CABINETS / file)
    first = cabinet.compartment[0]
    options = ["--tcp"] if way == "tcp" else ["--links", str(tmp_path)]
    async with serving(CABINETS / file, *options) as ready, Control(ready["control"]) as control:
        async with assemble(cabinet, ready["ports"]) as hardware:
            assert hardware.flagged == []
            board = hardware.boards[first.board]
            assert not any((await board.doors()).doors.values())

            await board.open(first.channel, lambda: True)
            assert await Courier(control).load(first.label, "parcel 1")
            assert (await board.doors()).doors[first.switch] is False
            await board.open(first.channel, lambda: True)
            assert await Resident(control, clumsiness=1.0).collect(first.label) == ["parcel 1"]

            await control.do("scan", reader="qr", text="12345678")
            assert (await anext(aiter(hardware.readers["qr"]))).text == "12345678"
        truth = await control.do("truth")
    assert truth["compartments"][first.label]["goods"] == []
    assert truth["longest_energised"] == pytest.approx(0.3)


@pytest.mark.parametrize("kind", ["lock_8a80", "lock_modbus"])
async def test_one_board_is_served_by_itself(tmp_path, kind):
    options = ["--channels", "16", "--address", "3", "--links", str(tmp_path)]
    cabinet = parse(one_board(kind, address=3, channels=16, baud=9600))
    async with (
        serving("board", kind, *options) as ready,
        Control(ready["control"]) as control,
        assemble(cabinet, ready["ports"]) as hardware,
    ):
        await hardware.boards["board"].open(16, lambda: True)
        assert await control.do("wait", compartment="16", door="open")


async def test_a_wire_that_is_cut_comes_back_under_the_same_name(tmp_path, wait_until):
    cabinet = load(CABINETS / "locker-8a80.toml")
    async with (
        serving(CABINETS / "locker-8a80.toml", "--links", str(tmp_path)) as ready,
        Control(ready["control"]) as control,
        assemble(cabinet, ready["ports"]) as hardware,
    ):
        await control.do("cut", wire="rs485")
        assert not (tmp_path / "rs485").exists()
        await wait_until(lambda: not hardware.wires["rs485"].is_open)
        await control.do("restore", wire="rs485")
        await wait_until(lambda: hardware.wires["rs485"].is_open, seconds=3)
        assert (await hardware.boards["locks"].doors()).doors


async def test_ports_that_do_not_exist_and_boards_that_are_silent_are_flagged_by_name(tmp_path):
    cabinet = load(CABINETS / "locker-8a80.toml")
    async with (
        serving(CABINETS / "locker-8a80.toml", "--links", str(tmp_path)) as ready,
        Control(ready["control"]) as control,
    ):
        await control.do("fault", cause="board_silent", where="locks")
        ports = {**ready["ports"], "qr": str(tmp_path / "nothing")}
        async with assemble(cabinet, ports) as hardware:
            assert [flag.part for flag in hardware.flagged] == ["reader qr", "board locks"]
            assert "No such file" in str(hardware.flagged[0])
            assert isinstance(hardware.flagged[1].error, BoardSilent)
            await control.do("repair", cause="board_silent", where="locks")
            pulse = await hardware.boards["locks"].open(1, lambda: True)
            assert pulse.answer == "accepted"


def test_another_port_for_a_bus_that_the_file_does_not_have_is_refused():
    with pytest.raises(WrongUse, match="garden-east-1: has no bus or reader named rs458"):
        assemble(load(CABINETS / "locker-8a80.toml"), {"rs458": "/dev/null"})


@pytest.mark.parametrize(
    ("verb", "how", "error"),
    [
        ("fly", {}, "expected"),
        ("pull", {"compartment": "99"}, "there is no compartment 99"),
        ("put", {"compartment": "01"}, "door of compartment 01 is closed"),
        ("pull", {"door": "01"}, "unexpected keyword"),
        ("fault", {"cause": "ghost", "where": "01"}, "not a valid Cause"),
        (
            "fault",
            {"cause": "noise", "where": "nowhere"},
            "no compartment, contact, lamp, board, reader, .* nowhere",
        ),
        ("disturb", {"input": "x"}, "there is no contact x"),
        ("cut", {"wire": "x"}, "there is no wire x"),
        ("scan", {"reader": "x", "text": ""}, "there is no reader x"),
    ],
)
async def test_the_control_port_says_why_it_refuses(tmp_path, verb, how, error):
    async with (
        serving(CABINETS / "locker-8a80.toml", "--links", str(tmp_path)) as ready,
        Control(ready["control"]) as control,
    ):
        with pytest.raises(ControlRefused, match=error):
            await control.do(verb, **how)
        assert (await control.do("truth"))["compartments"]


async def test_it_ends_with_its_parent(tmp_path, wait_until):
    script = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-m', 'simulators', 'sim', 'cabinet', sys.argv[1],\n"
        "    '--links', sys.argv[2], '--with-parent'], stdout=subprocess.PIPE)\n"
        "p.stdout.readline(); print(p.pid, flush=True); sys.stdin.read()\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(CABINETS / "locker-8a80.toml"), str(tmp_path),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await wait_until(lambda: not _runs(child))
    assert not (tmp_path / "rs485").is_symlink()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


async def test_ctrl_c_takes_the_ports_away(tmp_path):
    async with serving(CABINETS / "locker-8a80.toml", "--links", str(tmp_path)) as ready:
        assert (tmp_path / "rs485").is_symlink()
        ready["process"].send_signal(signal.SIGINT)
        assert await ready["process"].wait() == 0
    assert not (tmp_path / "rs485").is_symlink()
