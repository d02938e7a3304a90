import asyncio
import contextlib
import socket
import statistics

import pytest

from firmware_bridge.errors import BadFrame, BoardSilent, PortError, PortUnavailable
from firmware_bridge.line import Direction, Line, Wire
from firmware_bridge.line.turns import KEPT_FREE_SECONDS
from firmware_bridge.lock_8a80 import Lock8A80
from firmware_bridge.ports import PulseAnswer
from simulators.faults import Cause


def yes() -> bool:
    return True


async def test_an_unlock_overtakes_polls_that_wait(locker):
    polls = [asyncio.create_task(board.doors()) for board in locker.boards]
    await asyncio.sleep(0)
    await locker.boards[3].open(1, yes)
    await asyncio.gather(*polls)
    order = [frame.hex()[:2] for _, frame in locker.bus.requests]
    assert order == ["80", "8a", *["80"] * 7]


async def test_no_poll_begins_while_an_unlock_is_expected(locker):
    locker.line.keep_free()
    poll = asyncio.create_task(locker.boards[0].doors())
    await asyncio.sleep(0.05)
    assert not locker.bus.requests
    await locker.boards[3].open(1, yes)
    await poll
    assert [frame.hex()[:2] for _, frame in locker.bus.requests] == ["8a", "80"]


async def test_a_wire_kept_free_for_nobody_is_polled_again_soon(locker):
    loop = asyncio.get_running_loop()
    began = loop.time()
    for _ in range(3):  # a reader that types rubbish: the second and third time count for nothing
        locker.line.keep_free()
        await locker.board.doors()
    assert KEPT_FREE_SECONDS <= loop.time() - began < 2 * KEPT_FREE_SECONDS


async def test_a_vanished_port_is_told_and_comes_back_within_three_seconds(locker, wait_until):
    await locker.board.doors()
    locker.bus.wire.cut()
    await wait_until(lambda: not locker.wire.is_open)
    with pytest.raises(PortError, match="vanished"):
        await locker.board.doors()
    lost = await locker.board.open(1, yes)
    assert (lost.answer, lost.sent_at) == (PulseAnswer.NO_ANSWER, None)

    await locker.bus.wire.restore()
    healed = asyncio.get_running_loop().time()
    await wait_until(lambda: locker.wire.is_open, seconds=3)
    assert (await locker.board.doors()).answered_at - healed < 3
    assert locker.frames("8a") == []


async def test_an_opening_whose_port_vanishes_meanwhile_has_no_answer(locker, wait_until):
    locker.breaks(Cause.BOARD_SILENT, "b1")
    opening = asyncio.create_task(locker.board.open(1, yes))
    await wait_until(lambda: locker.bus.wire.bytes_in)
    locker.bus.wire.cut()
    pulse = await opening
    assert pulse.answer is PulseAnswer.NO_ANSWER
    assert pulse.sent_at is not None


async def test_a_port_that_does_not_exist_is_named_with_the_reason(tmp_path):
    wire = Wire(str(tmp_path / "nothing"))
    with pytest.raises(PortUnavailable, match="nothing cannot be opened: No such file") as told:
        await wire.open()
    assert told.value.port == str(tmp_path / "nothing")
    assert wire.fault is told.value
    await wire.close()


async def test_a_port_that_another_program_has_is_refused(locker):
    second = Wire(locker.wire.address)
    with pytest.raises(PortUnavailable):
        await second.open()
    await second.close()


async def test_a_socket_address_without_a_port_is_refused():
    wire = Wire("socket://somewhere")
    with pytest.raises(PortUnavailable, match="expected socket://host:port"):
        await wire.open()
    await wire.close()


async def test_one_dead_board_of_eight_costs_the_others_less_than_a_tenth(locker):
    locker.breaks(Cause.BOARD_SILENT, "b5")

    async def poll(board: Lock8A80) -> None:
        while True:
            try:
                await board.doors()
            except BoardSilent as silent:
                await asyncio.sleep(min(silent.retry_after, 0.2))

    polls = [asyncio.create_task(poll(board)) for board in locker.boards]
    await asyncio.sleep(2.5)  # three failures
    locker.bus.requests.clear()
    start = asyncio.get_running_loop().time()
    waits = []
    for number in range(20):
        before = asyncio.get_running_loop().time()
        await locker.boards[number % 4].open(1 + number % 8, yes)
        waits.append(asyncio.get_running_loop().time() - before)
        await asyncio.sleep(0.12)
    asked = len(locker.frames("8005"))
    lasted = asyncio.get_running_loop().time() - start
    for task in polls:
        task.cancel()
    await asyncio.gather(*polls, return_exceptions=True)
    # Each try costs the reply time and as much silence again; at most one falls into these seconds.
    assert asked * 2 * locker.board.reply_seconds <= max(0.1 * lasted, 2 * locker.board.reply_seconds)
    assert max(waits) < 0.5
    assert statistics.median(waits) < 0.05


async def test_a_board_that_comes_back_is_heard_within_three_seconds(locker):
    locker.breaks(Cause.BOARD_SILENT, "b1")
    for failure in range(3):
        with pytest.raises(BoardSilent) as told:
            await locker.board.doors()
        if failure < 2:
            await asyncio.sleep(told.value.retry_after)
    locker.works_again(Cause.BOARD_SILENT, "b1")
    await asyncio.sleep(told.value.retry_after)
    assert told.value.retry_after < 3
    assert (await locker.board.doors()).doors


