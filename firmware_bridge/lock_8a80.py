"""Lock boards that speak 8A/80 frames with an XOR check byte (Shuoming and many rebrands), over RS-485.

The frames that energise every lock (lock 00) or hold a coil on (9A) and release it (9B) exist on these boards
and cannot be made here.
"""

from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Literal, Self

from config.cabinet import Board
from config.cabinet.families import LOCKS
from firmware_bridge.device import LockDevice
from firmware_bridge.frames import Sender, check_byte_error, in_hex, within
from firmware_bridge.line import Line
from firmware_bridge.serial_lock import Bits, Question, SerialLock

# "8A, board, lock (00 = all), 11, BCC: open"; the answer has the same form with the switch's state for 11.
OPEN = 0x8A
# "80, board, 00, 33, BCC: read all"; the answer carries 3 status bytes up to 24 channels, 4 for 32, 7 for 50.
READ = 0x80
PULSE = 0x11
# "9A / 9B: hold / release a channel."
HOLD, LET_GO = 0x9A, 0x9B
ALL_STATES = 0x33
# "BCC = XOR of all preceding bytes." A frame with a wrong one is ignored without a word.
HIGHEST_ADDRESS = LOCKS["lock_8a80"].addresses[1]
HIGHEST_LOCK = LOCKS["lock_8a80"].most_channels
READ_ALL_LENGTHS = (7, 8, 11)


def with_check(body: bytes) -> bytes:
    """The frame: ``body`` and its check byte."""
    return body + bytes([reduce(xor, body)])


def has_check(frame: bytes) -> bool:
    """Whether the last byte is the XOR of all before it."""
    return len(frame) > 1 and reduce(xor, frame) == 0


def _board(number: int) -> int:
    return within("board", number, 1, HIGHEST_ADDRESS)


def _lock(number: int) -> int:
    return within("lock", number, 1, HIGHEST_LOCK)


def _checked(frame: bytes, what: str) -> bytes:
    if len(frame) < 2:
        raise ValueError(f"{what}: too short: {in_hex(frame)}")
    if not has_check(frame):
        raise check_byte_error(frame, reduce(xor, frame[:-1]))
    return frame


@dataclass(frozen=True, slots=True)
class OpenLock:
    """Host to board: one pulse on one lock, ``seconds`` long or as long as the board's own setting."""

    board: int
    lock: int
    seconds: int | None = None

    def __post_init__(self) -> None:
        _board(self.board)
        _lock(self.lock)
        if self.seconds not in (None, 1):
            raise ValueError(f"a pulse of {self.seconds} s is not 1 s; a longer one burns a coil")

    @property
    def meaning(self) -> str:
        length = f" for {self.seconds} s" if self.seconds else ""
        return f"board {self.board}: open lock {self.lock}{length}"

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

    @property
    def meaning(self) -> str:
        of = "opening" if self.header == OPEN else "reading"
        return f"board {self.board}, answer to {of} lock {self.lock}: its switch is {self.state:02x}"

    def to_bytes(self) -> bytes:
        return with_check(bytes([self.header, self.board, self.lock, self.state]))

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are no answer about one lock."""
        _checked(frame, "lock state")
        if len(frame) != 5 or frame[0] not in (OPEN, READ):
            raise ValueError(f"not the state of a lock: {frame.hex(' ')}")
        if frame[3] not in (0x00, 0x11):
            raise ValueError(f"state {frame[3]:02x} is neither 00 nor 11")
        return cls(frame[0], _board(frame[1]), _lock(frame[2]), frame[3])


@dataclass(frozen=True, slots=True)
class ReadLock:
    """Host to board: read the switch of one lock."""

    board: int
    lock: int

    @property
    def meaning(self) -> str:
        return f"board {self.board}: read the switch of lock {self.lock}"

    def to_bytes(self) -> bytes:
        return with_check(bytes([READ, self.board, self.lock, ALL_STATES]))

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes do not ask for one lock."""
        _checked(frame, "read one")
        if len(frame) != 5 or frame[0] != READ or frame[2] == 0 or frame[3] != ALL_STATES:
            raise ValueError(f"not a read-one frame: {frame.hex(' ')}")
        return cls(_board(frame[1]), _lock(frame[2]))


