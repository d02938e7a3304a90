"""GM65, GM805 and GM861 scanners: text as other readers type it, and a channel for commands on the same line.

Answers to commands stand right before, behind or between scans, in the same read or in several; they are
told apart by their first byte, their length and their check bytes. Behind a damaged answer nothing is
believed up to the end of the line: its length may be what was damaged, and half a code is another code.
"""

import asyncio
from binascii import crc_hqx
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from config.cabinet import Reader
from config.cabinet.readers import READERS
from firmware_bridge.device import ReaderDevice
from firmware_bridge.errors import BoardSilent, UnreadableScan
from firmware_bridge.frames import Sender, in_hex
from firmware_bridge.line import Wire
from firmware_bridge.serial_reader import LONGEST_CODE, Found, Parted, SerialReader, Unreadable, read_text

# "7E 00, type, length, address (2), data, CRC (2)" to the scanner; "02 00, type, length, data, CRC" from it.
COMMAND, ANSWER = b"\x7e\x00", b"\x02\x00"
# "03 00 00 01 00 33 31: answer to the heartbeat"; a scan after 03 is never of length 0.
HEARTBEAT = b"\x03\x00\x00"
# "03, length (2), text": a scan, where the scanner is set up to say its length.
COUNTED = 0x03
# "AB CD: CRC is not checked."
UNCHECKED = b"\xab\xcd"
LINE_ENDS = b"\r\n"
ANSWER_SECONDS = 0.3
TRIGGER_ZONE = 0x0002
ZONES = {
    0x0000: "mode",
    TRIGGER_ZONE: "trigger",
    0x000D: "output",
    0x002A: "baud",
    0x0060: "tail and framing",
    0x00D9: "sleep and reset",
}


class Does(IntEnum):
    """What a command asks for."""

    READ = 0x07
    WRITE = 0x08
    SAVE = 0x09
    HEARTBEAT = 0x0A


def crc(body: bytes) -> bytes:
    """CCITT, polynomial 1021 from 0, high byte first, over everything from the type on."""
    return crc_hqx(body, 0).to_bytes(2, "big")


def _shape(frame: bytes, head: bytes, before_data: int, what: str) -> None:
    """``frame`` is as long as it says; ``before_data`` bytes stand before its data."""
    if not frame.startswith(head):
        raise ValueError(f"wrong beginning of {what}: {in_hex(frame)}")
    expected = before_data + 2 + frame[3] if len(frame) > 3 else None
    if len(frame) != expected or frame[3] == 0:
        raise ValueError(f"wrong length of {what}: {in_hex(frame)}")


def _checked(frame: bytes, what: str) -> None:
    if frame[-2:] != crc(frame[2:-2]):
        made, is_ = crc(frame[2:-2]).hex(), frame[-2:].hex()
        raise ValueError(f"wrong CRC of {what} {in_hex(frame)}: it is {is_}, the bytes before it make {made}")


