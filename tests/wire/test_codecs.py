"""Anything at all as input, and every call of the drivers as output."""

import contextlib
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.cabinet.relays import HELD_CARDS, RELAY_CARDS
from firmware_bridge import lock_8a80, modbus, scan_gm65, scan_rdm6300, scan_ssi, scan_trigger
from firmware_bridge.errors import ImpossibleReading, UnreadableScan, WrongUse
from firmware_bridge.frames import Sender, in_hex
from firmware_bridge.indicator_modbus import LampBus
from firmware_bridge.line import Exchange, Wire
from firmware_bridge.lock_8a80 import Lock8A80
from firmware_bridge.lock_modbus import LockModbus
from firmware_bridge.modbus import ModbusBus, tcp
from firmware_bridge.modbus.frames import NeverSent
from firmware_bridge.scan_text import read_text
from simulators import lock_8a80 as far_8a80
from simulators.cabinet import Cabinet
from simulators.lock_modbus import CARDS


def refused_or(read: Callable[[bytes], Any], received: bytes) -> tuple[Any, str]:
    """What was read, or the sentence of the refusal; any other error goes through."""
    try:
        return read(received), ""
    except (ValueError, UnreadableScan) as refusal:
        return None, str(refusal)


@given(st.binary(max_size=64))
@example(bytes.fromhex("8a0100119a"))
def test_8a80_bytes_are_a_frame_or_a_clear_refusal(received):
    frame, refusal = refused_or(lock_8a80.read_frame, received)
    if refusal:
        assert received.hex(" ") in refusal
    elif not isinstance(frame, lock_8a80.NeverSent):
        assert frame.to_bytes() == received


@given(st.binary(max_size=64))
def test_modbus_bytes_are_a_frame_or_a_clear_refusal(received):
    for read in (modbus.read_frame, modbus.read_tcp_frame):
        frame, refusal = refused_or(read, received)
        if refusal:
            assert received.hex(" ") in refusal
        elif not isinstance(frame, NeverSent):
            assert frame.to_bytes() == received


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=40), st.sampled_from([None, *Sender]))
@example(1, 0x0F, bytes.fromhex("000000080100"), None)
@example(1, 0x10, bytes.fromhex("00020001020500"), None)
def test_modbus_frames_of_any_function_are_explained_or_refused(card, function, body, sender):
    """With a right CRC, and with a right header: nothing is left to the check."""
    frame = modbus.with_crc(bytes([card, function]) + body)
    on_tcp = bytes([0, 9, 0, 0, 0, len(body) + 2, card, function]) + body
    for read, received in ((modbus.read_frame, frame), (modbus.read_tcp_frame, on_tcp)):
        found, refusal = refused_or(lambda given, read=read: read(given, sender), received)
        assert refusal or found.meaning
        if found is not None:
            assert isinstance(found, NeverSent) != (getattr(found, "to_bytes", bytes)() == received)


@given(st.binary(max_size=80))
def test_scanned_bytes_are_text_or_a_clear_refusal(received):
    text, refusal = refused_or(lambda line: read_text("qr", line), received)
    if refusal:
        assert "reader qr" in refusal
    else:
        assert text == text.strip()
        assert not any(ord(letter) < 32 for letter in text)


@given(st.binary(max_size=64))
@example(bytes.fromhex("7e000801000201abcd"))
@example(bytes.fromhex("03000001003331"))
@example(b"8711218972875\r")
def test_gm65_bytes_are_a_frame_or_a_clear_refusal(received):
    frame, refusal = refused_or(scan_gm65.read_frame, received)
    if refusal:
        assert in_hex(received) in refusal
    elif not isinstance(frame, scan_gm65.Scanned):
        assert frame.to_bytes() == received


@given(st.binary(max_size=64))
@example(bytes.fromhex("1b31"))
@example(bytes.fromhex("164d0d") + b"PAPHHF.")
@example(b"\x068711218972875\r")
def test_bytes_of_honeywell_and_newland_are_a_frame_or_a_clear_refusal(received):
    frame, refusal = refused_or(scan_trigger.read_frame, received)
    if refusal:
        assert in_hex(received) in refusal
    elif isinstance(frame, scan_trigger.Command):
        assert frame.to_bytes() == received


