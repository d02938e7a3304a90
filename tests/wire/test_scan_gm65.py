"""GM65 scanners: answers and scans on one line, in whatever pieces they come."""

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware_bridge import serial_reader
from firmware_bridge.errors import BoardSilent
from firmware_bridge.scan_gm65 import (
    TRIGGER_ZONE,
    Answer,
    Command,
    Does,
    Heartbeat,
    Scanned,
    is_frame_begun,
    read_frame,
    separate,
)
from firmware_bridge.serial_reader import Unreadable
from simulators.faults import Cause

DONE = Answer(0, b"\x00").to_bytes()
TRIGGER = Command(Does.WRITE, TRIGGER_ZONE, b"\x01")

codes = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
answers = st.builds(Answer, st.integers(0, 255), st.binary(min_size=1, max_size=20))
scans = st.builds(lambda text, counted: Scanned(text, counted), codes, st.booleans())
pieces = st.lists(answers | scans | st.just(Heartbeat()), max_size=8)


def separated(received: bytes, cuts: list[int]) -> list:
    """What comes of these bytes when reads end at these places."""
    found, rest = [], b""
    edges = sorted({0, len(received), *(cut for cut in cuts if cut < len(received))})
    for begin, end in pairwise(edges):
        more, rest = separate(rest + received[begin:end], False)
        found += more
    return found + separate(rest, True)[0]


def expected(piece) -> object:
    return piece.text.encode() if isinstance(piece, Scanned) else piece


@settings(max_examples=300)
@given(pieces, st.lists(st.integers(0, 300), max_size=12))
@example([Answer(0, b"\x00"), Scanned("8711218972875")], [7])
@example([Answer(0x0D, b"\r\n"), Scanned("1", counted=True), Heartbeat()], [1, 2, 3, 8])
def test_answers_and_scans_are_told_apart_however_reads_cut_them(sent, cuts):
    received = b"".join(piece.to_bytes() for piece in sent)
    assert separated(received, cuts) == [expected(piece) for piece in sent]


@given(codes, answers, st.lists(st.integers(0, 80), max_size=6))
def test_an_answer_ends_a_scan_that_has_no_line_end(text, answer, cuts):
    assert separated(text.encode() + answer.to_bytes(), cuts) == [text.encode(), answer]


@settings(max_examples=300)
@given(codes, st.integers(1, 6), st.integers(1, 255), st.lists(st.integers(0, 60), max_size=6))
@example("12345678", 5, 0x33 ^ 0x0D, [])
@example("12345678", 2, 0x0D, [3])
def test_nothing_of_a_line_with_a_damaged_answer_is_taken_for_a_code(text, at, change, cuts):
    damaged = bytearray(DONE)
    damaged[at] ^= change
    found = separated(bytes(damaged) + text.encode() + b"\r", cuts)
    assert all(isinstance(piece, Unreadable) for piece in found)


@given(st.binary(max_size=64), st.booleans())
def test_any_bytes_are_separated_and_nothing_but_a_beginning_is_kept(received, silent):
    found, rest = separate(received, silent)
    assert len(rest) <= len(received)
    assert not (silent and rest)
    for piece in found:
        assert isinstance(piece, Answer | Heartbeat | Unreadable | bytes)
        if isinstance(piece, Answer | Heartbeat):
            assert piece.to_bytes() in received


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("7e000801000201abce", "wrong CRC of a GM65 command"),
        ("7e000701002a02d80e", "it is d80e, the bytes before it make d80f"),
        ("7e0008010002", "wrong length"),
        ("7e000b01000201" + "0000", "wrong CRC"),
        ("02000001003332", "it is 3332, the bytes before it make 3331"),
        ("020000020033", "wrong length of a GM65 answer"),
        ("03000001003332", "wrong CRC of a GM65 heartbeat"),
        ("030005414243", "wrong length of a GM65 scan"),
        ("3837313132", "no line end"),
        ("38ff0d", "wrong text"),
        ("", "no line end"),
    ],
)
def test_a_bad_frame_is_refused_with_the_reason(frame, reason):
    with pytest.raises(ValueError, match=reason):
        read_frame(bytes.fromhex(frame))