@dataclass(frozen=True, slots=True)
class Command:
    """Host to scanner: read, write or save zones of its memory. To read, ``data`` is how many bytes."""

    does: Does
    address: int
    data: bytes
    checked: bool = True
    """False: AB CD stands for the CRC."""

    @property
    def meaning(self) -> str:
        zone = f"zone {self.address:04x}" + (f" ({ZONES[self.address]})" if self.address in ZONES else "")
        match self.does:
            case Does.READ:
                return f"read {self.data[0]} bytes from {zone}"
            case Does.WRITE if self.address == TRIGGER_ZONE and self.data == b"\x01":
                return "trigger a scan"
            case Does.WRITE:
                return f"write {self.data.hex(' ')} to {zone}"
            case Does.SAVE:
                return "save the settings to flash"
            case _:
                return "heartbeat"

    def to_bytes(self) -> bytes:
        body = bytes([self.does, len(self.data)]) + self.address.to_bytes(2, "big") + self.data
        return COMMAND + body + (crc(body) if self.checked else UNCHECKED)

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are no command."""
        _shape(frame, COMMAND, 6, "a GM65 command")
        checked = frame[-2:] != UNCHECKED
        if checked:
            _checked(frame, "a GM65 command")
        if frame[2] not in set(Does):
            raise ValueError(f"wrong type {frame[2]:02x} of a GM65 command: {in_hex(frame)}")
        return cls(Does(frame[2]), int.from_bytes(frame[4:6], "big"), frame[6:-2], checked)


@dataclass(frozen=True, slots=True)
class Answer:
    """Scanner to host: what became of a command, or what was read. ``kind`` 00: it was done."""

    kind: int
    data: bytes

    @property
    def meaning(self) -> str:
        if self == Answer(0, b"\x00"):
            return "done"
        return f"{'read' if self.kind == 0 else f'answer {self.kind:02x}'}: {self.data.hex(' ')}"

    def to_bytes(self) -> bytes:
        body = bytes([self.kind, len(self.data)]) + self.data
        return ANSWER + body + crc(body)

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are no answer."""
        _shape(frame, ANSWER, 4, "a GM65 answer")
        _checked(frame, "a GM65 answer")
        return cls(frame[2], frame[4:-2])


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Scanner to host: it is there."""

    data: bytes = b"\x00"

    @property
    def meaning(self) -> str:
        return "answer to the heartbeat"

    def to_bytes(self) -> bytes:
        body = bytes([0, len(self.data)]) + self.data
        return HEARTBEAT[:2] + body + crc(body)

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are no answer to a heartbeat."""
        _shape(frame, HEARTBEAT, 4, "a GM65 heartbeat")
        _checked(frame, "a GM65 heartbeat")
        return cls(frame[4:-2])


