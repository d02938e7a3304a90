"""SSI scanners: packets with a checksum, each acknowledged, and sent again when they were not."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge import scan_ssi, serial_reader
from firmware_bridge.line import Wire
from firmware_bridge.scan_ssi import (
    ACKNOWLEDGED,
    DECODED,
    DECODER,
    HOST,
    RESENT,
    SEND_AGAIN,
    START,
    START_READING,
    TO_BE_CONTINUED,
    WAKE,
    Packet,
    SsiReader,
    checksum,
    packets,
    read_frame,
)
from firmware_bridge.serial_reader import Unreadable
from simulators.faults import Cause

codes = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=60)
sent = st.builds(
    Packet,
    st.sampled_from([0xD0, 0xD1, DECODED]),
    st.just(DECODER),
    st.integers(0, 255),
    codes.map(str.encode),
)


def decoded(text: str, status: int = 0) -> Packet:
    return Packet(DECODED, DECODER, status, b"\x1c" + text.encode())


def cut(received: bytes, cuts: list[int]) -> list:
    found, rest = [], b""
    edges = sorted({0, len(received), *(at for at in cuts if at < len(received))})
    for begin, end in pairwise(edges):
        more, rest = packets(rest + received[begin:end], False)
        found += more
    return found + packets(rest, True)[0]


@settings(max_examples=200)
@given(st.lists(sent, max_size=6), st.lists(st.integers(0, 200), max_size=12))
def test_packets_are_found_however_reads_cut_them(sent, cuts):
    assert cut(b"".join(packet.to_bytes() for packet in sent), cuts) == sent


@given(st.binary(max_size=12), sent, st.lists(st.integers(0, 90), max_size=6))
def test_a_packet_is_found_behind_noise(noise, packet, cuts):
    found = cut(noise + packet.to_bytes() + bytes(300), cuts)
    assert packet in found or any(isinstance(each, Packet) for each in found[:-1])


@given(sent, st.data())
def test_a_packet_with_one_byte_changed_is_no_packet(packet, data):
    frame = bytearray(packet.to_bytes())
    frame[data.draw(st.integers(0, len(frame) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="wrong"):
        read_frame(bytes(frame))


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("04e40400ff15", "it is ff15, the bytes make ff14"),
        ("05e40400ff14", "wrong length"),
        ("04", "wrong length"),
        ("04990400ff5f", "wrong opcode 99"),
        ("04e40300ff15", "wrong source 03"),
    ],
)
def test_a_bad_packet_is_refused_with_field_and_value(frame, reason):
    with pytest.raises(ValueError, match=reason):
        read_frame(bytes.fromhex(frame))


@pytest.mark.parametrize(
    ("packet", "meaning"),
    [
        (Packet(0xD1, DECODER, 0, b"\x01"), "scanner: not acknowledged, send again"),
        (Packet(0xD1, DECODER, 0, b"\x06"), "scanner: not acknowledged, denied"),
        (decoded("12345678"), "scanner: scanned 12345678, symbology 1c"),
        (decoded("12345678", RESENT), "scanner: scanned 12345678, symbology 1c (sent again)"),
    ],
)
def test_a_packet_says_what_it_means(packet, meaning):
    assert packet.meaning == meaning
    assert read_frame(packet.to_bytes()) == packet


def test_the_sum_is_of_two_bytes():
    assert checksum(bytes(4)) == b"\x00\x00"
    assert checksum(b"\xff" * 4) == bytes.fromhex("fc04")


async def test_a_code_is_read_and_acknowledged(stands_there, wait_until):
    counter = await stands_there("scan_ssi")
    counter.there.show("12345678")
    assert await counter.next() == "12345678"
    await wait_until(lambda: counter.there.told == ACKNOWLEDGED)


async def test_a_triggered_scanner_is_woken_first_and_reads_one_code_after_the_other(
    stands_there, monkeypatch
):
    monkeypatch.setattr(serial_reader, "TRIGGER_AFTER_SCAN_SECONDS", 0.05)
    monkeypatch.setattr(serial_reader, "TRIGGER_AGAIN_SECONDS", 0.5)
    counter = await stands_there("scan_ssi", triggered=True)
    for code in ("first", "second", "third"):
        counter.there.show(code)
        assert await counter.next() == code
    assert counter.there.told.startswith(WAKE + START_READING)
    assert counter.there.obeyed.count(START) >= 3
    assert counter.reader.refused == 0


async def test_a_sleeping_scanner_that_is_not_woken_does_not_understand(stands_there, wait_until):
    counter = await stands_there("scan_ssi")
    counter.reader.wire.write(START_READING)
    await wait_until(lambda: counter.there.told == START_READING)
    assert counter.there.obeyed == []


async def test_a_packet_with_a_wrong_checksum_is_asked_for_again(stands_there, wait_until):
    counter = await stands_there("scan_ssi")
    counter.breaks(Cause.WRONG_CHECK)
    counter.there.show("12345678")
    await wait_until(lambda: SEND_AGAIN in counter.there.told)
    counter.works_again(Cause.WRONG_CHECK)
    assert await counter.next() == "12345678"
    assert "wrong checksum" in str(counter.reader.last_refusal)


async def test_a_code_that_comes_again_because_our_word_was_lost_is_one_scan(stands_there, wait_until):
    counter = await stands_there("scan_ssi")
    for packet in (decoded("once"), decoded("once", RESENT), decoded("then")):
        counter.there.wire.send(packet.to_bytes())
    assert [await counter.next(), await counter.next()] == ["once", "then"]
    await wait_until(lambda: counter.there.told == 3 * ACKNOWLEDGED)


async def test_a_code_in_several_packets_is_one_code(stands_there):
    counter = await stands_there("scan_ssi")
    counter.there.show("0123456789" * 40)
    assert await counter.next() == "0123456789" * 40


def test_half_a_code_is_not_put_in_front_of_a_later_one():
    wire = Wire("nowhere")
    reader = SsiReader("qr", wire)
    wire.last_received_at = 100.0
    assert reader.part(decoded("half", TO_BE_CONTINUED).to_bytes(), False) == ([], b"")
    wire.last_received_at = 100.0 + scan_ssi.CONTINUED_WITHIN_SECONDS + 0.1
    assert reader.part(decoded("whole").to_bytes(), False) == ([b"whole"], b"")


@pytest.mark.parametrize("packet", [Packet(0xD0, HOST), Packet(DECODED, HOST, 0, b"\x1c12345678")])
def test_our_own_packets_coming_back_are_no_scan(packet):
    found, _ = SsiReader("qr", Wire("nowhere")).part(packet.to_bytes(), True)
    assert all(isinstance(each, Unreadable) for each in found)
