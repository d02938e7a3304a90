"""Dingchang DC lock boards, over RS-485.

The board times the pulse, 150 ms. The frames that open all, open many, or switch an output on to stay exist
on these boards (their maker warns that the last one burns a solenoid) and cannot be made here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from config.cabinet.families import LOCKS
from firmware_bridge.device import LockDevice
from firmware_bridge.frames import Sender, check_byte_error, in_hex, within
from firmware_bridge.serial_lock import Bits, Question, SerialLock

# "Host DC 02, board DC FE, then address, command, length, data, sum".
FROM_HOST, FROM_BOARD = b"\xdc\x02", b"\xdc\xfe"
SHORTEST = 6
# "10 open one, 11 read one, 12 read all".
OPEN, READ, READ_ALL = 0x10, 0x11, 0x12
# "01 version, 14 open all, 15 open many (sequential), 16 continuous output, 18 open many at the same instant,
# 1A many outputs".
VERSION = 0x01
OTHERS = {
    0x14: "open every lock",
    0x15: "open several locks one after the other",
    0x16: "switch an output to stay",
    0x18: "open several locks at once",
    0x1A: "switch several outputs to stay",
}
# "mask hi, lo" of 16 locks; boards with 24 have a byte more.
MASK_BYTES = (2, 3)
PULSE_MS = 150
"""As the board's hardware has it."""


def with_sum(header: bytes, body: bytes) -> bytes:
    """The frame: "sum = (address + command + length + data) mod 256", the header excluded."""
    return header + body + bytes([sum(body) & 0xFF])


def _frame(header: bytes, board: int, command: int, data: bytes) -> bytes:
    return with_sum(header, bytes([board, command, len(data)]) + data)


@dataclass(frozen=True, slots=True)
class OpenLock:
    """Host to board: one pulse on one lock."""

    board: int
    lock: int

    def __post_init__(self) -> None:
        if not LOCKS["lock_dingchang"].has_address(self.board):
            raise ValueError(f"board {self.board} is not {LOCKS['lock_dingchang'].address_span}")
        _lock(self.lock)

    @property
    def meaning(self) -> str:
        return f"board {self.board}: open lock {self.lock}"

    def to_bytes(self) -> bytes:
        return _frame(FROM_HOST, self.board, OPEN, bytes([self.lock]))


@dataclass(frozen=True, slots=True)
class ReadLock:
    """Host to board: read the switch of one lock."""

    board: int
    lock: int

    @property
    def meaning(self) -> str:
        return f"board {self.board}: read the switch of lock {self.lock}"

    def to_bytes(self) -> bytes:
        return _frame(FROM_HOST, self.board, READ, bytes([self.lock]))


@dataclass(frozen=True, slots=True)
class ReadAll:
    """Host to board: read all switches."""

    board: int

    @property
    def meaning(self) -> str:
        return f"board {self.board}: read all switches"

    def to_bytes(self) -> bytes:
        return _frame(FROM_HOST, self.board, READ_ALL, b"")


@dataclass(frozen=True, slots=True)
class AskVersion:
    """Host to board: which version is it."""

    board: int

    @property
    def meaning(self) -> str:
        return f"board {self.board}: which version"

    def to_bytes(self) -> bytes:
        return _frame(FROM_HOST, self.board, VERSION, b"")


@dataclass(frozen=True, slots=True)
class LockState:
    """Board to host: about one lock. The maker's table has lock and state, its examples the lock alone."""

    board: int
    command: int
    lock: int
    state: int | None

    @property
    def meaning(self) -> str:
        of = "opening" if self.command == OPEN else "reading"
        about = "" if self.state is None else f", its switch is {self.state}"
        return f"board {self.board}, answer to {of} lock {self.lock}{about}"

    def to_bytes(self) -> bytes:
        data = bytes([self.lock]) + (b"" if self.state is None else bytes([self.state]))
        return _frame(FROM_BOARD, self.board, self.command, data)


@dataclass(frozen=True, slots=True)
class AllStates:
    """Board to host: one bit a lock, 1 = open; the high byte comes first, lock 1 is the lowest bit."""

    board: int
    mask: bytes

    @property
    def meaning(self) -> str:
        ones = [str(lock) for lock, bit in self.bits().items() if bit]
        return f"board {self.board}, answer to reading all: {', '.join(ones) or 'none'} open"

    def bits(self) -> dict[int, bool]:
        number = int.from_bytes(self.mask, "big")
        return {lock: bool(number >> (lock - 1) & 1) for lock in range(1, 8 * len(self.mask) + 1)}

    def to_bytes(self) -> bytes:
        return _frame(FROM_BOARD, self.board, READ_ALL, self.mask)


@dataclass(frozen=True, slots=True)
class Done:
    """Board to host: its version, or the answer to a command that we never send."""

    board: int
    command: int
    data: bytes

    @property
    def meaning(self) -> str:
        if self.command == VERSION:
            return f"board {self.board}: version {'.'.join(str(byte) for byte in self.data)}"
        return f"board {self.board}, answer to '{OTHERS[self.command]}': {in_hex(self.data)}"

    def to_bytes(self) -> bytes:
        return _frame(FROM_BOARD, self.board, self.command, self.data)


