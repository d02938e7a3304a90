"""No call of any driver makes a frame that holds an output, opens everything, or moves more than one lock."""

import asyncio
import struct
from collections import Counter
from collections.abc import Callable, Mapping

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config import cabinet as files
from config.cabinet.families import LOCKS, family
from config.cabinet.relays import RELAY_CARDS
from firmware_bridge.errors import BoardError, WrongUse
from firmware_bridge.ports import LockBoard
from simulators.cabinet import Cabinet
from simulators.scenario.virtual import VirtualLoop
from tests.wire.in_memory import Beside

LONGEST_SECONDS = 1.0

# --- what would be dangerous, told from the bytes alone: nothing here asks our own codecs


def of_8a80(frame: bytes) -> bool:
    return frame[0] not in (0x8A, 0x80) or (frame[0] == 0x8A and (frame[2] == 0 or frame[4:-1] > b"\1"))


def of_wkly(frame: bytes) -> bool:
    return frame[6] not in (0x82, 0x83, 0x84) or (frame[6] == 0x82 and frame[7:-1] in (b"", b"\0"))


def of_cu16(frame: bytes) -> bool:
    return len(frame) != 5 or frame[2] not in (0x30, 0x31) or frame[1] >= 0xF0


def of_cu48(frame: bytes) -> bool:
    return frame[3] not in (0x50, 0x51) or frame[1] >= 0x0A or frame[2] >= 0x30


def of_cu24(frame: bytes) -> bool:
    return frame[3] not in (0x80, 0x81) or frame[1] >= 0x10 or frame[2] >= 24


def of_cu12(frame: bytes) -> bool:
    return of_cu24(frame) or frame[2] >= 0x0C


def of_dingchang(frame: bytes) -> bool:
    return frame[3] not in (0x01, 0x10, 0x11, 0x12) or (frame[3] == 0x10 and not 1 <= frame[5] <= 24)


def of_winnsen(frame: bytes) -> bool:
    return frame[2] not in (0x05, 0x12) or not 1 <= frame[4] <= 16


def of_modbus(frame: bytes) -> bool:
    address, value = struct.unpack(">HH", frame[2:6])
    match frame[1]:
        case 0x05:
            return value != 0 and not (0x0200 <= address < 0x0400 and 1 <= value <= 10)
        case 0x06:
            return not (1 <= address <= 8 and value in (0, 0x0500)) and (address, value) != (0, 0x0800)
        case 0x0F:
            return any(frame[7:-2])
    return frame[1] not in (0x01, 0x02, 0x03, 0x04)


HOLDS: Mapping[tuple[str, str], Callable[[bytes], bool]] = {
    ("lock_8a80", ""): of_8a80,
    ("lock_wkly", ""): of_wkly,
    ("lock_kerong_cu16", ""): of_cu16,
    ("lock_kerong_cu48", ""): of_cu48,
    ("lock_kerong_cu24", "cu24"): of_cu24,
    ("lock_kerong_cu24", "cu12"): of_cu12,
    ("lock_dingchang", ""): of_dingchang,
    ("lock_winnsen", ""): of_winnsen,
    **{("lock_modbus", profile): of_modbus for profile in RELAY_CARDS},
}
"""By family and profile: whether a frame could keep a coil on, or move more than one lock."""


def test_every_family_that_times_its_pulses_is_judged_here():
    assert {kind for kind, _ in HOLDS} == {kind for kind, each in LOCKS.items() if each.times_its_pulse}


@pytest.mark.parametrize(
    ("judge", "frame"),
    [
        (of_8a80, "8a0100119a"),
        (of_8a80, "8a010111029b"),
        (of_8a80, "9a0101118b"),
        (of_wkly, "574b4c5909018801cc"),
        (of_wkly, "574b4c590801868a"),
        (of_wkly, "574b4c5909018101c5"),
        (of_cu16, "0210330348"),
        (of_cu16, "02f0300325"),
        (of_cu48, "020030510386"),
        (of_cu48, "020a0051035f"),
        (of_cu24, "0210008100000396"),
        (of_cu12, "02010c8100000393"),
        (of_dingchang, "dc0201160201011b"),
        (of_dingchang, "dc0201140015"),
        (of_winnsen, "900605010003"),
        (of_modbus, "01050000ff008c3a"),
        (of_modbus, "010f0000000801ffbed5"),
        (of_modbus, "0006400000015c1b"),
        (of_modbus, "010600000001480a"),
        (of_modbus, "010600010100d9ca"),
        (of_modbus, "01060001060ada5d"),
        (of_modbus, "010600000700ca39"),
    ],
)
def test_the_judges_of_the_next_tests_know_what_is_dangerous(judge, frame):
    assert judge(bytes.fromhex(frame))