@given(st.binary(max_size=64))
@example(bytes.fromhex("04e40400ff14"))
@example(bytes.fromhex("04e40300ff15"))
def test_ssi_bytes_are_a_packet_or_a_clear_refusal(received):
    packet, refusal = refused_or(scan_ssi.read_frame, received)
    if refusal:
        assert in_hex(received) in refusal
    else:
        assert packet.to_bytes() == received


@given(st.binary(max_size=20))
@example(bytes.fromhex("0236324533303836434544303803"))
@example(bytes.fromhex("023030303031324436383734330d0a03"))
def test_bytes_of_a_card_reader_are_a_card_or_a_clear_refusal(received):
    card, refusal = refused_or(scan_rdm6300.read_frame, received)
    if refusal:
        assert in_hex(received) in refusal
    else:
        assert card.to_bytes() == received


@given(st.binary(max_size=64), st.integers(1, 8))
def test_noise_is_never_an_answer_without_its_check(received, channel):
    board = Lock8A80("b", None, 1, 24)
    if (told := board.acknowledgement(received, channel)) is not None:
        assert told.to_bytes() in received
        assert (told.board, told.lock) == (1, channel)
    if (states := board.states(received, True)) is not None:
        assert states.to_bytes() in received
        assert states.board == 1


@given(st.binary(max_size=20), st.integers(0, 48), st.binary(max_size=20))
def test_a_modbus_answer_counts_with_its_check_and_its_number_alone(before, bit, after):
    answer = modbus.with_crc(bytes.fromhex("010201a5"))
    flipped = (int.from_bytes(answer, "big") ^ (1 << bit >> 1)).to_bytes(len(answer), "big")
    take = modbus._expect(1, 2, 6, lambda frame: frame)
    assert (take(before + flipped + after, True) == answer) == (bit == 0)
    on_tcp = bytes.fromhex("000900000004010201a5")
    others = (10, 8) if bit else (9, 9)
    found = [tcp.answer_to(number, on_tcp + after) for number in others]
    assert found == ([answer, answer] if bit == 0 else [b"", b""])


@given(st.lists(st.binary(max_size=20), max_size=6))
def test_simulated_boards_survive_any_bytes_in_any_pieces(pieces):
    cabinet = Cabinet(lambda: 0.0)
    cabinet.build("a")
    for board in (
        far_8a80.Lock8A80("b", 1, 8, cabinet, {1: "a"}, {1: "a"}),
        *(card("c", 1, cabinet, 8, 8, {1: "a"}, {1: "a"}) for card in CARDS.values()),
    ):
        received = b""
        for piece in pieces:
            frames, received = board.split(received + piece)
            for frame in frames:
                board.hear(frame, 1)


