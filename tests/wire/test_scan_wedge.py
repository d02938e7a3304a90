"""USB scanners that are keyboards: key events as text, and a device that nobody else reads."""

import asyncio
import errno
import os
import string
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge import scan_wedge
from firmware_bridge.errors import PortUnavailable
from firmware_bridge.line import Wire
from firmware_bridge.scan_wedge import (
    CHARACTERS,
    DOWN,
    ENDS,
    EVENT,
    LOST,
    MOST_KEYS,
    SHIFTS,
    Key,
    Keyboard,
    Wedge,
    keys,
    plug,
    typed,
)
from firmware_bridge.serial_reader import Unreadable
from simulators.faults import Cause
from simulators.scan_wedge import KEYS, change, stroke

TYPED = string.ascii_letters + string.digits + string.punctuation
NO_CHARACTER = 59  # F1
codes = st.text(TYPED, min_size=1, max_size=20)
ends = st.sampled_from(ENDS)


def events_of(text: str) -> bytes:
    received = b""
    for letter in text:
        key, shift = KEYS[letter]
        one = stroke(key)
        received += change(SHIFTS[1], DOWN) + one + change(SHIFTS[1], 0) if shift else one
    return received


def parted(received: bytes, cuts: list[int]) -> list:
    reader, found, rest = Wedge("qr", Wire("nowhere")), [], b""
    edges = sorted({0, len(received), *(at for at in cuts if at < len(received))})
    for begin, end in zip(edges, [*edges[1:], len(received)], strict=True):
        more, rest = reader.part(rest + received[begin:end], False)
        found += more
    return [*found, *reader.part(rest, True)[0]]


def test_every_printable_character_has_a_key():
    assert set(KEYS) == {*TYPED, " "}


@settings(max_examples=150)
@given(st.lists(st.tuples(codes, ends), max_size=4), st.lists(st.integers(0, 4000), max_size=12))
def test_codes_are_found_however_reads_cut_the_events(sent, cuts):
    received = b"".join(events_of(text) + stroke(end) for text, end in sent)
    assert parted(received, cuts) == [text.encode() for text, _ in sent]


@given(codes)
def test_a_code_that_nothing_ends_is_dropped(text):
    found = parted(events_of(text), [])
    assert found == [Unreadable(text.encode(), "it was not ended by Enter or Tab")]


@given(codes, st.integers(0, 20), st.sampled_from([NO_CHARACTER, 29, 58, 105]))
def test_a_code_with_a_key_that_types_nothing_is_refused_and_the_next_one_is_read(text, at, key):
    received = events_of(text[:at]) + stroke(key) + events_of(text[at:]) + stroke(28) + events_of(text)
    found = parted(received + stroke(28), [])
    assert found[0].reason == f"key {key} types no character"
    assert found[1:] == [text.encode()]


def test_a_code_of_which_the_kernel_lost_keys_is_refused():
    (found,) = parted(events_of("12") + LOST.to_bytes() + events_of("34") + stroke(28), [])
    assert found == Unreadable(b"1234", "keystrokes were lost")


def test_a_key_that_repeats_itself_is_typed_once():
    repeated = change(KEYS["7"][0], 2)
    assert parted(events_of("7") + repeated * 5 + stroke(28), []) == [b"7"]


def test_shift_that_is_held_over_the_end_of_a_code_counts_for_the_next():
    held = change(SHIFTS[0], DOWN) + stroke(KEYS["a"][0]) + stroke(28) + stroke(KEYS["b"][0]) + stroke(28)
    assert parted(held, []) == [b"A", b"B"]


def test_of_endless_keys_only_some_are_kept_and_what_ends_them_is_no_code():
    _, rest = typed([Key(SHIFTS[0], 0)] * (MOST_KEYS + 5), False)
    assert len(rest) == MOST_KEYS + 1
    found, _ = typed([*rest, Key(KEYS["1"][0]), Key(28)], False)
    assert found == [Unreadable(b"1", "keystrokes were lost")]


@given(st.binary(max_size=200))
def test_any_bytes_are_events(received):
    found, rest = keys(received)
    assert len(rest) == len(received) % EVENT.size
    assert all(isinstance(key, Key) for key in found)


@pytest.mark.parametrize("end", ENDS)
async def test_a_code_is_typed_and_read(stands_there, end):
    counter = await stands_there("scan_wedge")
    counter.there.end = end
    counter.there.show("TG:Ab-82640193")
    assert await counter.next() == "TG:Ab-82640193"


async def test_half_a_code_is_dropped_after_a_gap_and_does_not_spoil_the_next(stands_there, wait_until):
    counter = await stands_there("scan_wedge")
    counter.breaks(Cause.SUFFIX_MISSING)
    counter.there.show("1234")
    await wait_until(lambda: counter.reader.refused == 1)
    assert "not ended" in str(counter.reader.last_refusal)
    counter.works_again(Cause.SUFFIX_MISSING)
    counter.there.show("5678")
    assert await counter.next() == "5678"