@dataclass(frozen=True, slots=True)
class NeverSent:
    """Host to board: moves more than one lock, or holds an output. Can be read, cannot be made."""

    board: int
    command: int
    data: bytes

    @property
    def meaning(self) -> str:
        about = f" ({in_hex(self.data)})" if self.data else ""
        return f"board {self.board}: {OTHERS[self.command]}{about}; never sent by this program"


Frame = OpenLock | ReadLock | ReadAll | AskVersion | LockState | AllStates | Done | NeverSent


def read_frame(frame: bytes, sender: Sender | None = None) -> Frame:
    """What a frame means; ``ValueError`` when it means nothing."""
    if len(frame) < SHORTEST or frame[:2] not in (FROM_HOST, FROM_BOARD):
        raise ValueError(f"wrong head of a DC frame, or too short: {in_hex(frame)}")
    if len(frame) != SHORTEST + frame[4]:
        raise ValueError(
            f"wrong length in {in_hex(frame)}: {frame[4]} bytes of data, {len(frame) - SHORTEST} there"
        )
    if frame[-1] != sum(frame[2:-1]) & 0xFF:
        raise check_byte_error(frame, sum(frame[2:-1]) & 0xFF)
    by = Sender.HOST if frame[:2] == FROM_HOST else Sender.BOARD
    if sender not in (None, by):
        raise ValueError(f"no DC frame of a {sender}: {in_hex(frame)}")
    board, command, data = frame[2], frame[3], frame[5:-1]
    if not LOCKS["lock_dingchang"].has_address(board):
        raise ValueError(f"board {board} is not {LOCKS['lock_dingchang'].address_span}: {in_hex(frame)}")
    try:
        return (_from_host if by is Sender.HOST else _from_board)(board, command, data)
    except ValueError as error:
        raise ValueError(f"{error}: {in_hex(frame)}") from None


def _from_host(board: int, command: int, data: bytes) -> Frame:
    if command in OTHERS:
        return NeverSent(board, command, _of_several(command, data))
    if command in (OPEN, READ):
        _sized(data, 1)
        return OpenLock(board, _lock(data[0])) if command == OPEN else ReadLock(board, _lock(data[0]))
    if command not in (VERSION, READ_ALL):
        raise ValueError(f"there is no command {command:02x}")
    _sized(data, 0)
    return AskVersion(board) if command == VERSION else ReadAll(board)


def _of_several(command: int, data: bytes) -> bytes:
    if command == 0x14:
        _sized(data, 0)
    elif command == 0x16:
        _sized(data, 2)
        _lock(data[0])
        _state(data[1])
    else:
        _sized(data, *MASK_BYTES)
    return data


def _from_board(board: int, command: int, data: bytes) -> Frame:
    if command in (OPEN, READ):
        _sized(data, 1, 2)
        state = _state(data[1]) if len(data) == 2 else None
        return LockState(board, command, _lock(data[0]), state)
    if command == READ_ALL:
        _sized(data, *MASK_BYTES)
        return AllStates(board, data)
    if command == 0x16:
        _sized(data, 1)
        _lock(data[0])
    if command == VERSION:
        _sized(data, 2)
    if command == VERSION or command in OTHERS:
        return Done(board, command, data)
    raise ValueError(f"there is no answer {command:02x}")


def _sized(data: bytes, *lengths: int) -> None:
    if len(data) not in lengths:
        wanted = " or ".join(map(str, lengths))
        raise ValueError(f"{wanted} bytes of data are wanted, not {len(data)}")


def _lock(number: int) -> int:
    return within("lock", number, 1, LOCKS["lock_dingchang"].most_channels)


def _state(number: int) -> int:
    if number not in (0, 1):
        raise ValueError(f"state {number:02x} is neither 00 nor 01")
    return number


def frames_in(received: bytes) -> Iterator[Frame]:
    """Every whole frame of a board among these bytes, in order."""
    at = received.find(FROM_BOARD)
    while at >= 0:
        length = SHORTEST + received[at + 4] if len(received) > at + 4 else 0
        try:
            yield read_frame(received[at : at + length], Sender.BOARD)
            at += length - 1
        except ValueError:
            pass
        at = received.find(FROM_BOARD, at + 1)


@dataclass(slots=True)
class LockDingchang(SerialLock):
    """One DC board."""

    FAMILY = LOCKS["lock_dingchang"]

    def opening(self, channel: int) -> bytes:
        return OpenLock(self.address, channel).to_bytes()

    def opened(self, received: bytes, channel: int) -> bool | None:
        for told in frames_in(received):
            match told:
                case LockState(board=self.address, command=0x10, lock=lock) if lock == channel:
                    return True
        return None

    def questions(self) -> tuple[Question]:
        return (Question(ReadAll(self.address).to_bytes(), self._bits),)

    def _bits(self, received: bytes, _: bool) -> Bits | None:
        for told in frames_in(received):
            if isinstance(told, AllStates) and told.board == self.address:
                return told.bits()
        return None


DEVICE = LockDevice(LOCKS["lock_dingchang"], LockDingchang.of)
