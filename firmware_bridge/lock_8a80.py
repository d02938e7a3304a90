"""Lock boards that speak 8A/80 frames with an XOR check byte (Shuoming and many rebrands), over RS-485.

The driver knows one board: its address, its channels and how its switches are to be read. It does not know
which door hangs on which channel, nor why one is opened. The frames that energise every lock (lock 00) or
hold a coil on (9A) and release it (9B) exist on these boards and cannot be made here.
"""

import asyncio
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Literal, Self

from firmware_bridge.errors import PortError, WrongUse
from firmware_bridge.line import Exchange, Line
from firmware_bridge.ports import DoorReadings, Permit, Pulse, PulseAnswer

# "8A, board, lock (00 = all), 11, BCC: open"; the answer has the same form with the switch's state for 11.
OPEN = 0x8A
# "80, board, 00, 33, BCC: read all"; the answer carries 3 status bytes up to 24 channels, 4 for 32, 7 for 50.
READ = 0x80
PULSE = 0x11
# "9A / 9B: hold / release a channel."
HOLD, LET_GO = 0x9A, 0x9B
ALL_STATES = 0x33
# "BCC = XOR of all preceding bytes." A frame with a wrong one is ignored without a word.
HIGHEST_ADDRESS = 32
HIGHEST_LOCK = 50
READ_ALL_LENGTHS = (7, 8, 11)

LONGEST_PULSE_MS = 1000
REPLY_SECONDS = 0.14
"""For the board's own turn-round, beside the time on the wire; twice as late is still waited out."""


def with_check(body: bytes) -> bytes:
    """The frame: ``body`` and its check byte."""
    return body + bytes([reduce(xor, body)])


def has_check(frame: bytes) -> bool:
    """Whether the last byte is the XOR of all before it."""
    return len(frame) > 1 and reduce(xor, frame) == 0


def _checked(frame: bytes, kind: str) -> bytes:
    if not has_check(frame):
        raise ValueError(f"{kind}: wrong check byte in {frame.hex(' ')}")
    return frame


@dataclass(frozen=True, slots=True)
class OpenLock:
    """Host to board: one pulse on one lock, ``seconds`` long or as long as the board's own setting."""

    board: int
    lock: int
    seconds: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.board <= HIGHEST_ADDRESS:
            raise ValueError(f"board {self.board} is not between 1 and {HIGHEST_ADDRESS}")
        if not 1 <= self.lock <= HIGHEST_LOCK:
            raise ValueError(f"lock {self.lock} is not between 1 and {HIGHEST_LOCK}")
        if self.seconds not in (None, 1):
            raise ValueError(f"a pulse of {self.seconds} s burns a coil; 1 s is the longest")

    def to_bytes(self) -> bytes:
        length = b"" if self.seconds is None else bytes([self.seconds])
        return with_check(bytes([OPEN, self.board, self.lock, PULSE]) + length)

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are no opening of one lock."""
        _checked(frame, "open")
        if len(frame) not in (5, 6) or frame[0] != OPEN or frame[3] != PULSE:
            raise ValueError(f"not an open frame: {frame.hex(' ')}")
        return cls(frame[1], frame[2], frame[4] if len(frame) == 6 else None)


@dataclass(frozen=True, slots=True)
class LockState:
    """Board to host: the state byte of one lock, as answer to an opening or to reading one.

    After an opening it is only an acknowledgement: some boards report the switch before the door has moved.
    """

    header: int
    board: int
    lock: int
    state: int

    def to_bytes(self) -> bytes:
        return with_check(bytes([self.header, self.board, self.lock, self.state]))

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are no answer about one lock."""
        _checked(frame, "lock state")
        if len(frame) != 5 or frame[0] not in (OPEN, READ) or frame[3] not in (0x00, 0x11):
            raise ValueError(f"not the state of a lock: {frame.hex(' ')}")
        return cls(*frame[:4])