async def test_a_silent_board_says_when_to_come_back_and_the_pause_grows(locker):
    locker.breaks(Cause.BOARD_SILENT, "b1")
    pauses = []
    for _ in range(3):
        with pytest.raises(BoardSilent) as told:
            await locker.board.doors()
        pauses.append(told.value.retry_after)
        locker.line._silent["b1"].ask_again_at = 0.0
    cost = 21 * 10 / 57600 + 2 * locker.board.reply_seconds
    assert pauses == pytest.approx([cost, 3 * cost, 10 * cost])


async def test_two_bad_answers_reopen_the_port(locker, wait_until):
    locker.breaks(Cause.WRONG_CHECK, "b1")
    opened = []
    was_lost = locker.wire.lost
    locker.wire.lost = lambda error: (opened.append(str(error)), was_lost(error))
    for _ in range(2):
        with pytest.raises((BadFrame, BoardSilent)):
            await locker.board.doors()
        locker.line._silent["b1"].ask_again_at = 0.0
    locker.works_again(Cause.WRONG_CHECK, "b1")
    await wait_until(lambda: locker.wire.is_open)
    assert len(opened) == 1
    assert (await locker.board.doors()).doors


async def test_an_echo_beside_a_silent_board_is_no_bad_answer(locker):
    reopened = []
    locker.wire.lost = reopened.append
    locker.breaks(Cause.ECHO, "bus")
    locker.breaks(Cause.BOARD_SILENT, "b1")
    for _ in range(3):
        with pytest.raises(BoardSilent) as told:
            await locker.board.doors()
        await asyncio.sleep(told.value.retry_after)
    assert (await locker.boards[1].doors()).doors
    assert reopened == []


async def test_continuous_noise_opens_nothing_and_ends_with_the_noise(locker):
    locker.breaks(Cause.NOISE, "bus", 2000)
    before = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() < before + 1.5:
        with contextlib.suppress(BadFrame, BoardSilent, PortError):
            readings = await locker.board.doors()
            assert not any(readings.doors.values())
        locker.line._silent["b1"].ask_again_at = 0.0
        await asyncio.sleep(0.01)
    locker.works_again(Cause.NOISE, "bus")
    locker.line._silent["b1"].ask_again_at = 0.0
    healed = asyncio.get_running_loop().time()
    while True:
        try:
            await locker.board.doors()
            break
        except (BadFrame, BoardSilent, PortError):
            await asyncio.sleep(0.05)
    assert asyncio.get_running_loop().time() - healed < 3


async def test_the_trace_has_every_byte_with_its_direction(locker):
    heard = []
    locker.wire.trace = lambda at, direction, data: heard.append((direction, data))
    await locker.board.doors()
    sent = b"".join(data for direction, data in heard if direction is Direction.SENT)
    received = b"".join(data for direction, data in heard if direction is Direction.RECEIVED)
    assert sent.hex() == "80010033b2"
    assert received.hex() == "80010000ff33" + f"{0x80 ^ 0x01 ^ 0xFF ^ 0x33:02x}"
    assert locker.wire.last_sent_at < locker.wire.last_received_at


async def test_a_gateway_works_like_a_port(locker_on_tcp):
    assert (await locker_on_tcp.board.open(1, yes)).answer is PulseAnswer.ACCEPTED
    assert len((await locker_on_tcp.board.doors()).doors) == 8


async def test_an_unanswered_opening_behind_a_gateway_closes_the_connection_hard(wait_until):
    accepted: list[socket.socket] = []
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as gateway:
        gateway.setblocking(False)
        wire = Wire(f"socket://127.0.0.1:{gateway.getsockname()[1]}")
        line = Line(wire)
        await wire.open()
        accepted.append((await loop.sock_accept(gateway))[0])
        pulse = await Lock8A80("b1", line, 1, 8).open(1, yes)
        assert pulse.answer is PulseAnswer.NO_ANSWER
        assert await loop.sock_recv(accepted[0], 100) == bytes.fromhex("8a0101119b")
        with pytest.raises(ConnectionResetError):
            await loop.sock_recv(accepted[0], 100)
        accepted.append((await loop.sock_accept(gateway))[0])
        await wire.close()
        for connection in accepted:
            connection.close()


async def test_a_gateway_that_goes_and_returns_is_found_again(locker_on_tcp, wait_until):
    await locker_on_tcp.board.doors()
    locker_on_tcp.bus.wire.cut()
    await wait_until(lambda: not locker_on_tcp.wire.is_open)
    await locker_on_tcp.bus.wire.restore()
    await wait_until(lambda: locker_on_tcp.wire.is_open, seconds=3)
    assert (await locker_on_tcp.board.open(1, yes)).answer is PulseAnswer.ACCEPTED


async def test_a_caller_that_gives_up_leaves_the_line_to_the_others(locker):
    locker.breaks(Cause.BOARD_SILENT, "b1")
    waiting = asyncio.create_task(locker.board.doors())
    queued = asyncio.create_task(locker.boards[1].doors())
    await asyncio.sleep(0.05)
    waiting.cancel()
    queued.cancel()
    await asyncio.gather(waiting, queued, return_exceptions=True)
    assert (await locker.boards[2].doors()).doors
