"""Which boards answer on a wire; a scan reads and never opens."""

import asyncio
import json
import os
import termios
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import tomli_w
from typer.testing import CliRunner

from config.cabinet.families import LOCKS
from config.cabinet.one_board import one_board
from firmware_bridge.__main__ import app
from firmware_bridge.lock_8a80 import AllStates, ReadAll
from firmware_bridge.search import TIMES_ASKED
from simulators.faults import Cause, Fault
from tests.wire.far_boards import BAUD, bridge, energised, raw_bench, served

run = CliRunner().invoke
SPEEDS = {termios.B9600: 9600, termios.B19200: 19200, termios.B57600: 57600}


def found(stdout: str) -> dict[int, str]:
    return {board["address"]: board["state"] for board in json.loads(stdout)["boards"]}


async def test_a_scan_finds_every_board_and_the_doors_that_stand_open(tmp_path):
    async with served(raw_bench(), tmp_path) as (far, _):
        far.cabinet.pulse("R3", 0.1)
        far.cabinet.step()
        await far.wait("R3", "open")
        before = [label for label in far.cabinet.labels() if far.cabinet.compartment(label).energised]
        port = tmp_path / "bus"
        code, out, err = await bridge(
            "scan", port, "--baud", BAUD, "--addresses", "1-4", "--channels", 4, "--json"
        )
        asked = {frame for _, frame in far.buses["bus"].requests}
        assert energised(far) == before == ["R3"]
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "port": str(port),
        "kind": "lock_8a80",
        "boards": [
            {"baud": BAUD, "address": 1, "state": "answers", "open": []},
            {"baud": BAUD, "address": 2, "state": "answers", "open": [3]},
        ],
        "sentences": [],
    }
    assert asked == {ReadAll(address).to_bytes() for address in range(1, 5)}


async def test_a_scan_of_relay_cards_writes_no_output(tmp_path):
    raw = one_board("lock_modbus", 5, 8, BAUD)
    async with served(raw, tmp_path) as (far, _):
        words = ("--kind", "lock_modbus", "--baud", BAUD, "--addresses", "4-6")
        code, out, _ = await bridge("scan", tmp_path / "bus", *words)
        functions = {frame[1] for _, frame in far.buses["bus"].requests}
    assert code == 0
    assert out.split()[-4:] == [str(BAUD), "5", "answers", "none"]
    assert functions == {2}


@pytest.mark.parametrize("kind", [kind for kind, family in LOCKS.items() if family.bus != "gpio"])
async def test_every_family_is_found_and_left_as_it_is(tmp_path, kind):
    first, last = LOCKS[kind].addresses[0], LOCKS[kind].addresses[0] + 1
    async with served(one_board(kind, last, 8, BAUD), tmp_path) as (far, _):
        words = ("--kind", kind, "--baud", BAUD, "--addresses", f"{first}-{last}", "--json")
        code, out, err = await bridge("scan", tmp_path / "bus", *words)
        assert energised(far) == []
    assert (code, err) == (0, "")
    assert found(out) == {last: "answers"}
    assert json.loads(out)["boards"][0]["open"] == []


async def test_a_card_with_fewer_inputs_than_asked_for_is_told_of(tmp_path):
    async with served(one_board("lock_modbus", 5, 8, BAUD), tmp_path):
        words = ("--kind", "lock_modbus", "--baud", BAUD, "--addresses", "5", "--channels", 16, "--json")
        code, out, err = await bridge("scan", tmp_path / "bus", *words)
    assert code == 1
    assert found(out) == {5: "refuses"}
    assert "with code 2; try fewer --channels" in json.loads(out)["sentences"][0]
    assert err == "" or "code 2" in err


async def test_two_boards_with_one_address_are_told_of_when_their_answers_collide(tmp_path):
    async with served(raw_bench(), tmp_path) as (far, _):
        far.faults.begin(Fault(Cause.TWO_WITH_ONE_ADDRESS, "left", other="right"))
        far.cabinet.pulse("L1", 0.1)
        far.cabinet.pulse("R2", 0.1)
        far.cabinet.step()
        assert await far.wait("L1", "open")
        assert await far.wait("R2", "open")
        code, out, _ = await bridge("scan", tmp_path / "bus", "--baud", BAUD, "--addresses", "1-3", "--json")
    assert code == 1
    assert found(out) == {1: "garbled"}
    (sentence,) = json.loads(out)["sentences"]
    assert sentence.startswith(f"address 1 at {BAUD} baud: its answers are broken (80 01 ")
    assert "two boards seem to share it" in sentence


