"""A million frames of garbage per codec, and ten thousand answers with garbage around them through a pty."""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from firmware_bridge.assemble import Hardware, assemble
from firmware_bridge.decode import READERS
from firmware_bridge.errors import BoardError, PortError, UnreadableScan
from firmware_bridge.frames import Sender
from firmware_bridge.ports import LockBoard
from simulators.serve import Served
from tests.hard.judges import JUDGES, Judge
from tests.wire.one_of_each import SORTS, Sort

CHANNELS = 4
AT_ONCE = 5
"""Boards of one family, each on a pty of its own."""
WITHOUT_A_CHECK = {"Winnsen", "Waveshare, Modbus TCP"}
"""Nothing tells garbage from an answer of Winnsen boards. TCP brings what was sent, or nothing."""


def long_form(count: int, seconds: int) -> object:
    """The figure of the row, for its long form."""
    return pytest.param(count, marks=[pytest.mark.hard, pytest.mark.timeout(seconds)])


def garbage(luck: random.Random, number: int, good: Sequence[bytes]) -> Iterator[bytes]:
    """Random bytes, and good frames cut, doubled, joined or with bytes changed."""
    for _ in range(number):
        frame = luck.choice(good)
        match luck.randrange(4):
            case 0:
                yield luck.randbytes(luck.randrange(24))
            case 1:
                yield frame[: luck.randrange(len(frame) + 1)] + luck.choice(good)
            case 2:
                at = luck.randrange(len(frame))
                yield frame[:at] + luck.randbytes(1) + frame[at + 1 :]
            case _:
                yield luck.randbytes(luck.randrange(5)) + frame


@pytest.mark.row("G1")
@pytest.mark.parametrize("frames", [3_000, long_form(1_000_000, 600)])
@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
def test_g1_garbage_crashes_no_codec_and_makes_none_say_what_is_not_there(
    judge: Judge, frames: int, reached
) -> None:
    luck = random.Random(judge.name)
    spent, refused, said = 0.0, 0, 0
    for received in garbage(luck, frames, judge.good):
        began = time.perf_counter()
        try:
            told = judge.ask(received)
        except (ValueError, UnreadableScan):
            spent += time.perf_counter() - began
            refused += 1
        else:
            spent += time.perf_counter() - began
            said += told is not None
            assert judge.is_true(received, told), received.hex(" ")
    figure = f"{frames:,} frames, {said:,} of them right, {frames / spent:.0f}/s"
    reached("G1", goal="1,000,000 frames, ≥ 50,000/s", figure=figure, seed=judge.name)
    assert refused < frames
    assert frames < 1_000_000 or frames / spent > 50_000


def is_of(sort: Sort, frame: bytes) -> bool:
    """Whether this is a word of the very board that is asked, and so no garbage."""
    try:
        told = READERS[sort.kind](frame, Sender.BOARD)
    except ValueError:
        return False
    return sort.address in (getattr(told, field, None) for field in ("board", "card", "station"))


async def ask_amid_garbage(
    board: LockBoard, hardware: Hardware, served: Served, noise: Iterator[bytes], answers: int
) -> tuple[int, int]:
    """How many of so many questions were answered, and how many of the answers said what is not so."""
    wire = served.buses["bus"].wire
    heard, line = wire.heard, hardware.lines["bus"]

    def surrounded(data: bytes) -> None:
        wire.send(next(noise))
        heard(data)
        wire.send(next(noise))

    wire.heard = surrounded
    answered = wrong = 0
    for _ in range(answers):
        try:
            readings = await board.doors()
        except (BoardError, PortError):
            for silence in line._silent.values():
                silence.ask_again_at = 0.0
            await asyncio.sleep(0.01)
        else:
            answered += 1
            wrong += any(readings.doors.values())
    wire.heard = heard
    return answered, wrong


async def one_board(sort: Sort, folder: Path, seed: str, answers: int) -> tuple[int, int]:
    folder.mkdir()
    luck, file = random.Random(seed), sort.file(CHANNELS)
    served = Served(file, folder, tcp=sort.on_tcp, turn_round_seconds=0.0)
    ports = await served.plug_in()
    served.buses["bus"].wire.byte_seconds /= 100
    good = [frame for frame in JUDGES[sort.kind].good if not is_of(sort, frame)]
    noise = garbage(luck, 4 * CHANNELS * answers + 100, good)
    try:
        async with assemble(file, ports) as hardware:
            board = hardware.boards["board"]
            figures = await ask_amid_garbage(board, hardware, served, noise, answers)
            assert served.cabinet.longest_energised() == 0.0
            hardware.lines["bus"]._silent.clear()
            began = asyncio.get_running_loop().time()
            await board.doors()
            assert asyncio.get_running_loop().time() - began < 0.3
            return figures
    finally:
        served.unplug()


@pytest.mark.row("G1")
@pytest.mark.parametrize("answers", [50, long_form(10_000, 900)])
@pytest.mark.parametrize("name", [name for name in SORTS if name not in WITHOUT_A_CHECK])
async def test_g1_garbage_around_answers_changes_no_door(tmp_path, name, answers, reached):
    boards = [
        one_board(SORTS[name], tmp_path / str(n), f"{name} {n}", answers // AT_ONCE) for n in range(AT_ONCE)
    ]
    told = await asyncio.gather(*boards)
    answered, wrong = (sum(figures) for figures in zip(*told, strict=True))
    figure = f"{answered} of {answers}, {wrong} of them wrong"
    reached("G1", goal="> 99 % found in garbage, none of them wrong", figure=figure, seed=name)
    assert answered > 0.99 * answers
    assert wrong == 0
