"""Every codec and every driver that picks an answer out of a line, with what must be true of what it says.

``ask`` is the product's; ``is_true`` looks at the same bytes with nothing but the codec's own reader, and is
not part of the time that is measured.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from config.cabinet.relays import RELAY_CARDS
from firmware_bridge import (
    lock_8a80,
    lock_dingchang,
    lock_kerong_cu16,
    lock_kerong_cu24,
    lock_kerong_cu48,
    lock_winnsen,
    lock_wkly,
    modbus,
    scan_gm65,
    scan_rdm6300,
    scan_ssi,
    scan_trigger,
)
from firmware_bridge.assemble import DEVICES
from firmware_bridge.decode import PROTOCOLS, READERS
from firmware_bridge.frames import Sender
from firmware_bridge.scan_text import read_text
from firmware_bridge.serial_lock import SerialLock
from simulators.cabinet import Cabinet
from simulators.lock_board import Wired
from simulators.serve import BUILD
from tests.wire.one_of_each import SORTS

CHANNELS, LOCK = 8, 3
LONGEST_ANSWER = 64
VECTORS = json.loads((Path(__file__).parents[1] / "wire" / "vectors.json").read_text())


@dataclass(frozen=True, slots=True)
class Judge:
    """One codec, or one question to a driver; ``good`` are frames that noise is made of."""

    name: str
    ask: Callable[[bytes], Any]
    is_true: Callable[[bytes, Any], bool]
    good: tuple[bytes, ...]


def known(kind: str) -> tuple[bytes, ...]:
    """The frames of this kind that the collection of real ones has, or else those of relay cards."""
    mine = [each for each in VECTORS if PROTOCOLS.get(each["protocol"]) == kind and each["valid"]]
    return tuple(bytes.fromhex(each["hex"]) for each in mine) or known("lock_modbus")


# --- codecs: bytes to frame and back


ONLY_READ = {"NeverSent", "MenuCommand"}
"""Frames that nothing here can make."""


def says_the_same(received: bytes, frame: Any) -> bool:
    if type(frame).__name__ in ONLY_READ:
        return not hasattr(frame, "to_bytes")
    if isinstance(frame, scan_gm65.Scanned | scan_trigger.Scanned):
        return bool(frame.text.strip())  # a line may end in more than one way
    return bool(frame.to_bytes() == received)


def _codecs() -> Iterator[Judge]:
    for kind, read in READERS.items():
        yield Judge(kind, partial(_read, read), says_the_same, known(kind))
    text = ("团柜12345678\r".encode(), b"8711218972875\r")
    yield Judge("scan_text", partial(read_text, "qr"), lambda _, told: bool(told.strip()), text)


def _read(read: Callable[[bytes, Sender | None], Any], received: bytes) -> Any:
    return read(received, None)


# --- drivers: which of the bytes that came back are the answer

OPENED: Mapping[str, Callable[[Any], bool]] = {
    "lock_8a80": lambda f: (
        isinstance(f, lock_8a80.LockState) and (f.header, f.board, f.lock) == (lock_8a80.OPEN, 1, LOCK)
    ),
    "lock_wkly": lambda f: (
        isinstance(f, lock_wkly.LockState) and (f.board, f.command, f.lock) == (1, lock_wkly.OPEN, LOCK)
    ),
    "lock_kerong_cu16": lambda f: (
        isinstance(f, lock_kerong_cu16.AllStates) and (f.board, f.answers) == (1, lock_kerong_cu16.OPENED)
    ),
    "lock_kerong_cu48": lambda _: False,
    "lock_kerong_cu24": lambda f: (
        isinstance(f, lock_kerong_cu24.Answer)
        and (f.board, f.command, f.lock) == (1, lock_kerong_cu24.OPEN, LOCK)
    ),
    "lock_dingchang": lambda f: (
        isinstance(f, lock_dingchang.LockState)
        and (f.board, f.command, f.lock) == (1, lock_dingchang.OPEN, LOCK)
    ),
    "lock_winnsen": lambda f: (
        isinstance(f, lock_winnsen.LockState)
        and (f.station, f.function, f.lock) == (1, lock_winnsen.OPEN, LOCK)
    ),
}
"""Whether a frame is what answers the opening of lock 3 of board 1."""
TOLD: Mapping[str, Callable[[Any], bool]] = {
    "lock_8a80": lambda f: isinstance(f, lock_8a80.AllStates) and f.board == 1,
    "lock_wkly": lambda f: isinstance(f, lock_wkly.AllStates) and (f.board, f.status) == (1, 0),
    "lock_kerong_cu16": lambda f: (
        isinstance(f, lock_kerong_cu16.AllStates) and (f.board, f.answers) == (1, lock_kerong_cu16.STATUS)
    ),
    "lock_kerong_cu48": lambda f: isinstance(f, lock_kerong_cu48.AllStates) and f.board == 1,
    "lock_kerong_cu24": lambda f: (
        isinstance(f, lock_kerong_cu24.Answer)
        and (f.board, f.command, f.outcome) == (1, lock_kerong_cu24.READ, lock_kerong_cu24.OK)
    ),
    "lock_dingchang": lambda f: isinstance(f, lock_dingchang.AllStates) and f.board == 1,
    "lock_winnsen": lambda f: (
        isinstance(f, lock_winnsen.LockState)
        and (f.station, f.function, f.lock) == (1, lock_winnsen.READ, LOCK)
    ),
}
"""Whether a frame is what answers the question for the switches of board 1, or for that of its lock 3."""


def has_one(read: Any, answers: Callable[[Any], bool], received: bytes) -> bool:
    """Whether any run of these bytes is such a frame of a board."""
    for begin in range(len(received)):
        for end in range(begin + 5, min(len(received), begin + LONGEST_ANSWER) + 1):
            try:
                frame = read(received[begin:end], Sender.BOARD)
            except ValueError:
                continue
            if answers(frame):
                return True
    return False


def _drivers() -> Iterator[Judge]:
    for name, sort in SORTS.items():
        if sort.kind == "lock_modbus" or sort.board.get("profile") == "cu12":
            continue
        file = sort.file(CHANNELS, **({"answers_openings": True} if name in ("CU16", "Dingchang") else {}))
        driver = DEVICES[sort.kind].drive(file.board[0], None, ())
        assert isinstance(driver, SerialLock)
        questions = driver.questions()
        take = questions[LOCK - 1 if len(questions) > 1 else 0].take
        cabinet = Cabinet(lambda: 0.0)
        labels = {n: cabinet.build(str(n)).label for n in range(1, CHANNELS + 1)}
        (there,) = BUILD[sort.kind](file.board[0], Wired(cabinet, labels, labels))
        asked = [driver.opening(LOCK), *(question.request for question in questions)]
        good = (*asked, *(told for each in asked if (told := there.hear(each, 1)) is not None))
        read = READERS[sort.kind]
        for what, ask, answers in (
            ("opened", partial(_opened, driver), OPENED[sort.kind]),
            ("doors", partial(_taken, take), TOLD[sort.kind]),
        ):
            yield Judge(f"{sort.kind}, {what}", ask, partial(_is_there, read, answers), good)


def _opened(driver: SerialLock, received: bytes) -> bool | None:
    return driver.opened(received, LOCK)


def _taken(take: Callable[[bytes, bool], Any], received: bytes) -> Any:
    return take(received, True)


def _is_there(read: Any, answers: Callable[[Any], bool], received: bytes, told: Any) -> bool:
    return told is None or has_one(read, answers, received)


def _modbus() -> Iterator[Judge]:
    good = tuple(modbus.with_crc(bytes.fromhex(each)) for each in ("010201ff", "018202", "01020105"))
    good += (modbus.read_inputs(1, 8), modbus.opening(RELAY_CARDS["waveshare"], 1, LOCK, 300))
    inputs = partial(_taken, modbus._expect(1, 2, 6, lambda frame: modbus._bits(frame, 8)))
    yield Judge("lock_modbus, doors", inputs, _inputs_are_there, good)


def _inputs_are_there(received: bytes, told: Any) -> bool:
    if told is None:
        return True
    if isinstance(told, modbus.Refused):
        return modbus.with_crc(bytes([1, 0x82, told.code])) in received
    octet = sum(bit << at for at, bit in enumerate(told))
    return modbus.with_crc(bytes([1, 2, 1, octet])) in received


# --- readers: what of a line is a scan, and what an answer


def _readers() -> Iterator[Judge]:
    yield Judge("scan_gm65, line", partial(_line, scan_gm65.separate), _all_there, known("scan_gm65"))
    yield Judge("scan_ssi, line", partial(_line, scan_ssi.packets), _all_there, known("scan_ssi"))
    cards = partial(_line, scan_rdm6300.cards)
    yield Judge("scan_rdm6300, line", cards, _all_there, known("scan_rdm6300"))


def _line(separate: Callable[[bytes, bool], Any], received: bytes) -> Any:
    return separate(received, True)


SEALED = (scan_gm65.Answer, scan_gm65.Heartbeat, scan_ssi.Packet, scan_rdm6300.Card)


def _all_there(received: bytes, told: Any) -> bool:
    found, rest = told
    return rest == b"" and all(each.to_bytes() in received for each in found if isinstance(each, SEALED))


JUDGES = {judge.name: judge for make in (_codecs, _drivers, _modbus, _readers) for judge in make()}
