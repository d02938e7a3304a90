"""Anything at all as input, and every call of the drivers as output."""

from collections.abc import Callable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from firmware_bridge import lock_8a80, modbus, scan_gm65, scan_rdm6300, scan_ssi, scan_trigger
from firmware_bridge.errors import UnreadableScan
from firmware_bridge.frames import Sender, in_hex
from firmware_bridge.lock_8a80 import Lock8A80
from firmware_bridge.modbus import tcp
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
