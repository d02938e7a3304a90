"""KERONG CU48 lock boards, over four wires (RS-485/422); those of the CU48B are only explained.

The CU48 never answers an opening: its switches tell. Of the CU48B's longer answer nobody has published the
layout, so that no driver here reads its doors.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from config.cabinet.families import LOCKS
from firmware_bridge.device import LockDevice
from firmware_bridge.frames import Sender, check_byte_error, in_hex
from firmware_bridge.serial_lock import Bits, Question, SerialLock

# "02, address, lock, command, 03, sum": the low byte of the sum of all bytes before it.
STX, ETX = 0x02, 0x03
# "Address 00 to 09, 0A: all boards; lock 00 to 2F, 30: all locks".
ALL_BOARDS, ALL_LOCKS = 0x0A, 0x30
# "50 status, 51 unlock; answer 65"; the CU48B has 60, 61 and 75.
READ, OPEN, STATES = 0x50, 0x51, 0x65
READ_B, OPEN_B, STATES_B = 0x60, 0x61, 0x75
REQUEST_BYTES = 6
# "02, address, (without meaning), 65, D1 to D6, 03, sum"; D1 bit 0 is lock 1, D6 bit 7 lock 48; 1 = locked.
ANSWER_BYTES, ANSWER_BYTES_B = 12, 18


def with_sum(body: bytes) -> bytes:
    """The frame: ``body`` and the low byte of its sum."""
    return body + bytes([sum(body) & 0xFF])


@dataclass(frozen=True, slots=True)
class OpenLock:
    """Host to board: one pulse on one lock, counted from 1. ``is_b``: as a CU48B wants it."""

    board: int
    lock: int
    is_b: bool = False

    def __post_init__(self) -> None:
        if not LOCKS["lock_kerong_cu48"].has_address(self.board):
            raise ValueError(f"board {self.board} is not {LOCKS['lock_kerong_cu48'].address_span}")
        if not 1 <= self.lock <= 48:
            raise ValueError(f"lock {self.lock} is not between 1 and 48")

    @property
    def meaning(self) -> str:
        return f"board {self.board}: open lock {self.lock}"

    def to_bytes(self) -> bytes:
        command = OPEN_B if self.is_b else OPEN
        return with_sum(bytes([STX, self.board, self.lock - 1, command, ETX]))


@dataclass(frozen=True, slots=True)
class ReadAll:
    """Host to board: read all switches."""

    board: int
    is_b: bool = False

    @property
    def meaning(self) -> str:
        return f"board {self.board}: read all switches"

    def to_bytes(self) -> bytes:
        return with_sum(bytes([STX, self.board, 0, READ_B if self.is_b else READ, ETX]))


@dataclass(frozen=True, slots=True)
class AllStates:
    """Board to host: 48 hooks, 1 = locked, lock 1 in the lowest bit."""

    board: int
    hooks: int
    meaningless: int = 0

    @property
    def meaning(self) -> str:
        ones = [str(n + 1) for n in range(48) if self.hooks >> n & 1]
        return f"board {self.board}, answer to reading: switches {', '.join(ones) or 'none'} send a 1"

    def to_bytes(self) -> bytes:
        head = bytes([STX, self.board, self.meaningless, STATES])
        return with_sum(head + self.hooks.to_bytes(6, "little") + bytes([ETX]))


@dataclass(frozen=True, slots=True)
class AllStatesB:
    """Board to host: a CU48B's answer; what its bytes mean is not known."""

    board: int
    rest: bytes

    @property
    def meaning(self) -> str:
        return f"board {self.board}, answer to reading, in a layout that is not known: {in_hex(self.rest)}"

    def to_bytes(self) -> bytes:
        return with_sum(bytes([STX, self.board, self.rest[0], STATES_B]) + self.rest[1:] + bytes([ETX]))


@dataclass(frozen=True, slots=True)
class NeverSent:
    """Host to board: for every lock, or every board. Can be read, cannot be made."""

    board: int
    lock: int
    command: int

    @property
    def meaning(self) -> str:
        to = "every board" if self.board == ALL_BOARDS else f"board {self.board}"
        if self.command in (READ, READ_B):
            return f"{to}: read all switches; never sent by this program"
        which = "every lock" if self.lock == ALL_LOCKS else f"lock {self.lock + 1}"
        return f"{to}: open {which}; never sent by this program"