@dataclass(frozen=True, slots=True)
class ReadAll:
    """Host to board: read all switches."""

    board: int

    @property
    def meaning(self) -> str:
        return f"board {self.board}: read all switches"

    def to_bytes(self) -> bytes:
        return with_check(bytes([READ, self.board, 0x00, ALL_STATES]))

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes do not ask for all locks."""
        _checked(frame, "read all")
        if len(frame) != 5 or frame[0] != READ or frame[2:4] != bytes([0x00, ALL_STATES]):
            raise ValueError(f"not a read-all frame: {frame.hex(' ')}")
        return cls(_board(frame[1]))


@dataclass(frozen=True, slots=True)
class AllStates:
    """Board to host: one bit per channel, in 3, 4 or 7 status bytes whatever the number of locks fitted."""

    board: int
    status: bytes

    @property
    def meaning(self) -> str:
        return f"board {self.board}, answer to reading all: {self.status.hex(' ')}"

    def to_bytes(self) -> bytes:
        return with_check(bytes([READ, self.board]) + self.status + bytes([ALL_STATES]))

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are no answer to read-all."""
        _checked(frame, "all states")
        if len(frame) not in READ_ALL_LENGTHS or frame[0] != READ or frame[-2] != ALL_STATES:
            raise ValueError(f"not the states of all locks: {frame.hex(' ')}")
        return cls(_board(frame[1]), frame[2:-2])

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

    @property
    def meaning(self) -> str:
        if self.header == OPEN:
            return f"board {self.board}: open every lock"
        return f"board {self.board}: {'hold' if self.header == HOLD else 'release'} output {self.lock}"

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are none of those commands."""
        _checked(frame, "held output")
        opens_all = frame[:1] == bytes([OPEN]) and frame[2:3] == b"\x00"
        if len(frame) != 5 or frame[3] != PULSE or not (opens_all or frame[0] in (HOLD, LET_GO)):
            raise ValueError(f"not a command that holds or opens everything: {frame.hex(' ')}")
        return cls(frame[0], _board(frame[1]), 0 if opens_all else _lock(frame[2]))


Frame = OpenLock | LockState | ReadLock | ReadAll | AllStates | NeverSent


def read_frame(frame: bytes, sender: Sender | None = None) -> Frame:
    """What a frame means; ``ValueError`` when it means nothing.

    The acknowledgement of an opening with state 11 looks exactly like its request, and is read as the request
    where nobody says that a board sent it.
    """
    _checked(frame, "8A/80 frame")
    reasons = []
    for by in Sender if sender is None else (sender,):
        try:
            return (_of_host(frame) if by is Sender.HOST else _of_board(frame)).from_bytes(frame)
        except ValueError as error:
            reasons.append(f"from a {by}, {error}")
    raise ValueError(f"no 8A/80 frame: {in_hex(frame)}: {'; '.join(reasons)}")


def _of_host(frame: bytes) -> type[OpenLock | NeverSent | ReadAll | ReadLock]:
    is_for_all = frame[2:3] == b"\x00"
    if frame[0] == READ:
        return ReadAll if is_for_all else ReadLock
    return NeverSent if is_for_all or frame[0] in (HOLD, LET_GO) else OpenLock


def _of_board(frame: bytes) -> type[LockState | AllStates]:
    return AllStates if len(frame) in READ_ALL_LENGTHS else LockState


@dataclass(slots=True)
class Lock8A80(SerialLock):
    """One 8A/80 board. Its own setting is the length of a pulse; ``pulse_ms`` says what that is.

    ``byte_order`` says which status byte holds channels 1 to 8.
    """

    FAMILY = LOCKS["lock_8a80"]

    byte_order: Literal["last", "first"] = "last"
    _answer_length: int = 0

    def opening(self, channel: int) -> bytes:
        return OpenLock(self.address, channel).to_bytes()

    def opened(self, received: bytes, channel: int) -> bool | None:
        """Whatever state the answer carries: it acknowledges, and the switch has not moved yet."""
        return None if self.acknowledgement(received, channel) is None else True

    def questions(self) -> tuple[Question]:
        return (Question(ReadAll(self.address).to_bytes(), self._bits),)

    def acknowledgement(self, received: bytes, channel: int) -> LockState | None:
        """The answer about this lock of this board, wherever it stands among garbage."""
        start = bytes([OPEN, self.address, channel])
        at = received.find(start)
        while at >= 0:
            frame = received[at : at + 5]
            if len(frame) == 5 and has_check(frame) and frame[3] in (0x00, 0x11):
                return LockState.from_bytes(frame)
            at = received.find(start, at + 1)
        return None

    def states(self, received: bytes, silent: bool) -> AllStates | None:
        """The answer to read-all. Its length is learned from one that silence ended."""
        start = bytes([READ, self.address])
        at = received.find(start)
        while at >= 0:
            found = self._states_at(received[at:], silent)
            if found is not None:
                return found
            at = received.find(start, at + 1)
        return None

    def _bits(self, received: bytes, silent: bool) -> Bits | None:
        told = self.states(received, silent)
        return None if told is None else told.bits(self.byte_order)

    def _states_at(self, received: bytes, silent: bool) -> AllStates | None:
        for length in READ_ALL_LENGTHS if silent else (self._answer_length,):
            frame = received[:length]
            if len(frame) == length >= 7 and frame[-2] == ALL_STATES and has_check(frame):
                self._answer_length = length
                return AllStates.from_bytes(frame)
        return None


def _drive(board: Board, line: Line, _: tuple[int, ...]) -> Lock8A80:
    return Lock8A80(
        board.name,
        line,
        board.address,
        board.channels,
        board.pulse_ms,
        board.closed_value,
        answers_openings=board.is_answering,
        byte_order=board.byte_order,
    )


DEVICE = LockDevice(LOCKS["lock_8a80"], _drive)
