import asyncio

import pytest

from firmware_bridge.errors import BadFrame, BoardSilent, WrongUse
from firmware_bridge.lock_8a80 import AllStates, Lock8A80, OpenLock, read_frame, with_check
from firmware_bridge.ports import PulseAnswer
from simulators import lock_8a80
from simulators.cabinet import Door
from simulators.faults import Cause


def yes() -> bool:
    return True


async def test_one_pulse_springs_one_door_open(locker, wait_until):
    pulse = await locker.board.open(3, yes)

    assert pulse.answer is PulseAnswer.ACCEPTED
    assert pulse.sent_at < pulse.answered_at < pulse.ends_at
    await wait_until(lambda: locker.cabinet.compartment("1-3").door is Door.AJAR)
    assert [c for c in locker.cabinet.labels() if locker.cabinet.compartment(c).door is not Door.CLOSED] == [
        "1-3"
    ]
    assert (await locker.board.doors()).doors == {channel: channel == 3 for channel in range(1, 9)}


async def test_a_first_opening_waits_for_a_pulse_that_an_earlier_program_began(locker):
    await locker.board.open(1, yes)
    await Lock8A80("b1", locker.line, 1, 8, pulse_ms=150).open(1, yes)
    await asyncio.sleep(0.2)
    assert locker.cabinet.longest_energised() == pytest.approx(0.15)
    assert len(locker.cabinet.compartment("1-1").energised) == 2


async def test_the_answer_does_not_say_that_a_door_opened(locker):
    locker.breaks(Cause.LATCH_JAMMED, "1-1")
    pulse = await locker.board.open(1, yes)
    await asyncio.sleep(pulse.ends_at - asyncio.get_running_loop().time())
    assert pulse.answer is PulseAnswer.ACCEPTED
    assert (await locker.board.doors()).doors[1] is False


async def test_a_permit_that_says_no_sends_not_one_byte(locker):
    before = locker.bus.wire.bytes_in
    pulse = await locker.board.open(1, lambda: False)
    await locker.board.doors()
    assert (pulse.answer, pulse.sent_at) == (PulseAnswer.WITHHELD, None)
    assert locker.frames("8a") == []
    assert locker.bus.wire.bytes_in == before + 5


async def test_the_permit_is_asked_when_the_line_is_free_and_not_before(locker):
    asked = []
    locker.breaks(Cause.BOARD_SILENT, "b2")
    poll = asyncio.create_task(locker.boards[1].doors())
    await asyncio.sleep(0)
    opening = asyncio.create_task(locker.board.open(1, lambda: asked.append(poll.done()) or True))
    assert (await opening).answer is PulseAnswer.ACCEPTED
    assert asked == [True]
    with pytest.raises(BoardSilent):
        await poll


async def test_an_opening_without_an_answer_is_sent_once_and_told_as_such(locker, wait_until):
    locker.breaks(Cause.ANSWER_LOST, "b1")
    pulse = await locker.board.open(2, yes)
    assert pulse.answer is PulseAnswer.NO_ANSWER
    assert pulse.sent_at is not None
    assert pulse.answered_at is None
    await wait_until(lambda: locker.cabinet.compartment("1-2").door is Door.AJAR)
    locker.works_again(Cause.ANSWER_LOST, "b1")
    assert (await locker.board.doors()).doors[2] is True
    assert locker.frames("8a") == [OpenLock(1, 2).to_bytes().hex()]


async def test_a_wrong_check_byte_is_no_answer(locker):
    locker.breaks(Cause.WRONG_CHECK, "b1")
    assert (await locker.board.open(1, yes)).answer is PulseAnswer.NO_ANSWER
    with pytest.raises(BadFrame) as told:
        await locker.board.doors()
    assert (told.value.board, told.value.port) == ("b1", locker.wire.address)
    assert told.value.frame
    assert len(locker.frames("8a")) == 1


async def test_the_answer_of_another_board_is_no_answer(locker):
    locker.breaks(Cause.ANSWERS_AS_ANOTHER, "b1", 2)
    assert (await locker.board.open(1, yes)).answer is PulseAnswer.NO_ANSWER
    with pytest.raises(BadFrame):
        await locker.board.doors()


async def test_a_late_answer_is_taken_for_none_and_for_no_later_question(locker, wait_until):
    locker.breaks(Cause.LATE_REPLY, "b1", 0.2)
    late = await locker.board.open(1, yes)
    locker.works_again(Cause.LATE_REPLY, "b1")
    sent = locker.bus.wire.bytes_out

    nxt = await locker.board.open(2, yes)

    assert late.answer is PulseAnswer.NO_ANSWER
    assert nxt.answer is PulseAnswer.ACCEPTED
    assert locker.bus.wire.bytes_out >= sent + 5
    assert nxt.sent_at - late.sent_at > 2 * locker.board.reply_seconds
    await wait_until(lambda: locker.cabinet.compartment("1-2").door is Door.AJAR)


async def test_a_door_state_asked_before_a_late_answer_is_not_believed(locker):
    locker.breaks(Cause.LATE_REPLY, "b1", 0.2)
    with pytest.raises(BoardSilent) as told:
        await locker.board.doors()
    locker.works_again(Cause.LATE_REPLY, "b1")
    locker.cabinet.pulse("1-1", 0.15)
    await asyncio.sleep(told.value.retry_after)
    assert (await locker.board.doors()).doors[1] is True


@pytest.mark.parametrize("cause", [Cause.MERGED, Cause.GARBAGE_BEFORE])
async def test_answers_merged_into_one_read_or_after_garbage_are_understood(locker, cause):
    locker.breaks(cause, "bus" if cause is Cause.MERGED else "b1")
    assert (await locker.board.open(1, yes)).answer is PulseAnswer.ACCEPTED
    assert set((await locker.board.doors()).doors) == set(range(1, 9))


