"""Modbus TCP: the same cards behind a gateway that numbers requests; nothing but their own answers counts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from firmware_bridge.assemble import Hardware, assemble
from firmware_bridge.errors import BadFrame, BoardRefused, BoardSilent, PortUnavailable
from firmware_bridge.line import Direction, Wire
from firmware_bridge.lock_modbus import LockModbus
from firmware_bridge.modbus import ModbusBus, tcp
from firmware_bridge.ports import PulseAnswer
from simulators.serve import Served

Answer = Callable[[bytes], bytes | None]


def yes() -> bool:
    return True


@pytest.fixture
async def bench(tmp_path: Path, two_cards) -> AsyncIterator[tuple[Served, Hardware]]:
    file = two_cards("modbus-tcp://127.0.0.1:502")
    served = Served(file, tmp_path)
    ports = await served.plug_in()
    assert ports["bus"].startswith("modbus-tcp://127.0.0.1:")
    async with assemble(file, ports) as hardware:
        assert hardware.flagged == []
        yield served, hardware
    served.unplug()


class Gateway:
    """A gateway of the test's own, which says what the test wants said."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.answer: Answer = lambda request: None
        self.ends: list[str] = []
        self.writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        try:
            while request := await reader.read(300):
                self.requests.append(request)
                if (answer := self.answer(request)) is not None:
                    writer.write(answer)
            self.ends.append("closed")
        except ConnectionResetError:
            self.ends.append("reset")
        finally:
            writer.close()


@pytest.fixture
async def gateway() -> AsyncIterator[tuple[Gateway, LockModbus]]:
    """The gateway and a driver of card 1 behind it, of which all outputs are known to be off."""
    there = Gateway()
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0)
    wire = Wire(f"modbus-tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}", baud=57600)
    bus = ModbusBus(wire)
    await wire.open()
    yield there, LockModbus("card", bus, 1, 8, _released=True)
    await wire.close()
    server.close()


def under(request: bytes, unit_and_more: bytes, transaction: bytes | None = None) -> bytes:
    """An answer, to this request or under another transaction."""
    return (transaction or request[:2]) + bytes([0, 0, 0, len(unit_and_more)]) + unit_and_more


ALL_CLOSED = bytes.fromhex("010201ff")
ONE_OPEN = bytes.fromhex("010201fe")


async def test_a_cabinet_behind_modbus_tcp_opens_and_reads_like_any_other(bench):
    served, hardware = bench
    for name, channel in (("a", 3), ("b", 8)):
        pulse = await hardware.boards[name].open(channel, yes)
        assert pulse.answer is PulseAnswer.ACCEPTED
        await asyncio.sleep(pulse.ends_at - asyncio.get_running_loop().time())
        assert [ch for ch, is_open in (await hardware.boards[name].doors()).doors.items() if is_open] == [
            channel
        ]
    assert sorted(served.cabinet.standing_open()) == ["A3", "B8"]
    assert (await hardware.thermometers["air"].air()).celsius == 21.0


async def test_every_request_has_a_number_of_its_own_and_no_crc(bench):
    _, hardware = bench
    sent = []
    hardware.wires["bus"].trace = lambda at, way, data: sent.append(data) if way is Direction.SENT else None
    await asyncio.gather(*(board.doors() for board in hardware.boards.values()))
    await hardware.boards["a"].open(1, yes)
    assert [frame[2:].hex() for frame in sent] == [
        "00000006010200000008", "00000006020400000001", "00000006010502000002"
    ]  # fmt: skip
    assert len({frame[:2] for frame in sent}) == 3


async def test_a_card_that_refuses_is_told_from_one_that_is_silent(bench):
    served, hardware = bench
    small = LockModbus("a", hardware.boards["a"].bus, 1, 16, pulse_ms=200, _released=True)
    assert (await small.open(16, yes)).answer is PulseAnswer.REFUSED
    with pytest.raises(BoardRefused):
        await small.doors()
    await served.fault("board_silent", "a")
    with pytest.raises(BoardSilent):
        await hardware.boards["a"].doors()


async def test_a_late_answer_is_taken_for_none_and_for_no_later_question(bench):
    served, hardware = bench
    board = hardware.boards["a"]
    await served.fault("late_reply", "a", board.reply_seconds + 0.2)
    with pytest.raises(BoardSilent) as told:
        await board.doors()
    await served.repair("late_reply", "a")
    served.cabinet.pulse("A1", 0.15)
    await asyncio.sleep(told.value.retry_after)
    with contextlib.suppress(BoardSilent, BadFrame):
        assert (await board.doors()).doors[1] is True
    await asyncio.sleep(0.5)
    assert (await board.doors()).doors == {channel: channel == 1 for channel in range(1, 9)}


