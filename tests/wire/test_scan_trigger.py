"""Honeywell and Newland scanners: the same text, other bytes to make them read."""

import pytest

from firmware_bridge import serial_reader
from firmware_bridge.scan_trigger import COMMANDS, Command, MenuCommand, read_frame
from simulators.faults import Cause

MAKES = ["honeywell", "newland"]


def test_newland_is_triggered_by_31_and_stopped_by_30_and_not_the_other_way_round():
    assert Command("newland", "trigger").to_bytes() == bytes.fromhex("1b31")
    assert Command("newland", "stop").to_bytes() == bytes.fromhex("1b30")
    assert read_frame(b"\x1b1") == Command("newland", "trigger")
    assert read_frame(b"\x1b0") == Command("newland", "stop")


def test_no_command_of_one_make_is_part_of_one_of_the_other():
    frames = list(COMMANDS.values())
    assert not any(one in other for one in frames for other in frames if one is not other)


def test_a_menu_command_can_be_read_and_not_made():
    told = read_frame(bytes.fromhex("164d0d") + b"PAPHHF.")
    assert told == MenuCommand("PAPHHF")
    assert not hasattr(told, "to_bytes")


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("1b32", "no Honeywell or Newland scanner knows it: 1b 32"),
        ("165400", "no Honeywell or Newland scanner knows it"),
        ("164d0d41", "it is 16 4d 0d, text and a full stop: 16 4d 0d 41"),
        ("3837", "wrong end of a scan"),
        ("060d", "wrong text of a scan"),
    ],
)
def test_a_bad_frame_is_refused_with_the_reason(frame, reason):
    with pytest.raises(ValueError, match=reason):
        read_frame(bytes.fromhex(frame))


@pytest.mark.parametrize("make", MAKES)
async def test_a_scanner_that_reads_by_itself_is_told_nothing(stands_there, make):
    counter = await stands_there("scan_trigger", profile=make)
    counter.there.show("]Q112345678")
    assert await counter.next() == "12345678"
    assert counter.there.told == b""


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("acknowledges", [False, True])
async def test_a_triggered_scanner_reads_one_code_after_the_other(
    stands_there, monkeypatch, make, acknowledges
):
    monkeypatch.setattr(serial_reader, "TRIGGER_AFTER_SCAN_SECONDS", 0.05)
    counter = await stands_there("scan_trigger", profile=make, triggered=True)
    counter.there.acknowledges = acknowledges
    for code in ("first", "second", "third"):
        counter.there.show(code)
        assert await counter.next() == code
    assert set(counter.there.done) == {"trigger"}
    assert counter.there.told.startswith(COMMANDS[make, "trigger"])
    assert counter.reader.refused == 0


async def test_the_first_profile_is_what_a_cabinet_file_without_one_means(stands_there, wait_until):
    counter = await stands_there("scan_trigger", triggered=True)
    await wait_until(lambda: counter.there.told == COMMANDS["honeywell", "trigger"])


async def test_a_scanner_of_the_other_make_is_never_triggered_and_says_nothing(stands_there, wait_until):
    counter = await stands_there("scan_trigger", profile="honeywell", triggered=True)
    counter.there.make = "newland"
    counter.there.show("12345678")
    await wait_until(lambda: counter.there.told)
    assert counter.there.done == []


@pytest.mark.parametrize("make", MAKES)
async def test_a_scan_without_line_end_ends_with_silence(stands_there, make):
    counter = await stands_there("scan_trigger", profile=make)
    counter.breaks(Cause.SUFFIX_MISSING)
    counter.there.show("12345678")
    assert await counter.next() == "12345678"
