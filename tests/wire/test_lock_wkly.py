"""What only WKLY boards do: they speak without having been asked, and say when they cannot."""

import asyncio
import json
from functools import reduce
from operator import xor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.cabinet import parse
from config.cabinet.one_board import one_board
from firmware_bridge.errors import BoardRefused, BoardSilent
from firmware_bridge.frames import Sender
from firmware_bridge.line import Refused
from firmware_bridge.lock_wkly import (
    AllStates,
    Changed,
    Done,
    Failed,
    LockState,
    LockWkly,
    NeverSent,
    OpenLock,
    ReadAll,
    ReadLock,
    frames_in,
    read_frame,
)
from firmware_bridge.ports import PulseAnswer
from simulators import lock_wkly as far
from simulators.cabinet import Cabinet
from simulators.serve import Served
from tests.wire.test_every_lock_family import Bench, assemble, file_with

VECTORS = [
    vector
    for vector in json.loads((Path(__file__).parent / "vectors.json").read_text())
    if vector["protocol"] == "lock-wkly"
]
MEANT = {
    "open channel 1, board 0": OpenLock(0, 1),
    "reply: ok, channel 1, door open": LockState(0, 0x82, 0, 1, 0),
    "query channel 1": ReadLock(0, 1),
    "reply: ok, channel 1, open": LockState(0, 0x83, 0, 1, 0),
    "query all channels": ReadAll(0),
    "reply: ok, 24 channels, all 00": AllStates(0, 0, bytes(24)),
    "open all": NeverSent(0, 0x86, b""),
    "reply: open-all accepted": Done(0, 0x86, 0, b""),
    "open channels 1,2,3 at once (count then list)": NeverSent(0, 0x80, bytes([3, 1, 2, 3])),
    "reply: simultaneous open accepted": Done(0, 0x80, 0, b""),
    "flash channel 1": NeverSent(0, 0x81, bytes([1])),
    "door-change upload: channel 1 closed": Changed(0, 1, 1),
    "open channel 1, board 1": OpenLock(1, 1),
    "reply: channel 2 held on": Done(0, 0x88, 0, bytes([2])),
    "dispenser board: motor run accepted, 0 remaining": Done(0, 0x90, 0, bytes([0])),
}
HEADER_XOR = reduce(xor, b"WKLY")


def yes() -> bool:
    return True


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["meaning"])
def test_every_frame_means_what_its_source_says(vector):
    frame = bytes.fromhex(vector["hex"])
    sender = Sender.HOST if vector["direction"] == "host->device" else Sender.BOARD
    assert read_frame(frame).meaning
    told = read_frame(frame, sender)
    assert told == MEANT[vector["meaning"]]
    assert str(told.board) in told.meaning
    if isinstance(told, NeverSent):
        assert not hasattr(told, "to_bytes")
    else:
        assert told.to_bytes() == frame


def test_the_check_covers_the_header_and_the_length():
    # For nine bytes the header and the length cancel out, so that an XOR of the payload alone looks right.
    for frame, alike in ((OpenLock(0, 1).to_bytes(), True), (ReadAll(0).to_bytes(), False)):
        payload_only = frame[:-1] + bytes([reduce(xor, frame[5:-1])])
        assert (payload_only == frame) is alike
        if not alike:
            with pytest.raises(ValueError, match="wrong check byte"):
                read_frame(payload_only)
    assert HEADER_XOR == 9


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("0b0082020100", "status 02 is none of 00, ff"),
        ("0b0082000102", "switch 02 is none of 00, 01"),
        ("0b0082000001", "lock 0 is not between 1 and 50"),
        ("0c008400040001", "count 04 does not fit 2 switches"),
        ("0a00840002" + "00", "count 02 does not fit 1 switches"),
        ("092082" + "01", "board 32 is not 0 to 31"),
        ("0900830" + "0", "lock 0 is not between 1 and 50"),
        ("090083fe", "lock 254 is not between 1 and 50"),
        ("0a00800200" + "01", "lock 0 is not between 1 and 50"),
        ("0a0087020163", "lock 99 is not between 1 and 50"),
        ("09008833", "lock 51 is not between 1 and 50"),
        ("0a00880033", "lock 51 is not between 1 and 50"),
        ("0a00840000", "count 0 is not between 1 and 50"),
        ("0a00840033" + "00" * 51, "count 51 is not between 1 and 50"),
        ("0900770" + "1", "there is no command 77"),
        ("08008" + "2", "1 bytes of data are wanted, not 0"),
    ],
)
def test_a_frame_that_says_what_cannot_be_is_refused_with_the_field(body, reason):
    raw = b"WKLY" + bytes.fromhex(body)
    raw = raw[:4] + bytes([len(raw) + 1]) + raw[5:]
    with pytest.raises(ValueError, match=reason):
        read_frame(raw + bytes([reduce(xor, raw)]))


def test_the_same_bytes_are_a_failure_from_a_board_and_a_lock_that_is_none_from_a_host():
    frame = Failed(0, 0x83).to_bytes()
    assert read_frame(frame) == read_frame(frame, Sender.BOARD) == Failed(0, 0x83)
    with pytest.raises(ValueError, match="lock 255 is not between 1 and 50"):
        read_frame(frame, Sender.HOST)