@pytest.mark.parametrize("piece", [Answer(0, b"\x00"), Heartbeat(), Command(Does.READ, 0x2A, b"\x02")])
def test_every_changed_bit_behind_the_beginning_is_found(piece):
    frame = piece.to_bytes()
    for bit in range(8 * (len(frame) - 2)):
        flipped = (int.from_bytes(frame, "big") ^ 1 << bit).to_bytes(len(frame), "big")
        with pytest.raises(ValueError, match="wrong"):
            read_frame(flipped)


def test_a_scan_can_begin_like_no_answer():
    assert not is_frame_begun(Scanned("8711218972875", counted=True).to_bytes())
    assert is_frame_begun(Heartbeat().to_bytes())


@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("aim", ["", "]E0", "]Q1"])
async def test_a_scan_arrives_as_the_code_alone(stands_there, counted, aim):
    counter = await stands_there("scan_gm65")
    counter.there.counted, counter.there.aim = counted, aim
    counter.there.show("8711218972875")
    assert await counter.next() == "8711218972875"
    assert counter.there.told == b""


async def test_a_scanner_in_command_mode_is_told_to_read_and_again_after_each_scan(stands_there, monkeypatch):
    monkeypatch.setattr(serial_reader, "TRIGGER_AFTER_SCAN_SECONDS", 0.05)
    monkeypatch.setattr(serial_reader, "TRIGGER_AGAIN_SECONDS", 60)
    counter = await stands_there("scan_gm65", triggered=True)
    for code in ("first", "second", "third"):
        counter.there.show(code)
        assert await counter.next() == code
    assert counter.there.triggers >= 3
    assert counter.there.told.startswith(TRIGGER.to_bytes())
    assert counter.reader.refused == 0


async def test_a_scanner_is_told_again_when_its_time_has_run_out(stands_there, monkeypatch, wait_until):
    monkeypatch.setattr(serial_reader, "TRIGGER_AGAIN_SECONDS", 0.05)
    counter = await stands_there("scan_gm65", triggered=True)
    await wait_until(lambda: counter.there.triggers >= 3)
    counter.there.show("late")
    assert await counter.next() == "late"


@pytest.mark.parametrize("merged", [False, True])
async def test_text_right_behind_the_answer_to_the_trigger_is_a_scan(stands_there, merged):
    counter = await stands_there("scan_gm65", triggered=True)
    counter.there.wire.merged = merged
    counter.there.wire.send(DONE + Scanned("8711218972875").to_bytes())
    assert await counter.next() == "8711218972875"


async def test_a_scan_without_line_end_ends_with_silence(stands_there):
    counter = await stands_there("scan_gm65")
    counter.breaks(Cause.SUFFIX_MISSING)
    counter.there.show("12345678")
    assert await counter.next() == "12345678"


async def test_a_scan_behind_a_damaged_answer_is_refused_and_the_next_one_is_read(stands_there, wait_until):
    counter = await stands_there("scan_gm65")
    counter.breaks(Cause.WRONG_CHECK)
    with pytest.raises(BoardSilent):
        await counter.reader.read_zone(0x002A, 2)
    await wait_until(lambda: counter.reader.refused == 1)
    assert "wrong CRC" in str(counter.reader.last_refusal) or "damaged" in str(counter.reader.last_refusal)
    counter.works_again(Cause.WRONG_CHECK)
    counter.there.show("good")
    assert await counter.next() == "good"


async def test_a_zone_is_read_while_the_trigger_is_answered_and_codes_come(stands_there):
    counter = await stands_there("scan_gm65", triggered=True)
    counter.there.show("between")
    assert await counter.reader.read_zone(0x002A, 2) == b"\x39\x01"
    assert await counter.reader.read_zone(0x0000) == b"\x01"
    assert await counter.next() == "between"


async def test_an_answer_announces_no_scan(stands_there):
    counter = await stands_there("scan_gm65")
    announced = []
    counter.reader.begins = lambda: announced.append(True)
    await counter.reader.read_zone(0x002A, 2)
    assert announced == []
    counter.there.show("code")
    assert await counter.next() == "code"
    assert announced == [True]


async def test_a_scanner_that_was_pulled_out_is_told_to_read_when_it_is_back(
    stands_there, monkeypatch, wait_until
):
    monkeypatch.setattr(serial_reader, "TRIGGER_AGAIN_SECONDS", 0.05)
    counter = await stands_there("scan_gm65", triggered=True)
    counter.there.wire.cut()
    await wait_until(lambda: not counter.reader.wire.is_open)
    told = counter.there.triggers
    await counter.there.wire.restore()
    await wait_until(lambda: counter.there.triggers > told)