@dataclass(frozen=True, slots=True)
class ReadLock:
    """Host to board: read the switch of one lock."""

    board: int
    lock: int

    def to_bytes(self) -> bytes:
        return with_check(bytes([READ, self.board, self.lock, ALL_STATES]))

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes do not ask for one lock."""
        _checked(frame, "read one")
        if len(frame) != 5 or frame[0] != READ or frame[2] == 0 or frame[3] != ALL_STATES:
            raise ValueError(f"not a read-one frame: {frame.hex(' ')}")
        return cls(frame[1], frame[2])


@dataclass(frozen=True, slots=True)
class ReadAll:
    """Host to board: read all switches."""

    board: int

    def to_bytes(self) -> bytes:
        return with_check(bytes([READ, self.board, 0x00, ALL_STATES]))

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes do not ask for all locks."""
        _checked(frame, "read all")
        if len(frame) != 5 or frame[0] != READ or frame[2:4] != bytes([0x00, ALL_STATES]):
            raise ValueError(f"not a read-all frame: {frame.hex(' ')}")
        return cls(frame[1])


@dataclass(frozen=True, slots=True)
class AllStates:
    """Board to host: one bit per channel, in 3, 4 or 7 status bytes whatever the number of locks fitted."""

    board: int
    status: bytes

    def to_bytes(self) -> bytes:
        return with_check(bytes([READ, self.board]) + self.status + bytes([ALL_STATES]))

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are no answer to read-all."""
        _checked(frame, "all states")
        if len(frame) not in READ_ALL_LENGTHS or frame[0] != READ or frame[-2] != ALL_STATES:
            raise ValueError(f"not the states of all locks: {frame.hex(' ')}")
        return cls(frame[1], frame[2:-2])

    def bits(self, byte_order: Literal["last", "first"]) -> dict[int, bool]:
        """Channel to bit; ``byte_order`` says which status byte holds channels 1 to 8."""
        status = self.status if byte_order == "first" else self.status[::-1]
        return {8 * at + bit + 1: bool(byte >> bit & 1) for at, byte in enumerate(status) for bit in range(8)}


@dataclass(frozen=True, slots=True)
class NeverSent:
    """Host to board: opens every lock, or holds a coil on or lets it go. Can be read, cannot be made."""

    header: int
    board: int
    lock: int

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are none of those commands."""
        _checked(frame, "held output")
        opens_all = frame[:1] == bytes([OPEN]) and frame[2:3] == b"\x00"
        if len(frame) != 5 or frame[3] != PULSE or not (opens_all or frame[0] in (HOLD, LET_GO)):
            raise ValueError(f"not a command that holds or opens everything: {frame.hex(' ')}")
        return cls(*frame[:3])


Frame = OpenLock | LockState | ReadLock | ReadAll | AllStates | NeverSent


def read_frame(frame: bytes) -> Frame:
    """What a frame means; ``ValueError`` when it means nothing.

    The acknowledgement of an opening with state 11 looks exactly like its request and is read as the request.
    """
    _checked(frame, "frame")
    for kind in (OpenLock, NeverSent, ReadAll, ReadLock, LockState, AllStates):
        try:
            return kind.from_bytes(frame)
        except ValueError:
            continue
    raise ValueError(f"no 8A/80 frame: {frame.hex(' ')}")


