"""KERONG CU12 and CU24 lock boards, the newer protocol: the only family here that says why it did not open.

The sum covers every byte but itself, also the data that stands behind it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from config.cabinet import Board
from config.cabinet.families import LOCKS
from firmware_bridge.device import LockDevice
from firmware_bridge.errors import WrongUse
from firmware_bridge.frames import Sender, in_hex, within
from firmware_bridge.line import Line, Refused
from firmware_bridge.serial_lock import Bits, Question, SerialLock

# "02, address, lock, command, ask, data length, 03, sum, data".
STX, ETX = 0x02, 0x03
HEAD = 8
SUM_AT = 7
# "Address 00 to 0F, 10: broadcast".
BROADCAST = 0x10
# "80 status, 81 unlock".
READ, OPEN = 0x80, 0x81
# "82 unlock time, 83 baud, 84 delay, 85 push-wait, 8E init, 8F version".
OTHERS = {
    0x82: "unlock time",
    0x83: "speed of the line",
    0x84: "delay",
    0x85: "wait for a push",
    0x8E: "back to the maker's settings",
    0x8F: "version",
}
# "00 request, 10 ok, 11 failed, 12 timeout, 13 unknown command, 14 verify error".
REQUEST, OK = 0x00, 0x10
OUTCOMES = {
    OK: "done",
    0x11: "failed",
    0x12: "timed out",
    0x13: "command not known",
    0x14: "wrong sum",
}
LOCKS_BY_PROFILE = {"cu24": 24, "cu12": 12}
LONGEST_DATA = 16


def _sum(frame: bytes) -> int:
    return (sum(frame) - frame[SUM_AT]) & 0xFF


def make(board: int, lock: int, command: int, ask: int, data: bytes) -> bytes:
    """The frame of these fields; ``lock`` counts from 0."""
    frame = bytes([STX, board, lock, command, ask, len(data), ETX, 0]) + data
    return frame[:SUM_AT] + bytes([_sum(frame)]) + data


@dataclass(frozen=True, slots=True)
class OpenLock:
    """Host to board: one pulse on one lock, counted from 1."""

    board: int
    lock: int

    def __post_init__(self) -> None:
        if not LOCKS["lock_kerong_cu24"].has_address(self.board):
            raise ValueError(f"board {self.board} is not {LOCKS['lock_kerong_cu24'].address_span}")
        _lock(self.lock)

    @property
    def meaning(self) -> str:
        return f"board {self.board}: open lock {self.lock}"

    def to_bytes(self) -> bytes:
        return make(self.board, self.lock - 1, OPEN, REQUEST, b"")


@dataclass(frozen=True, slots=True)
class ReadAll:
    """Host to board: read all switches."""

    board: int

    @property
    def meaning(self) -> str:
        return f"board {self.board}: read all switches"

    def to_bytes(self) -> bytes:
        return make(self.board, 0, READ, REQUEST, b"")


@dataclass(frozen=True, slots=True)
class AskVersion:
    """Host to board: which version is it."""

    board: int

    @property
    def meaning(self) -> str:
        return f"board {self.board}: which version"

    def to_bytes(self) -> bytes:
        return make(self.board, 0, 0x8F, REQUEST, b"")


@dataclass(frozen=True, slots=True)
class Answer:
    """Board to host: how it went, and data. ``lock`` counts from 1 where the command is about one."""

    board: int
    lock: int
    command: int
    outcome: int
    data: bytes

    @property
    def meaning(self) -> str:
        done = OUTCOMES[self.outcome]
        if self.command == OPEN:
            return f"board {self.board}, answer to opening lock {self.lock}: {done}"
        if self.command == READ:
            ones = ", ".join(str(lock) for lock, bit in self.bits().items() if bit)
            return f"board {self.board}, answer to reading: {done}, switches {ones or 'none'} send a 1"
        return f"board {self.board}, {OTHERS[self.command]}: {done}, {in_hex(self.data)}"

    def bits(self) -> dict[int, bool]:
        """The switches, low byte first."""
        number = int.from_bytes(self.data, "little")
        return {lock: bool(number >> (lock - 1) & 1) for lock in range(1, 8 * len(self.data) + 1)}

    def to_bytes(self) -> bytes:
        return make(self.board, self.lock - 1, self.command, self.outcome, self.data)


@dataclass(frozen=True, slots=True)
class NeverSent:
    """Host to board: for every board or lock, or a setting. Can be read, cannot be made."""

    board: int
    lock: int
    command: int
    data: bytes

    @property
    def meaning(self) -> str:
        to = "every board" if self.board == BROADCAST else f"board {self.board}"
        if self.command in (READ, OPEN):
            what = "open" if self.command == OPEN else "read"
            return f"{to}: {what}, number {self.lock}; never sent by this program"
        return f"{to}: set {OTHERS[self.command]} ({in_hex(self.data)}); never sent by this program"


Frame = OpenLock | ReadAll | AskVersion | Answer | NeverSent


def read_frame(frame: bytes, sender: Sender | None = None) -> Frame:
    """What a frame means; ``ValueError`` when it means nothing."""
    if len(frame) < HEAD or frame[0] != STX or frame[6] != ETX:
        raise ValueError(f"wrong beginning of a CU24 frame, or too short: {in_hex(frame)}")
    if len(frame) != HEAD + frame[5] or frame[5] > LONGEST_DATA:
        there = len(frame) - HEAD
        raise ValueError(f"wrong length in {in_hex(frame)}: it says {frame[5]} bytes of data, it has {there}")
    if frame[SUM_AT] != _sum(frame):
        raise ValueError(
            f"wrong sum in {in_hex(frame)}: it is {frame[SUM_AT]:02x}, the other bytes make {_sum(frame):02x}"
        )
    by = Sender.HOST if frame[4] == REQUEST else Sender.BOARD
    if sender not in (None, by):
        raise ValueError(f"no CU24 frame of a {sender}: {in_hex(frame)}")
    try:
        return (_from_host if by is Sender.HOST else _from_board)(frame)
    except ValueError as error:
        raise ValueError(f"{error}: {in_hex(frame)}") from None


def _from_host(frame: bytes) -> Frame:
    board, lock, command, data = frame[1], frame[2], frame[3], frame[HEAD:]
    if board > BROADCAST or command not in (READ, OPEN, *OTHERS):
        raise ValueError(f"there is no board {board}, or no command {command:02x}")
    _lock(lock + 1)
    if board == BROADCAST or (command in OTHERS and command != 0x8F) or data:
        return NeverSent(board, lock, command, data)
    if command == OPEN:
        # 0C is all locks of a CU12 and the thirteenth of a CU24; the frame does not say which one it is for.
        return OpenLock(board, lock + 1)
    if lock:
        return NeverSent(board, lock, command, data)
    return ReadAll(board) if command == READ else AskVersion(board)


def _from_board(frame: bytes) -> Answer:
    board, lock, command, outcome, data = frame[1], frame[2], frame[3], frame[4], frame[HEAD:]
    if board >= BROADCAST or command not in (READ, OPEN, *OTHERS):
        raise ValueError(f"there is no board {board}, or no answer {command:02x}")
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome {outcome:02x} is none of {', '.join(f'{each:02x}' for each in OUTCOMES)}")
    if command == READ and outcome == OK and len(data) not in (2, 3):
        raise ValueError(f"switches come in 2 or 3 bytes, not {len(data)}")
    return Answer(board, _lock(lock + 1), command, outcome, data)


def _lock(number: int) -> int:
    return within("lock", number, 1, LOCKS["lock_kerong_cu24"].most_channels)


def answers_in(received: bytes) -> Iterator[Answer]:
    """Every whole answer among these bytes, in order."""
    at = received.find(STX)
    while at >= 0:
        length = HEAD + received[at + 5] if len(received) > at + 5 else 0
        try:
            told = read_frame(received[at : at + length], Sender.BOARD)
            assert isinstance(told, Answer)
            yield told
            at += length - 1
        except ValueError:
            pass
        at = received.find(STX, at + 1)


@dataclass(slots=True)
class LockKerongCu24(SerialLock):
    """One board. Its own setting is the length of a pulse; ``pulse_ms`` says what that is."""

    FAMILY = LOCKS["lock_kerong_cu24"]

    def opening(self, channel: int) -> bytes:
        return OpenLock(self.address, channel).to_bytes()

    def opened(self, received: bytes, channel: int) -> bool | None:
        for told in answers_in(received):
            if (told.board, told.command, told.lock) == (self.address, OPEN, channel):
                return told.outcome == OK
        return None

    def questions(self) -> tuple[Question]:
        return (Question(ReadAll(self.address).to_bytes(), self._bits),)

    def _bits(self, received: bytes, _: bool) -> Bits | Refused | None:
        for told in answers_in(received):
            if (told.board, told.command) == (self.address, READ):
                return told.bits() if told.outcome == OK else Refused(told.outcome)
        return None


def _drive(board: Board, line: Line, beams: tuple[int, ...]) -> LockKerongCu24:
    most = LOCKS_BY_PROFILE[board.dialect]
    if board.channels > most:
        # The frame for a thirteenth lock opens every lock of a CU12.
        raise WrongUse(
            board.name, f"a {board.dialect.upper()} has at most {most} channels, not {board.channels}"
        )
    return LockKerongCu24.of(board, line, beams)


DEVICE = LockDevice(LOCKS["lock_kerong_cu24"], _drive)