Frame = OpenLock | ReadAll | AllStates | AllStatesB | NeverSent


def read_frame(frame: bytes, sender: Sender | None = None) -> Frame:
    """What a frame means, of a CU48 or a CU48B; ``ValueError`` when it means nothing."""
    if len(frame) not in (REQUEST_BYTES, ANSWER_BYTES, ANSWER_BYTES_B):
        raise ValueError(f"wrong length of a CU48 frame, it has 6, 12 or 18 bytes: {in_hex(frame)}")
    if frame[0] != STX or frame[-2] != ETX:
        raise ValueError(f"wrong beginning or end of a CU48 frame: {in_hex(frame)}")
    if frame[-1] != sum(frame[:-1]) & 0xFF:
        raise check_byte_error(frame, sum(frame[:-1]) & 0xFF)
    by = Sender.HOST if len(frame) == REQUEST_BYTES else Sender.BOARD
    if sender not in (None, by):
        raise ValueError(f"no CU48 frame of a {sender}: {in_hex(frame)}")
    if frame[1] > ALL_BOARDS:
        raise ValueError(f"board {frame[1]} is not 0 to 9: {in_hex(frame)}")
    return _from_host(frame) if by is Sender.HOST else _from_board(frame)


def _from_host(frame: bytes) -> Frame:
    board, lock, command = frame[1:4]
    if command not in (READ, OPEN, READ_B, OPEN_B):
        raise ValueError(f"there is no command {command:02x}: {in_hex(frame)}")
    if lock > ALL_LOCKS:
        raise ValueError(f"lock {lock + 1} is not between 1 and 48: {in_hex(frame)}")
    if board == ALL_BOARDS or lock == ALL_LOCKS:
        return NeverSent(board, lock, command)
    if command in (OPEN, OPEN_B):
        return OpenLock(board, lock + 1, command == OPEN_B)
    if lock:
        raise ValueError(f"a reading names lock {lock + 1}: {in_hex(frame)}")
    return ReadAll(board, command == READ_B)


def _from_board(frame: bytes) -> Frame:
    if frame[1] == ALL_BOARDS:
        raise ValueError(f"board {frame[1]} is not 0 to 9: {in_hex(frame)}")
    expected = STATES if len(frame) == ANSWER_BYTES else STATES_B
    if frame[3] != expected:
        raise ValueError(
            f"answer {frame[3]:02x} of {len(frame)} bytes is not {expected:02x}: {in_hex(frame)}"
        )
    if expected == STATES_B:
        return AllStatesB(frame[1], frame[2:3] + frame[4:-2])
    return AllStates(frame[1], int.from_bytes(frame[4:10], "little"), frame[2])


def answers_in(received: bytes) -> Iterator[AllStates]:
    """Every whole answer of a CU48 among these bytes, in order."""
    at = received.find(STX)
    while at >= 0:
        try:
            told = read_frame(received[at : at + ANSWER_BYTES], Sender.BOARD)
        except ValueError:
            pass
        else:
            if isinstance(told, AllStates):
                yield told
                at += ANSWER_BYTES - 1
        at = received.find(STX, at + 1)


@dataclass(slots=True)
class LockKerongCu48(SerialLock):
    """One CU48 board. Its own setting is the length of a pulse; ``pulse_ms`` says what that is."""

    FAMILY = LOCKS["lock_kerong_cu48"]

    def opening(self, channel: int) -> bytes:
        return OpenLock(self.address, channel).to_bytes()

    def opened(self, received: bytes, channel: int) -> bool | None:
        """It says nothing."""
        return None

    def questions(self) -> tuple[Question]:
        return (Question(ReadAll(self.address).to_bytes(), self._bits),)

    def _bits(self, received: bytes, _: bool) -> Bits | None:
        for told in answers_in(received):
            if told.board == self.address:
                return {channel: bool(told.hooks >> (channel - 1) & 1) for channel in range(1, 49)}
        return None


DEVICE = LockDevice(LOCKS["lock_kerong_cu48"], LockKerongCu48.of)