async def test_a_gateway_that_goes_and_returns_is_found_again(bench, wait_until):
    served, hardware = bench
    served.buses["bus"].wire.cut()
    await wait_until(lambda: not hardware.wires["bus"].is_open)
    assert (await hardware.boards["a"].open(1, yes)).sent_at is None
    await served.buses["bus"].wire.restore()
    await wait_until(lambda: hardware.wires["bus"].is_open, seconds=3)
    assert (await hardware.boards["a"].open(1, yes)).answer is PulseAnswer.ACCEPTED


async def test_the_simulated_gateway_says_so_when_a_card_stays_silent(bench, wait_until):
    served, hardware = bench
    heard = []
    hardware.wires["bus"].trace = lambda at, way, data: (
        heard.append(data) if way is Direction.RECEIVED else None
    )
    hardware.wires["bus"].write(bytes.fromhex("777700000006630100000008 777800000006010100000008"))
    await wait_until(lambda: len(b"".join(heard)) == 19)
    assert b"".join(heard).hex(" ", -1) == "77 77 00 00 00 03 63 81 0b 77 78 00 00 00 04 01 01 01 00"
    assert served.buses["bus"].wire.bytes_in


async def test_the_answer_to_another_request_is_none(gateway):
    there, card = gateway
    there.answer = lambda request: under(request, ONE_OPEN, b"\x77\x77")
    with pytest.raises(BadFrame):
        await card.doors()


async def test_the_answer_of_another_unit_is_none(gateway):
    there, card = gateway
    there.answer = lambda request: under(request, b"\x02" + ONE_OPEN[1:])
    with pytest.raises(BadFrame):
        await card.doors()


async def test_an_answer_behind_others_or_in_pieces_is_found(gateway):
    there, card = gateway
    there.answer = lambda request: under(request, ONE_OPEN, b"\x77\x77") + under(request, ALL_CLOSED)
    assert not any((await card.doors()).doors.values())

    def in_pieces(request: bytes) -> bytes:
        whole = under(request, ONE_OPEN)
        for at, byte in enumerate(whole):
            asyncio.get_running_loop().call_later(0.002 * at, there.writer.write, bytes([byte]))
        return b""

    there.answer = in_pieces
    assert (await card.doors()).doors[1] is True


async def test_back_in_step_behind_the_tail_of_what_came_too_late(gateway):
    there, card = gateway
    there.answer = lambda request: b"\x01\xfe" + under(request, ONE_OPEN)
    assert (await card.doors()).doors[1] is True


async def test_an_unanswered_opening_closes_the_connection_hard_and_is_sent_once(gateway, wait_until):
    there, card = gateway
    pulse = await card.open(1, yes)
    assert pulse.answer is PulseAnswer.NO_ANSWER
    assert pulse.sent_at is not None
    await wait_until(lambda: there.ends)
    assert there.ends == ["reset"]
    assert [request[7:].hex() for request in there.requests] == ["0502000003"]
    await wait_until(lambda: card.bus.line.wire.is_open)


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (2, PulseAnswer.REFUSED),
        (3, PulseAnswer.REFUSED),
        (6, PulseAnswer.REFUSED),
        (4, PulseAnswer.NO_ANSWER),
        (5, PulseAnswer.NO_ANSWER),
        (10, PulseAnswer.NO_ANSWER),
        (11, PulseAnswer.NO_ANSWER),
    ],
)
async def test_only_a_card_that_did_not_begin_has_refused(gateway, code, answer):
    there, card = gateway
    there.answer = lambda request: under(request, bytes([1, 0x85, code]))
    assert (await card.open(1, yes)).answer is answer


async def test_an_echo_under_the_transaction_is_the_acknowledgement(gateway):
    there, card = gateway
    there.answer = lambda request: request
    assert (await card.open(1, yes)).answer is PulseAnswer.ACCEPTED
    there.answer = lambda request: request[:-1] + b"\x04"
    assert (await card.open(1, yes)).answer is PulseAnswer.NO_ANSWER


async def test_an_address_without_a_port_is_refused():
    wire = Wire("modbus-tcp://somewhere")
    with pytest.raises(PortUnavailable, match="expected modbus-tcp://host:port"):
        await wire.open()
    await wire.close()


def test_transactions_start_again_after_the_last():
    bus = ModbusBus(Wire("modbus-tcp://127.0.0.1:502"))
    frame = bytes.fromhex("01020000000879cc")
    sent = [bus._sealed(frame, lambda received, silent: None)[0][:2] for _ in range(0x10000)]
    assert (sent[0], sent[-2], sent[-1]) == (b"\x00\x01", b"\xff\xff", b"\x00\x01")


@pytest.mark.parametrize(
    "received", [b"", b"\0", b"\0\x07\0\0\0", b"\xff" * 40, b"\0\x07\0\0\0\x04\x01\x02\x01"]
)
def test_what_is_no_whole_answer_is_none(received):
    assert tcp.answer_to(7, received) == b""
