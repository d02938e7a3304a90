"""Winnsen lock boards, over RS-485. Their frames carry no check: what a noisy wire changes can look right.

So an answer counts only when every byte that can be foretold is as it has to be, and each switch is asked by
itself. All that is known of these frames comes from one source; see docs/boards/lock_winnsen.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from config.cabinet.families import LOCKS
from firmware_bridge.device import LockDevice
from firmware_bridge.frames import Sender, in_hex
from firmware_bridge.serial_lock import Bits, Question, SerialLock

# "90, total length, function, station, lock, 03" and "90, 07, function + 80, station, lock, status, 03".
HEAD, END = 0x90, 0x03
REQUEST_BYTES, ANSWER_BYTES = 6, 7
# "Function 05 unlock, 12 status".
OPEN, READ = 0x05, 0x12
ANSWER = 0x80
# "Timeout 2 s": a board may answer so late, and nothing in an answer says which question it is for.
TIMEOUT_SECONDS = 2.0
# "Status 01 success / open, 00 fail / closed".
STATUS = {0x00: ("failed", "closed"), 0x01: ("done", "open")}


@dataclass(frozen=True, slots=True)
class _About:
    station: int
    lock: int

    def __post_init__(self) -> None:
        family = LOCKS["lock_winnsen"]
        if not family.has_address(self.station):
            raise ValueError(f"station {self.station} is not {family.address_span}")
        if not 1 <= self.lock <= family.most_channels:
            raise ValueError(f"lock {self.lock} is not between 1 and {family.most_channels}")


@dataclass(frozen=True, slots=True)
class OpenLock(_About):
    """Host to board: one pulse on one lock."""

    @property
    def meaning(self) -> str:
        return f"station {self.station}: open lock {self.lock}"

    def to_bytes(self) -> bytes:
        return bytes([HEAD, REQUEST_BYTES, OPEN, self.station, self.lock, END])


@dataclass(frozen=True, slots=True)
class ReadLock(_About):
    """Host to board: read the switch of one lock."""

    @property
    def meaning(self) -> str:
        return f"station {self.station}: read the switch of lock {self.lock}"

    def to_bytes(self) -> bytes:
        return bytes([HEAD, REQUEST_BYTES, READ, self.station, self.lock, END])


@dataclass(frozen=True, slots=True)
class LockState(_About):
    """Board to host: whether an opening was done, or whether a door stands open."""

    function: int
    status: int

    @property
    def meaning(self) -> str:
        done, switch = STATUS[self.status]
        if self.function == OPEN:
            return f"station {self.station}, answer to opening lock {self.lock}: {done}"
        return f"station {self.station}: lock {self.lock} is {switch}"

    def to_bytes(self) -> bytes:
        return bytes([HEAD, ANSWER_BYTES, self.function + ANSWER, self.station, self.lock, self.status, END])


Frame = OpenLock | ReadLock | LockState


def read_frame(frame: bytes, sender: Sender | None = None) -> Frame:
    """What a frame means; ``ValueError`` when it means nothing. There is no check byte."""
    if len(frame) not in (REQUEST_BYTES, ANSWER_BYTES) or frame[0] != HEAD or frame[-1] != END:
        raise ValueError(f"wrong beginning, end or length of a Winnsen frame: {in_hex(frame)}")
    if frame[1] != len(frame):
        raise ValueError(f"wrong length in {in_hex(frame)}: it says {frame[1]}, there are {len(frame)} bytes")
    by = Sender.HOST if len(frame) == REQUEST_BYTES else Sender.BOARD
    if sender not in (None, by):
        raise ValueError(f"no Winnsen frame of a {sender}: {in_hex(frame)}")
    function, station, lock = frame[2:5]
    try:
        if by is Sender.BOARD:
            return _answer(function, station, lock, frame[5])
        if function not in (OPEN, READ):
            raise ValueError(f"there is no function {function:02x}")
        return OpenLock(station, lock) if function == OPEN else ReadLock(station, lock)
    except ValueError as error:
        raise ValueError(f"{error}: {in_hex(frame)}") from None


def _answer(function: int, station: int, lock: int, status: int) -> LockState:
    if function not in (OPEN | ANSWER, READ | ANSWER):
        raise ValueError(f"there is no answer {function:02x}")
    if status not in STATUS:
        raise ValueError(f"status {status:02x} is neither 00 nor 01")
    return LockState(station, lock, function & ~ANSWER, status)


def answers_in(received: bytes) -> Iterator[LockState]:
    """Every whole answer among these bytes, in order."""
    at = received.find(HEAD)
    while at >= 0:
        try:
            told = read_frame(received[at : at + ANSWER_BYTES], Sender.BOARD)
            assert isinstance(told, LockState)
            yield told
            at += ANSWER_BYTES - 1
        except ValueError:
            pass
        at = received.find(HEAD, at + 1)


@dataclass(slots=True)
class LockWinnsen(SerialLock):
    """One board. Its own setting is the length of a pulse; ``pulse_ms`` says what that is."""

    FAMILY = LOCKS["lock_winnsen"]

    reply_seconds: float = TIMEOUT_SECONDS

    def opening(self, channel: int) -> bytes:
        return OpenLock(self.address, channel).to_bytes()

    def opened(self, received: bytes, channel: int) -> bool | None:
        """Only "done" is believed: one disturbed bit makes "failed" of it, and the coil was on."""
        return True if self._status(received, OPEN, channel) == 1 else None

    def questions(self) -> tuple[Question, ...]:
        return tuple(
            Question(ReadLock(self.address, channel).to_bytes(), partial(self._bit, channel))
            for channel in range(1, self.channels + 1)
        )

    def _bit(self, channel: int, received: bytes, _: bool) -> Bits | None:
        status = self._status(received, READ, channel)
        return None if status is None else {channel: bool(status)}

    def _status(self, received: bytes, function: int, channel: int) -> int | None:
        for told in answers_in(received):
            if (told.station, told.lock, told.function) == (self.address, channel, function):
                return told.status
        return None


DEVICE = LockDevice(LOCKS["lock_winnsen"], LockWinnsen.of)