@dataclass(frozen=True, slots=True)
class Scanned:
    """Scanner to host: a code, as a line or behind its length (``counted``)."""

    text: str
    counted: bool = False

    @property
    def meaning(self) -> str:
        return f"scanned {self.text}"

    def to_bytes(self) -> bytes:
        text = self.text.encode()
        return bytes([COUNTED]) + len(text).to_bytes(2, "big") + text if self.counted else text + b"\r"

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are not one scan, with its line end."""
        if frame[:1] == bytes([COUNTED]):
            if len(frame) < 4 or int.from_bytes(frame[1:3], "big") != len(frame) - 3:
                raise ValueError(f"wrong length of a GM65 scan: {in_hex(frame)}")
            return cls(_text(frame[3:], frame), counted=True)
        if not frame.endswith((b"\r", b"\n")):
            raise ValueError(f"wrong end of a GM65 scan, it is no line end: {in_hex(frame)}")
        return cls(_text(frame, frame))


def _text(text: bytes, frame: bytes) -> str:
    try:
        return read_text("GM65", text.rstrip(LINE_ENDS))
    except UnreadableScan as error:
        raise ValueError(f"wrong text of a GM65 scan: {in_hex(frame)}") from error


Frame = Command | Answer | Heartbeat | Scanned


def read_frame(frame: bytes, sender: Sender | None = None) -> Frame:
    """What bytes mean; ``ValueError`` when they mean nothing, or this sender does not send them."""
    if sender is not Sender.BOARD and frame.startswith(COMMAND):
        return Command.from_bytes(frame)
    if sender is Sender.HOST:
        raise ValueError(f"wrong beginning of a GM65 command: {in_hex(frame)}")
    if frame.startswith(ANSWER):
        return Answer.from_bytes(frame)
    return Heartbeat.from_bytes(frame) if frame.startswith(HEARTBEAT) else Scanned.from_bytes(frame)


# --- what stands on the line


Piece = Answer | Heartbeat | Found


def separate(received: bytes, silent: bool) -> tuple[list[Piece], bytes]:
    """Answers and scans in their order, and what more bytes may complete."""
    pieces: list[Piece] = []
    while received := received.lstrip(LINE_ENDS):
        piece, length = _first(received)
        if piece is None:
            if silent:
                pieces.append(_ended_by_silence(received))
                received = b""
            break
        pieces.append(piece)
        received = received[length:]
    return pieces, received[: 2 * LONGEST_CODE]


def _first(received: bytes) -> tuple[Piece | None, int]:
    """The first piece and its length; None while it is not complete."""
    if is_frame_begun(received):
        frame = _framed(received, 0)
        if frame is None:
            return None, 0
        piece = _answer(frame)
        if piece is None:
            return _damaged(received, len(frame), "an answer with a wrong CRC")
        return piece, len(frame)
    return _counted(received) if received[0] == COUNTED else _line(received)


def is_frame_begun(received: bytes) -> bool:
    """Whether these bytes are, or may become, an answer and not a scan."""
    return received[0] == ANSWER[0] or (received[0] == COUNTED and HEARTBEAT.startswith(received[:3]))


def _framed(received: bytes, at: int) -> bytes | None:
    length = 6 + received[at + 3] if len(received) > at + 3 else None
    return None if length is None or len(received) < at + length else received[at : at + length]


def _answer(frame: bytes) -> Answer | Heartbeat | None:
    for kind in (Answer, Heartbeat):
        try:
            return kind.from_bytes(frame)
        except ValueError:
            continue
    return None


def _damaged(received: bytes, least: int, reason: str) -> tuple[Unreadable | None, int]:
    """All up to the line end behind the first ``least`` bytes: a line end among those may be none."""
    end = _line_end(received[least:])
    return (None, 0) if end is None else (Unreadable(received[: least + end], reason), least + end)


def _counted(received: bytes) -> tuple[Found | None, int]:
    length = int.from_bytes(received[1:3], "big")
    if length > LONGEST_CODE:
        return _damaged(received, 3, f"longer than {LONGEST_CODE} bytes")
    return (None, 0) if len(received) < 3 + length else (received[3 : 3 + length], 3 + length)


def _line(received: bytes) -> tuple[bytes | None, int]:
    """A line up to its end, or up to an answer that stands behind it."""
    end = _line_end(received)
    for at in _where_frames_may_begin(received, end):
        frame = _framed(received, at)
        if frame is None:
            return None, 0
        if _answer(frame) is not None:
            return received[:at], at
    return (None, 0) if end is None else (received[:end], end)


def _where_frames_may_begin(received: bytes, end: int | None) -> list[int]:
    before = received[:end]
    return [at for at in range(1, len(before)) if received.startswith((ANSWER, HEARTBEAT), at)]


def _line_end(received: bytes) -> int | None:
    return next((at for at, byte in enumerate(received) if byte in LINE_ENDS), None)


def _ended_by_silence(received: bytes) -> Found:
    if is_frame_begun(received):
        return Unreadable(received, "an answer that was cut short or damaged")
    return Unreadable(received, "shorter than it says") if received[0] == COUNTED else received


class Gm65(SerialReader):
    """One scanner. Nothing in its memory is changed but the trigger."""

    def __init__(self, name: str, wire: Wire, *, triggered: bool = False) -> None:
        super().__init__(name, wire, triggered=triggered)
        self._asked: deque[tuple[float, asyncio.Future[bytes]]] = deque()
        """Answers are owed in this order; they do not say to what."""

    def part(self, received: bytes, silent: bool) -> Parted:
        pieces, rest = separate(received, silent)
        for piece in pieces:
            if isinstance(piece, Answer):
                self._answered(piece)
        return [piece for piece in pieces if not isinstance(piece, Answer | Heartbeat)], rest

    def is_scan_begun(self, rest: bytes) -> bool:
        return bool(rest) and not is_frame_begun(rest)

    def send_trigger(self) -> None:
        self._ask(Command(Does.WRITE, TRIGGER_ZONE, b"\x01"))

    async def read_zone(self, address: int, count: int = 1) -> bytes:
        """``count`` bytes of its memory. ``BoardSilent``, ``PortError``."""
        answer = self._ask(Command(Does.READ, address, bytes([count])))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answer
        except TimeoutError as error:
            raise BoardSilent(self.wire.address, self.name) from error

    def _ask(self, command: Command) -> "asyncio.Future[bytes]":
        loop = asyncio.get_running_loop()
        while self._asked and self._asked[0][0] + ANSWER_SECONDS < loop.time():
            self._asked.popleft()
        self.wire.write(command.to_bytes())
        answer: asyncio.Future[bytes] = loop.create_future()
        self._asked.append((loop.time(), answer))
        return answer

    def _answered(self, answer: Answer) -> None:
        if self._asked:
            _, waiting = self._asked.popleft()
            if not waiting.done():
                waiting.set_result(answer.data)


def _drive(reader: Reader, wire: Wire) -> Gm65:
    return Gm65(reader.name, wire, triggered=reader.triggered)


DEVICE = ReaderDevice(READERS["scan_gm65"], _drive)