def as_heard(data: bytes, sent_at: int, heard_at: int) -> bytes:
    """What a receiver set to another speed makes of bytes: each bit is looked at in its middle."""
    levels = [level for byte in data for level in (0, *(byte >> bit & 1 for bit in range(8)), 1)]
    heard, at = bytearray(), 0.0
    per_bit = sent_at / heard_at

    def level(moment: float) -> int:
        return levels[int(moment)] if moment < len(levels) else 1

    while at < len(levels):
        if level(at):
            at += per_bit / 16
            continue
        heard.append(sum(level(at + (bit + 1.5) * per_bit) << bit for bit in range(8)))
        at += 9.5 * per_bit
    return bytes(heard)


@asynccontextmanager
async def far_side(answers: Callable[[bytes, int], bytes]) -> AsyncIterator[str]:
    """A pty whose other side answers each request, knowing the speed that the host has set."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)

    def arrived() -> None:
        request = os.read(ours, 256)
        os.write(ours, answers(request, SPEEDS[termios.tcgetattr(theirs)[4]]))

    asyncio.get_running_loop().add_reader(ours, arrived)
    try:
        yield os.ttyname(theirs)
    finally:
        asyncio.get_running_loop().remove_reader(ours)
        os.close(ours)
        os.close(theirs)


def talks_at_19200(request: bytes, heard_at: int) -> bytes:
    """A board that says how its doors are to whatever it hears, as some do after each door that moves."""
    told = AllStates(1, b"\xff\xff\xfe").to_bytes()
    if heard_at == 19200:
        return told if request == ReadAll(1).to_bytes() else b""
    return as_heard(told, 19200, heard_at)


def test_a_receiver_at_the_right_speed_hears_what_was_sent():
    assert as_heard(b"\x80\x01\xff\x33", 9600, 9600) == b"\x80\x01\xff\x33"
    assert as_heard(b"\x80\x01\xff\x33", 19200, 9600) != b"\x80\x01\xff\x33"


async def test_a_wrong_speed_is_named_beside_the_right_one(tmp_path):
    async with far_side(talks_at_19200) as port:
        speeds = ("--baud", 9600, "--baud", 19200)
        code, out, _ = await bridge("scan", port, *speeds, "--addresses", "1-2", "--json")
    told = json.loads(out)
    assert code == 1
    assert [(each["baud"], each["address"], each["open"]) for each in told["boards"]] == [(19200, 1, [1])]
    (sentence,) = told["sentences"]
    assert sentence.startswith(f"9600 baud is wrong for {port}: bytes came that are no answer (")
    assert sentence.endswith("and boards answer at 19200 baud")


async def test_a_wrong_speed_is_suspected_when_only_garbage_comes():
    async with far_side(talks_at_19200) as port:
        code, out, err = await bridge("scan", port, "--addresses", "1-2")
    assert (code, out) == (1, "")
    assert err.startswith(f"9600 baud seems wrong for {port}: bytes came that are no answer (")
    assert "try another --baud" in err


async def test_answers_that_differ_are_told_of():
    turns = iter(range(100))

    def two_in_turn(request: bytes, _: int) -> bytes:
        if request != ReadAll(2).to_bytes():
            return b""
        return AllStates(2, b"\xff\xff\xff" if next(turns) % 2 else b"\xff\xff\xfe").to_bytes()

    async with far_side(two_in_turn) as port:
        code, out, _ = await bridge("scan", port, "--addresses", "1-3", "--json")
    assert code == 1
    assert found(out) == {2: "differs"}
    assert "two boards seem to share it, unless a door just moved" in json.loads(out)["sentences"][0]


async def test_a_board_that_missed_the_first_question_is_found_by_the_second():
    asked: list[bytes] = []

    def misses_one(request: bytes, _: int) -> bytes:
        asked.append(request)
        if request != ReadAll(2).to_bytes() or asked.count(request) == 1:
            return b""
        return AllStates(2, b"\xff\xff\xff").to_bytes()

    async with far_side(misses_one) as port:
        code, out, _ = await bridge("scan", port, "--addresses", "1-3", "--json")
    assert (code, found(out)) == (0, {2: "answers"})
    told = [asked.count(ReadAll(address).to_bytes()) for address in (1, 2, 3)]
    assert told == [2, 1 + TIMES_ASKED, 2], "silent ones twice, and no more"
    assert asked[:4] == [ReadAll(address).to_bytes() for address in (1, 2, 3, 1)], "the others come first"


async def test_doors_tell_of_garbage_that_looks_like_a_wrong_speed(tmp_path):
    async with far_side(talks_at_19200) as port:
        raw = one_board("lock_8a80", 1, 4, 9600, port=port)
        file = tmp_path / "cabinet.toml"
        file.write_text(tomli_w.dumps(raw))
        code, out, err = await bridge("doors", file, "--json")
    assert code == 1
    (sentence,) = json.loads(out)["flagged"]
    assert sentence.startswith(f"board board: board board on {port} sent what is no answer: ")
    assert sentence.endswith("this looks like a wrong speed (here, 9600 baud) or a disturbed wire")
    assert sentence in err


async def test_damaged_frames_and_boards_beside_one_that_answers_are_no_wrong_speed(tmp_path):
    def wrong_check(request: bytes, _: int) -> bytes:
        return AllStates(1, b"\xff\xff\xff").to_bytes()[:-1] + b"\0"

    def beside_one_that_answers(request: bytes, _: int) -> bytes:
        right = request == ReadAll(2).to_bytes()
        return AllStates(2, b"\xff\xff\xff").to_bytes() if right else b"\x55\xaa"

    for number, answers in enumerate((wrong_check, beside_one_that_answers)):
        async with far_side(answers) as port:
            raw = raw_bench()
            raw["bus"][0]["port"], raw["reader"], raw["bus"][0]["baud"] = port, [], 9600
            file = tmp_path / f"{number}.toml"
            file.write_text(tomli_w.dumps(raw))
            _, out, _ = await bridge("doors", file, "--json")
        flagged = json.loads(out)["flagged"]
        assert flagged
        assert not any("speed" in sentence for sentence in flagged)


async def test_a_wire_without_boards_is_said_to_be_silent():
    async with far_side(lambda request, _: b"") as port:
        code, out, err = await bridge("scan", port, "--addresses", "1-2")
    assert (code, out) == (1, "")
    assert err.strip() == f"no lock_8a80 board answers on {port} at 9600 baud"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["/dev/nothing"], "port /dev/nothing cannot be opened: No such file or directory"),
        (["/dev/null", "--kind", "lock_9b81"], "--kind: there is no family of lock boards lock_9b81"),
        (["/dev/null", "--kind", "lock_gpio"], "pins of this computer have no addresses to ask"),
        (["/dev/null", "--baud", "12345"], "bus[0].baud"),
        (["/dev/null", "--addresses", "a-b"], "--addresses a-b: expected FIRST-LAST, as in 1-8"),
        (["/dev/null", "--addresses", "0-40"], "--addresses 0-40: 8A/80 boards answer to 1 to 32"),
        (["/dev/null", "--addresses", "5-2"], "--addresses 5-2: 8A/80 boards answer to 1 to 32"),
        (["/dev/null", "--channels", "60"], "board[0].channels"),
        (["/dev/null", "--profile", "cu48"], "8A/80 boards know no profiles"),
        (["/dev/null", "--kind", "lock_modbus", "--profile", "lctech"], "such cards belong to their guard"),
        (["modbus-tcp://127.0.0.1:1"], "is Modbus TCP, and bus bus is serial"),
    ],
)
def test_what_cannot_be_scanned_is_refused_with_the_reason(words, reason):
    told = run(app, ["scan", *words])
    assert told.exit_code == 2
    assert reason in told.stderr