# --- every call


async def calls(there: Beside, board: files.Board, channels: list[int], allowed: bool) -> Counter:
    """Everything that a caller can do with one driver; how the calls ended."""
    try:
        driver = there.drive(board)
    except WrongUse:
        return Counter(refused=1)
    there.there.address = board.address
    ended: Counter = Counter()
    openings = [_open(driver, channel, allowed) for channel in channels]
    for call in (*openings, driver.doors(), driver.release(), _open(driver, channels[0], True)):
        try:
            await call
            ended["done"] += 1
        except WrongUse:
            ended["refused"] += 1
        except BoardError:
            ended["no answer"] += 1
    return ended


async def _open(driver: LockBoard, channel: int, allowed: bool) -> None:
    await driver.open(channel, lambda: allowed)


_any = st.integers(-5, 2000)
_address = st.integers(0, 3) | st.integers(1, 40) | _any
_channels = st.integers(1, 8) | st.integers(1, 26) | st.integers(0, 52) | _any
_channel = st.integers(1, 8) | st.integers(-1, 52) | _any
_pulse = {
    "lock_dingchang": st.just(150) | _any,
    "eletechsup": st.just(1000) | _any,
    "waveshare": st.integers(0, 20).map(lambda tenths: 100 * tenths) | _any,
}
"""Where a family knows few lengths; the others take any up to a second."""


def frames_of(kind: str, profile: str, examples: int) -> tuple[Counter, int]:
    """What became of the calls, and how many frames they sent, not one of which holds an output."""
    now, sent, ended = 0.0, 0, Counter()
    cabinet = Cabinet(lambda: now)
    plain = files.Board(
        name="b", kind=kind, bus="b", address=family(kind).addresses[0], channels=8, profile=profile
    )
    there = Beside(plain, cabinet)
    with asyncio.Runner(loop_factory=lambda: VirtualLoop("calls")) as runner:

        @settings(max_examples=examples, deadline=None, database=None)
        @given(
            _address, _channels, st.lists(_channel, min_size=1, max_size=20),
            _pulse.get(profile or kind, st.integers(1, 1000) | _any),
            st.sampled_from([None, 0, 1]), st.booleans(), st.booleans(),
        )  # fmt: skip
        @example(1, 8, [0, 1, 8, 9], 150, None, True, True)
        @example(1, 8, [0, 1, 8, 9], 1000, None, True, True)
        @example(1, 24, [0, 12, 13, 24], 200, None, True, True)
        @example(1, 50, [0, 49, 50], 200, None, True, True)
        def call(address, channels, asked, pulse_ms, closed_value, answers_openings, allowed):
            nonlocal now, sent
            board = plain.model_copy(
                update={
                    "address": address, "channels": channels, "pulse_ms": pulse_ms,
                    "closed_value": closed_value, "answers_openings": answers_openings,
                }
            )  # fmt: skip
            there.sent.clear()
            ended.update(runner.run(calls(there, board, asked, allowed)))
            assert not [frame.hex() for frame in there.sent if HOLDS[kind, profile](frame)]
            sent += len(there.sent)
            now += 10.0

        call()
    assert cabinet.longest_energised() <= LONGEST_SECONDS + 1e-6
    return ended, sent


@pytest.mark.row("H5")
@pytest.mark.parametrize(
    "examples", [300, pytest.param(32_000, marks=[pytest.mark.hard, pytest.mark.timeout(900)])]
)
@pytest.mark.parametrize(("kind", "profile"), HOLDS, ids=lambda each: each or "only")
def test_h5_no_call_of_a_driver_holds_an_output_or_opens_more_than_one(kind, profile, examples, reached):
    ended, sent = frames_of(kind, profile, examples)
    figure = f"0 of {sent:,} frames in {ended.total():,} calls"
    reached("H5", goal="0 of 1,000,000 calls of all drivers", figure=figure)
    assert ended["done"] > 0
    assert ended["refused"] > 0
    assert sent > examples / 10