class _Recorder:
    """Stands where a line stands, and keeps what it is asked to send."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.address = "recorder"

    async def command(self, request: bytes, take: Any, **_: Any) -> Exchange[Any]:
        self.sent.append(request)
        return Exchange(None, 0.0)

    async def ask(self, request: bytes, take: Any, **_: Any) -> Exchange[Any]:
        self.sent.append(request)
        return Exchange(request, 0.0, 0.0)


def holds_a_coil(frame: bytes) -> bool:
    """Whether a lock board or relay card could keep a coil on, or open everything, because of this frame."""
    if frame[0] in (0x8A, 0x90, 0x9A):
        return frame[0] != 0x8A or frame[2] == 0 or (len(frame) == 6 and frame[4] > 1)
    match frame[1]:
        case 0x05:
            address, value = struct.unpack(">HH", frame[2:6])
            return value != 0 and not (0x0200 <= address < 0x0400 and 1 <= value <= 10)
        case 0x06:
            address, value = struct.unpack(">HH", frame[2:6])
            return not (1 <= address <= 8 and value in (0, 0x0500)) and (address, value) != (0, 0x0800)
        case 0x0F:
            return any(frame[7:-2])
        case 0x10:
            return True
    return False


@pytest.mark.parametrize(
    "frame",
    [
        "8a0100119a",
        "9a0101118b",
        "01050000ff008c3a",
        "010f0000000801ffbed5",
        "0006400000015c1b",
        "010600000001480a",
        "010600010100d9ca",
        "01060001060ada5d",
        "010600000700ca39",
    ],
)
def test_the_judge_of_the_next_tests_knows_frames_that_hold_or_open_all(frame):
    assert holds_a_coil(bytes.fromhex(frame))


async def calls_of_8a80(address: int, channels: int, channel: int, pulse_ms: int) -> list[bytes]:
    """Everything a caller can do with this driver; what was sent."""
    line = _Recorder()
    try:
        board = Lock8A80("b", line, address, channels, pulse_ms=pulse_ms, _released=True)
        await board.open(channel, lambda: True)
    except WrongUse:
        pass
    return line.sent


async def calls_of_modbus(address: int, channels: int, channel: int, pulse_ms: int) -> list[bytes]:
    """Everything a caller can do with this driver; what was sent."""
    bus = ModbusBus(Wire("nowhere"))
    recorder = _Recorder()
    bus.line = recorder
    for relays in RELAY_CARDS.values():
        try:
            board = LockModbus("b", bus, address, channels, pulse_ms=pulse_ms, relays=relays)
            with contextlib.suppress(ImpossibleReading):  # the recorder's answers are none
                await board.release()
            board._released = True
            await board.open(channel, lambda: True)
        except WrongUse:
            pass
    return recorder.sent


async def calls_of_a_lock_beside_lamps(
    address: int, channels: int, channel: int, pulse_ms: int
) -> list[bytes]:
    """A lock driver on a bus that could hold an output: it has no way to ask for that."""
    bus, recorder = LampBus(Wire("nowhere")), _Recorder()
    bus.line = recorder
    with contextlib.suppress(WrongUse, ImpossibleReading):
        board = LockModbus("b", bus, address, channels, pulse_ms=pulse_ms)
        await board.release()
        await board.open(channel, lambda: True)
    return recorder.sent


async def calls_of_a_lamp(profile: str, address: int, number: int) -> list[bytes]:
    """Everything a caller can do with the bus of lamps; what was sent."""
    bus, recorder = LampBus(Wire("nowhere")), _Recorder()
    bus.line = recorder
    for on in (True, False):
        with contextlib.suppress(ValueError):
            await bus.hold(HELD_CARDS[profile], address, number, on=on, board="lamps")
    return recorder.sent


_anything = st.integers(-5, 2000)


@given(st.sampled_from([*HELD_CARDS]), _anything, _anything)
@example("coils", 5, 1)
@example("coils", 0, 1)
@example("eletechsup", 5, 9)
async def test_a_lamp_switches_its_own_output_of_its_own_card_and_nothing_else(profile, address, number):
    sort = HELD_CARDS[profile]
    exists = 1 <= address <= 255 and 1 <= number <= sort.most_channels
    frames = await calls_of_a_lamp(profile, address, number)
    assert len(frames) == (2 if exists else 0)
    for frame in frames:
        assert (frame[0], frame[1]) == (address, sort.function)
        assert int.from_bytes(frame[2:4], "big") == sort.first + number - 1
    assert [holds_a_coil(frame) for frame in frames[:1]] == [True] * exists


def test_two_make_the_frame_that_holds_an_output_and_no_lock_driver_does():
    """A guard, which ends what it began, and the driver of lamps, whose wire has no lock."""
    makers = {
        path.as_posix()
        for path in Path("firmware_bridge").rglob("*.py")
        if re.search(r"(import|firmware_bridge\.)\s*held\b", path.read_text(encoding="utf-8"))
    }
    assert makers == {"firmware_bridge/guard/cards.py", "firmware_bridge/indicator_modbus.py"}


@settings(max_examples=300)
@given(_anything, _anything, _anything, _anything)
@example(1, 8, 1, 300)
@example(1, 50, 0, 300)
async def test_no_call_of_a_driver_sends_a_frame_that_holds_a_coil(address, channels, channel, pulse_ms):
    for calls in (calls_of_8a80, calls_of_modbus, calls_of_a_lock_beside_lamps):
        assert not any(holds_a_coil(frame) for frame in await calls(address, channels, channel, pulse_ms))


async def test_the_drivers_do_send_something_in_these_tests():
    assert len(await calls_of_8a80(1, 8, 1, 300)) == 1
    assert len(await calls_of_modbus(1, 8, 1, 300)) == 2
    assert len(await calls_of_modbus(1, 8, 1, 1000)) == 5