NAMED = {
    "MINUS": "-", "EQUAL": "=", "LEFTBRACE": "[", "RIGHTBRACE": "]", "SEMICOLON": ";", "DOT": ".",
    "APOSTROPHE": "'", "GRAVE": "`", "BACKSLASH": "\\", "COMMA": ",", "SLASH": "/", "SPACE": " ",
} | {letter.upper(): letter for letter in string.ascii_lowercase + string.digits}  # fmt: skip
KEYPAD = {
    "KPASTERISK": "*", "KPMINUS": "-", "KPPLUS": "+", "KPSLASH": "/", "KPDOT": ".",
} | {f"KP{digit}": digit for digit in string.digits}  # fmt: skip


def test_numbers_are_those_of_the_kernel(tmp_path):
    names = {"KEY_ENTER": 28, "KEY_KPENTER": 96, "KEY_TAB": 15, "KEY_LEFTSHIFT": 42, "KEY_RIGHTSHIFT": 54}
    names |= {f"KEY_{name}": KEYS[letter][0] for name, letter in NAMED.items()}
    names |= {"EV_SYN": 0, "SYN_DROPPED": 3, "EV_KEY": 1, "EVIOCGRAB": scan_wedge.EVIOCGRAB}
    names |= {"sizeof(struct input_event)": EVENT.size}
    assert numbers_of(names, tmp_path) == names
    keypad = numbers_of([f"KEY_{name}" for name in KEYPAD], tmp_path)
    assert {name: CHARACTERS[keypad[f"KEY_{name}"]] for name in KEYPAD} == {
        name: (letter, letter) for name, letter in KEYPAD.items()
    }
    assert len(CHARACTERS) == len(NAMED) + len(KEYPAD)


def numbers_of(names: Iterable[str], folder: Path) -> dict[str, int]:
    """What the kernel's headers call them."""
    lines = "".join(f'printf("%lu\\n", (unsigned long)({name}));' for name in names)
    source = folder / "numbers.c"
    source.write_text(f"#include <stdio.h>\n#include <linux/input.h>\nint main(void) {{ {lines} return 0; }}")
    subprocess.run(["gcc", str(source), "-o", str(folder / "numbers")], check=True)
    told = subprocess.run([str(folder / "numbers")], check=True, capture_output=True, text=True).stdout
    return dict(zip(names, map(int, told.split()), strict=True))


# --- the device, without one: a FIFO stands for it where the kernel's own part is not asked


async def opened(path: Path | str) -> None:
    wire = Wire(str(path), plug=plug)
    try:
        await wire.open()
    finally:
        await wire.close()


async def test_what_is_no_input_device_is_told_so(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(PortUnavailable, match="it is no input device"):
        await opened(tmp_path / "fifo")


async def test_a_keyboard_that_is_not_there_is_told_so(tmp_path):
    with pytest.raises(PortUnavailable, match="No such file"):
        await opened(tmp_path / "event7")


async def test_a_keyboard_that_another_program_has_grabbed_is_told_so(tmp_path, monkeypatch):
    def busy(*_: object) -> None:
        raise OSError(errno.EBUSY, "busy")

    os.mkfifo(tmp_path / "event7")
    monkeypatch.setattr(scan_wedge.fcntl, "ioctl", busy)
    with pytest.raises(PortUnavailable, match="another program has grabbed it"):
        await opened(tmp_path / "event7")


async def test_codes_come_from_a_grabbed_device_and_its_loss_is_noticed(tmp_path, wait_until):
    os.mkfifo(tmp_path / "event7")
    grabbed: list[int] = []

    async def with_a_grab(address: str) -> Keyboard:
        return Keyboard(address, grabbed.append)

    wire = Wire(str(tmp_path / "event7"), plug=with_a_grab)
    reader = Wedge("qr", wire)
    await wire.open()
    assert len(grabbed) == 1
    kernel = os.open(tmp_path / "event7", os.O_WRONLY)
    os.write(kernel, events_of("82640193") + stroke(28))
    async with asyncio.timeout(2):
        assert (await anext(aiter(reader))).text == "82640193"
    os.close(kernel)
    await wait_until(lambda: not wire.is_open)
    await wire.close()


def test_the_first_thing_done_to_a_keyboard_is_to_grab_it(tmp_path, monkeypatch):
    asked = []
    os.mkfifo(tmp_path / "event7")
    monkeypatch.setattr(scan_wedge.fcntl, "ioctl", lambda *call: asked.append(call))
    keyboard = Keyboard(str(tmp_path / "event7"))
    assert asked == [(keyboard.fileno(), scan_wedge.EVIOCGRAB, 1)]
    with pytest.raises(OSError, match="told nothing"):
        keyboard.write(b"x")
    keyboard.close()