async def test_an_echo_of_the_unlock_is_not_its_acknowledgement(locker):
    locker.breaks(Cause.ECHO, "bus")
    await locker.board.doors()
    assert locker.line.echoes is True
    assert (await locker.board.open(1, yes)).answer is PulseAnswer.ACCEPTED
    locker.breaks(Cause.ANSWER_LOST, "b1")
    assert (await locker.board.open(2, yes)).answer is PulseAnswer.NO_ANSWER


async def test_an_adapter_that_stops_echoing_is_noticed(locker):
    locker.breaks(Cause.ECHO, "bus")
    await locker.board.doors()
    locker.works_again(Cause.ECHO, "bus")
    await locker.board.doors()
    assert locker.line.echoes is False
    assert (await locker.board.open(1, yes)).answer is PulseAnswer.ACCEPTED


async def test_two_boards_with_one_address_that_differ_give_no_answer(locker):
    locker.breaks(Cause.TWO_WITH_ONE_ADDRESS, "b1", other="b2")
    locker.cabinet.pulse("1-1", 0.15)
    locker.cabinet.pulse("2-2", 0.15)
    await asyncio.sleep(0.1)
    with pytest.raises(BadFrame):
        await locker.board.doors()


@pytest.mark.parametrize(
    ("closed_value", "byte_order"), [(1, "last"), (0, "last"), (1, "first"), (0, "first")]
)
async def test_polarity_and_byte_order_are_read_as_the_profile_says(locker, closed_value, byte_order):
    wired = {channel: f"1-{channel}" for channel in range(1, 9)}
    there = lock_8a80.Lock8A80("b1", 1, 24, locker.cabinet, wired, wired, 0.15, closed_value, byte_order)
    locker.bus.boards = [there]
    board = Lock8A80("b1", locker.line, 1, 8, closed_value=closed_value, byte_order=byte_order)
    locker.cabinet.pulse("1-8", 0.15)
    await asyncio.sleep(0.1)
    assert (await board.doors()).doors == {channel: channel == 8 for channel in range(1, 9)}


@pytest.mark.parametrize("channels", [8, 24, 32, 50])
async def test_the_length_of_the_answer_is_learned_not_derived(locker, channels):
    wired = {channel: f"1-{channel}" for channel in range(1, 9)}
    locker.bus.boards = [lock_8a80.Lock8A80("b1", 1, channels, locker.cabinet, wired, wired, 0.15)]
    board = Lock8A80("b1", locker.line, 1, 8)
    first = await board.doors()
    second = await board.doors()
    assert first.doors == second.doors
    assert len(second.doors) == 8


async def test_a_board_replaced_by_a_larger_one_is_still_read(locker):
    await locker.board.doors()
    wired = {channel: f"1-{channel}" for channel in range(1, 9)}
    locker.bus.boards = [lock_8a80.Lock8A80("b1", 1, 50, locker.cabinet, wired, wired, 0.15)]
    assert set((await locker.board.doors()).doors) == set(range(1, 9))


async def test_channels_that_a_board_does_not_have_are_a_mistake_of_the_caller(locker):
    for channel in (0, 9, -1):
        with pytest.raises(WrongUse):
            await locker.board.open(channel, yes)
    assert locker.frames("8a") == []


@pytest.mark.parametrize(
    "profile", [(0, 8, 300), (33, 8, 300), (1, 0, 300), (1, 51, 300), (1, 8, 0), (1, 8, 1001)]
)
def test_a_profile_that_no_board_has_is_refused(profile):
    address, channels, pulse_ms = profile
    with pytest.raises(WrongUse):
        Lock8A80("b", None, address, channels, pulse_ms=pulse_ms)


@pytest.mark.parametrize(("board", "lock", "seconds"), [(1, 0, None), (0, 1, None), (33, 1, None), (1, 1, 9)])
def test_frames_that_open_all_or_pulse_too_long_cannot_be_made(board, lock, seconds):
    with pytest.raises(ValueError, match=r"not between|burns"):
        OpenLock(board, lock, seconds)


def test_bits_of_the_status_bytes_by_order():
    told = AllStates.from_bytes(bytes.fromhex("800100000133b3"))
    assert [channel for channel, bit in told.bits("last").items() if bit] == [1]
    assert [channel for channel, bit in told.bits("first").items() if bit] == [17]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("8a 01 63 11", "from a host, lock 99 is not between 1 and 50"),
        ("8a 00 01 11", "from a host, board 0 is not between 1 and 32"),
        ("8a 01 01 22", "from a board, state 22 is neither 00 nor 11"),
        ("8a 01 01 11 05", "a pulse of 5 s is not 1 s; a longer one burns a coil"),
        ("80 01 33 33", "from a host, lock 51 is not between 1 and 50"),
        ("80 21 00 33", "from a host, board 33 is not between 1 and 32"),
        ("80 ff 01 11", "from a board, board 255 is not between 1 and 32"),
        ("80 01 00 11", "from a board, lock 0 is not between 1 and 50"),
        ("80 28 00 00 00 33", "from a board, board 40 is not between 1 and 32"),
        ("9a 01 00 11", "from a host, lock 0 is not between 1 and 50"),
        ("9b 21 01 11", "from a host, board 33 is not between 1 and 32"),
        ("8a 21 00 11", "from a host, board 33 is not between 1 and 32"),
    ],
)
def test_a_frame_that_says_what_cannot_be_is_refused_with_the_field(body, reason):
    with pytest.raises(ValueError, match=reason):
        read_frame(with_check(bytes.fromhex(body)))
