"""KERONG CU16 lock boards ("classic"), over RS-485.

One byte names board and lock: its upper half is the board, its lower half the lock, both from 0. Board 15 is
not used here, because its byte for lock 1 is the broadcast address.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from config.cabinet.families import LOCKS
from firmware_bridge.device import LockDevice
from firmware_bridge.frames import Sender, check_byte_error, in_hex, within
from firmware_bridge.serial_lock import Bits, Question, SerialLock

# "02, address, command, 03, sum": the low byte of the sum of all bytes before it.
STX, ETX = 0x02, 0x03
# "Address F0: broadcast".
BROADCAST = 0xF0
# "30 status, 31 unlock".
READ, OPEN = 0x30, 0x31
# "32 whole-bus status, 33 unlock all, 37 unlock time (10 ms units, 7-byte form), 39 delay, 40 baud".
OTHERS = {
    0x32: "read every board of the bus",
    0x33: "open every lock",
    0x37: "set how long a pulse lasts",
    0x39: "set the delay of a pulse",
    0x40: "set the speed of the line",
}
# Those carry no value; 37 has the 7-byte form.
PLAIN, SET_PULSE = (READ, OPEN, 0x32, 0x33), 0x37
# "Answer 02, address, 35 | 36, D1 to D4, 03, sum": hooks 1-8 and 9-16, then two bytes of infrared sensors.
STATUS, OPENED = 0x35, 0x36
ANSWER_BYTES = 9
REQUEST_BYTES, SETTING_BYTES = 5, 7


def with_sum(body: bytes) -> bytes:
    """The frame: ``body`` and the low byte of its sum."""
    return body + bytes([sum(body) & 0xFF])


@dataclass(frozen=True, slots=True)
class OpenLock:
    """Host to board: one pulse on one lock, counted from 1 as on the board."""

    board: int
    lock: int

    def __post_init__(self) -> None:
        if not LOCKS["lock_kerong_cu16"].has_address(self.board):
            raise ValueError(f"board {self.board} is not {LOCKS['lock_kerong_cu16'].address_span}")
        if not 1 <= self.lock <= 16:
            raise ValueError(f"lock {self.lock} is not between 1 and 16")

    @property
    def meaning(self) -> str:
        return f"board {self.board}: open lock {self.lock}"

    def to_bytes(self) -> bytes:
        return with_sum(bytes([STX, self.board << 4 | self.lock - 1, OPEN, ETX]))


@dataclass(frozen=True, slots=True)
class ReadAll:
    """Host to board: read all switches and sensors."""

    board: int

    @property
    def meaning(self) -> str:
        return f"board {self.board}: read all switches"

    def to_bytes(self) -> bytes:
        return with_sum(bytes([STX, self.board << 4, READ, ETX]))


@dataclass(frozen=True, slots=True)
class AllStates:
    """Board to host: hooks (1 = locked) and infrared sensors, lock 1 in the lowest bit.

    ``answers`` an opening (36) or a reading (35); some firmwares say nothing to an opening.
    """

    board: int
    answers: int
    hooks: int
    sensors: int

    @property
    def meaning(self) -> str:
        of = "opening" if self.answers == OPENED else "reading"
        ones = [str(n + 1) for n in range(16) if self.hooks >> n & 1]
        return f"board {self.board}, answer to {of}: switches {', '.join(ones) or 'none'} send a 1"

    def to_bytes(self) -> bytes:
        data = self.hooks.to_bytes(2, "little") + self.sensors.to_bytes(2, "little")
        return with_sum(bytes([STX, self.board << 4, self.answers]) + data + bytes([ETX]))


@dataclass(frozen=True, slots=True)
class NeverSent:
    """Host to board: opens all, asks a whole bus, or changes a setting. Can be read, cannot be made."""

    address: int
    command: int
    data: bytes

    @property
    def meaning(self) -> str:
        to = "every board" if self.address == BROADCAST else f"address {self.address:02x}"
        what = OTHERS.get(self.command, "open a lock" if self.command == OPEN else "read")
        about = f" ({in_hex(self.data)})" if self.data else ""
        return f"{to}: {what}{about}; never sent by this program"


Frame = OpenLock | ReadAll | AllStates | NeverSent


def read_frame(frame: bytes, sender: Sender | None = None) -> Frame:
    """What a frame means; ``ValueError`` when it means nothing."""
    if len(frame) not in (REQUEST_BYTES, SETTING_BYTES, ANSWER_BYTES):
        raise ValueError(f"wrong length of a CU16 frame, it has 5, 7 or 9 bytes: {in_hex(frame)}")
    if frame[0] != STX or frame[-2] != ETX:
        raise ValueError(f"wrong beginning or end of a CU16 frame: {in_hex(frame)}")
    if frame[-1] != sum(frame[:-1]) & 0xFF:
        raise check_byte_error(frame, sum(frame[:-1]) & 0xFF)
    by = Sender.BOARD if len(frame) == ANSWER_BYTES else Sender.HOST
    if sender not in (None, by):
        raise ValueError(f"no CU16 frame of a {sender}: {in_hex(frame)}")
    return _from_board(frame) if by is Sender.BOARD else _from_host(frame)


def _from_board(frame: bytes) -> AllStates:
    if frame[2] not in (STATUS, OPENED):
        raise ValueError(f"answer {frame[2]:02x} is neither 35 nor 36: {in_hex(frame)}")
    board = within("board", frame[1] >> 4, *LOCKS["lock_kerong_cu16"].addresses)
    if frame[2] == STATUS and frame[1] & 0x0F:
        raise ValueError(f"address {frame[1]:02x} of all switches names a lock: {in_hex(frame)}")
    hooks, sensors = int.from_bytes(frame[3:5], "little"), int.from_bytes(frame[5:7], "little")
    return AllStates(board, frame[2], hooks, sensors)


def _from_host(frame: bytes) -> Frame:
    address, command, data = frame[1], frame[2], frame[3:-2]
    if command in OTHERS or address >= BROADCAST:
        if command not in (READ, OPEN, *OTHERS):
            raise ValueError(f"there is no command {command:02x}: {in_hex(frame)}")
        if (data and command in PLAIN) or (not data and command == SET_PULSE):
            raise ValueError(f"wrong length of command {command:02x}: {in_hex(frame)}")
        return NeverSent(address, command, data)
    if data or command not in (READ, OPEN):
        raise ValueError(f"there is no command {command:02x} of this length: {in_hex(frame)}")
    if command == OPEN:
        return OpenLock(address >> 4, (address & 0x0F) + 1)
    if address & 0x0F:
        raise ValueError(f"address {address:02x} of a reading names a lock: {in_hex(frame)}")
    return ReadAll(address >> 4)


def answers_in(received: bytes) -> Iterator[AllStates]:
    """Every whole answer among these bytes, in order."""
    at = received.find(STX)
    while at >= 0:
        try:
            told = read_frame(received[at : at + ANSWER_BYTES], Sender.BOARD)
            assert isinstance(told, AllStates)
            yield told
            at += ANSWER_BYTES - 1
        except ValueError:
            pass
        at = received.find(STX, at + 1)


@dataclass(slots=True)
class LockKerongCu16(SerialLock):
    """One CU16 board. Its own setting is the length of a pulse; ``pulse_ms`` says what that is."""

    FAMILY = LOCKS["lock_kerong_cu16"]

    def opening(self, channel: int) -> bytes:
        return OpenLock(self.address, channel).to_bytes()

    def opened(self, received: bytes, channel: int) -> bool | None:
        """The answer of those firmwares that give one names the board, and no lock."""
        for told in answers_in(received):
            if (told.board, told.answers) == (self.address, OPENED):
                return True
        return None

    def questions(self) -> tuple[Question]:
        return (Question(ReadAll(self.address).to_bytes(), self._bits),)

    def _bits(self, received: bytes, _: bool) -> Bits | None:
        for told in answers_in(received):
            if (told.board, told.answers) == (self.address, STATUS):
                return {channel: bool(told.hooks >> (channel - 1) & 1) for channel in range(1, 17)}
        return None


DEVICE = LockDevice(LOCKS["lock_kerong_cu16"], LockKerongCu16.of)