@given(st.binary(max_size=60), st.integers(0, 31), st.integers(1, 50))
def test_noise_is_never_an_answer_without_its_check(received, address, channel):
    board = LockWkly("b", None, address, 50)
    assert board.opened(received, channel) is None or b"WKLY" in received
    for told in frames_in(received):
        assert told.to_bytes() in received


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_a_simulated_board_survives_any_bytes_in_any_pieces(pieces):
    cabinet = Cabinet(lambda: 0.0)
    cabinet.build("a")
    board = far.LockWkly("b", 1, 8, cabinet, {1: "a"}, {1: "a"})
    received = b""
    for piece in pieces:
        frames, received = board.split(received + b"WKLY" + piece)
        for frame in frames:
            board.hear(frame, 1)


def test_a_board_that_could_not_says_so():
    board = LockWkly("b", None, 1, 8)
    assert board.opened(LockState(1, 0x82, 0xFF, 3, 1).to_bytes(), 3) is False
    assert board.opened(LockState(1, 0x82, 0x00, 3, 1).to_bytes(), 3) is True
    assert board.opened(LockState(1, 0x82, 0x00, 4, 1).to_bytes(), 3) is None
    assert board.opened(LockState(2, 0x82, 0x00, 3, 1).to_bytes(), 3) is None
    assert board.opened(Changed(1, 3, 0).to_bytes(), 3) is None


def test_a_board_that_could_not_says_so_without_naming_the_lock():
    board = LockWkly("b", None, 1, 8)
    assert board.opened(Failed(1, 0x82).to_bytes(), 3) is False
    assert board.opened(Failed(1, 0x83).to_bytes(), 3) is None
    assert board.opened(Failed(2, 0x82).to_bytes(), 3) is None


@pytest.mark.parametrize("told", [Failed(1, 0x84), AllStates(1, 0xFF, bytes(8)), AllStates(1, 0xFF, b"")])
def test_a_reading_that_failed_is_a_refusal_and_no_switch(told):
    (question,) = LockWkly("b", None, 1, 8).questions()
    assert question.take(told.to_bytes(), True) == Refused(0xFF)
    assert read_frame(told.to_bytes(), Sender.BOARD) == told
    assert told.meaning == "board 1, answer to reading all: failed"


@pytest.fixture
async def bench(tmp_path):
    file = file_with("lock_wkly")
    served = Served(file, tmp_path)
    async with assemble(file, await served.plug_in()) as hardware:
        yield Bench(served, hardware)
    served.unplug()


async def test_a_change_that_is_told_between_request_and_answer_is_neither(bench):
    await bench.breaks("upload_between")
    pulse = await bench.board.open(3, yes)
    assert pulse.answer is PulseAnswer.ACCEPTED
    await bench.after(pulse)
    assert (await bench.board.doors()).doors == {channel: channel == 3 for channel in range(1, 9)}
    await bench.breaks("answer_lost")
    assert (await bench.board.open(1, yes)).answer is PulseAnswer.NO_ANSWER
    crossed = await bench.served.crossed("bus")
    told = b"".join(bytes.fromhex(data) for _, to_host, data in crossed if to_host)
    changes = [frame for frame in frames_in(told) if isinstance(frame, Changed) and frame.lock == 1]
    assert len(changes) >= 3, "one with each request"


async def test_the_whole_answer_of_fifty_locks_is_waited_for(tmp_path):
    # 60 bytes at 9600 baud behind a slow board: 0.2 s, where 16 bytes would be given up after 0.17 s.
    raw = one_board("lock_wkly", 1, 50, 9600)
    far = Served(parse(raw), tmp_path, turn_round_seconds=0.12)
    async with assemble(parse(raw), await far.plug_in()) as hardware:
        assert hardware.flagged == []
        (board,) = hardware.boards.values()
        assert (await board.doors()).doors == dict.fromkeys(range(1, 51), False)
    far.unplug()


async def test_a_board_that_fails_is_told_as_one_that_refuses(bench):
    bench.served.buses["bus"].boards[0].fails = True
    assert (await bench.board.open(3, yes)).answer is PulseAnswer.REFUSED
    with pytest.raises(BoardRefused, match="code 255"):
        await bench.board.doors()
    assert bench.standing_open() == []


async def test_changes_told_on_a_wire_where_nobody_answers_are_no_bad_answers(bench):
    reopened = []
    bench.board.line.wire.lost = reopened.append
    await bench.breaks("upload_between")
    await bench.breaks("answer_lost")
    for _ in range(3):
        with pytest.raises(BoardSilent) as told:
            await bench.board.doors()
        await asyncio.sleep(told.value.retry_after)
    await bench.board.open(1, yes)
    assert reopened == []
    assert bench.board.line.wire.is_open


def test_changes_with_anything_else_among_them_are_noise():
    board, change = LockWkly("b", None, 1, 8), Changed(2, 3, 0).to_bytes()
    assert board.is_unasked(change)
    assert board.is_unasked(change + change)
    for noise in (b"", b"\xff", change + b"\xff", b"\xff" + change, change[:-1], change + change[:5]):
        assert not board.is_unasked(noise)
    assert not board.is_unasked(LockState(2, 0x82, 0, 3, 0).to_bytes())


async def test_a_board_tells_a_door_that_is_pushed_shut_and_nobody_mistakes_it(bench, wait_until):
    sent = bench.served.buses["bus"].wire.bytes_out
    bench.served.cabinet.force("A2")
    await wait_until(lambda: bench.served.buses["bus"].wire.bytes_out >= sent + 10)
    opening = asyncio.create_task(bench.board.open(5, yes))
    for _ in range(20):
        bench.served.cabinet.close("A2")
        await asyncio.sleep(0.005)
        bench.served.cabinet.force("A2")
    assert (await opening).answer is PulseAnswer.ACCEPTED