@dataclass(slots=True)
class Lock8A80:
    """One 8A/80 board on a line. ``closed_value``: 1 where the switch closes with the door, else 0."""

    name: str
    line: Line
    address: int
    channels: int
    pulse_ms: int = 300
    closed_value: Literal[0, 1] = 1
    byte_order: Literal["last", "first"] = "last"
    reply_seconds: float = REPLY_SECONDS
    _answer_length: int = 0
    _released: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.address <= HIGHEST_ADDRESS:
            raise WrongUse(self.name, f"8A/80 boards answer to 1 to {HIGHEST_ADDRESS}, not {self.address}")
        if not 1 <= self.channels <= HIGHEST_LOCK:
            raise WrongUse(self.name, f"8A/80 boards have 1 to {HIGHEST_LOCK} channels, not {self.channels}")
        if not 0 < self.pulse_ms <= LONGEST_PULSE_MS:
            raise WrongUse(self.name, f"a pulse lasts 1 to {LONGEST_PULSE_MS} ms, not {self.pulse_ms}")

    @property
    def pulse_seconds(self) -> float:
        return self.pulse_ms / 1000

    async def open(self, channel: int, permit: Permit) -> Pulse:
        """One pulse on one lock, at most once; the length is the board's own setting. See ``LockBoard``."""
        if not 1 <= channel <= self.channels:
            raise WrongUse(self.name, f"there is no channel {channel}, only 1 to {self.channels}")
        if not self._released:
            await self.release()
        try:
            done = await self.line.command(
                OpenLock(self.address, channel).to_bytes(),
                lambda received, _: self._acknowledged(received, channel),
                board=self.name,
                reply_seconds=self.reply_seconds,
                permit=permit,
            )
        except PortError:
            return Pulse(self.name, channel, PulseAnswer.NO_ANSWER)
        return self._pulse(channel, done)

    async def doors(self) -> DoorReadings:
        """All door switches. See ``LockBoard``."""
        done = await self.line.ask(
            ReadAll(self.address).to_bytes(),
            self._states,
            board=self.name,
            reply_seconds=self.reply_seconds,
        )
        assert done.answer is not None
        assert done.sent_at is not None
        assert done.answered_at is not None
        bits = done.answer.bits(self.byte_order)
        doors = {
            channel: bits[channel] != bool(self.closed_value)
            for channel in range(1, self.channels + 1)
            if channel in bits
        }
        return DoorReadings(self.name, doors, done.sent_at, done.answered_at)

    async def release(self) -> None:
        """Wait until a pulse is over that a program before us may have begun; no frame can cut one short.

        Without this, a restart in the middle of a pulse and a second opening make one of twice the length.
        """
        await asyncio.sleep(self.pulse_seconds)
        self._released = True

    def _pulse(self, channel: int, done: Exchange[LockState]) -> Pulse:
        if done.withheld:
            return Pulse(self.name, channel, PulseAnswer.WITHHELD)
        assert done.sent_at is not None
        if done.answer is None:
            ends_at = done.sent_at + self.reply_seconds + self.pulse_seconds
            return Pulse(self.name, channel, PulseAnswer.NO_ANSWER, done.sent_at, ends_at)
        assert done.answered_at is not None
        ends_at = done.answered_at + self.pulse_seconds
        return Pulse(self.name, channel, PulseAnswer.ACCEPTED, done.sent_at, ends_at, done.answered_at)

    def _acknowledged(self, received: bytes, channel: int) -> LockState | None:
        """The answer about this lock of this board, wherever it stands among garbage."""
        start = bytes([OPEN, self.address, channel])
        at = received.find(start)
        while at >= 0:
            frame = received[at : at + 5]
            if len(frame) == 5 and has_check(frame) and frame[3] in (0x00, 0x11):
                return LockState.from_bytes(frame)
            at = received.find(start, at + 1)
        return None

    def _states(self, received: bytes, silent: bool) -> AllStates | None:
        """The answer to read-all. Its length is learned from one that silence ended."""
        start = bytes([READ, self.address])
        at = received.find(start)
        while at >= 0:
            found = self._states_at(received[at:], silent)
            if found is not None:
                return found
            at = received.find(start, at + 1)
        return None

    def _states_at(self, received: bytes, silent: bool) -> AllStates | None:
        for length in READ_ALL_LENGTHS if silent else (self._answer_length,):
            frame = received[:length]
            if len(frame) == length >= 7 and frame[-2] == ALL_STATES and has_check(frame):
                self._answer_length = length
                return AllStates.from_bytes(frame)
        return None
