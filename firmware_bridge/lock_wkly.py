"""Lock boards whose frames begin with "WKLY", over RS-485 (TTL and RS-232 variants exist).

They tell by themselves when a door changes, also between a request and its answer. The frames that open
several locks, blink or hold an output, or open all exist on these boards and cannot be made here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import xor

from config.cabinet.families import LOCKS
from firmware_bridge.device import LockDevice
from firmware_bridge.frames import Sender, check_byte_error, in_hex, within
from firmware_bridge.line import Refused
from firmware_bridge.serial_lock import Bits, Question, SerialLock

# "57 4B 4C 59, total length, board, command, data, check".
HEADER = b"WKLY"
SHORTEST = 8
# "82 open one, 83 query one, 84 query all, 85 unsolicited door change".
OPEN, READ, READ_ALL, CHANGED = 0x82, 0x83, 0x84, 0x85
ASKED = {OPEN: "opening a lock", READ: "reading a lock", READ_ALL: "reading all"}
# "80 open several at once, 81 flash a channel, 86 open all, 87 open several in sequence, 88 / 89 channel on
# / off (held), 90 motor run, 95 servo reset, 96 status".
OTHERS = {
    0x80: "open several locks at once",
    0x81: "blink an output",
    0x86: "open every lock",
    0x87: "open several locks one after the other",
    0x88: "hold an output on",
    0x89: "let an output go",
    0x90: "run a dispenser's motor",
    0x95: "reset a dispenser's servo",
    0x96: "ask a dispenser for its status",
}
# Their requests name one lock, and so do their answers.
OF_ONE_LOCK = (0x81, 0x88, 0x89)
# "Replies: status 00 ok / FF fail first"; "door 00 open, 01 closed".
FAILED = 0xFF
STATUS = {0x00: "done", FAILED: "failed"}
SWITCH = {0x00: "open", 0x01: "closed"}


def with_check(body: bytes) -> bytes:
    """The frame: ``body`` and the XOR of all its bytes, the header's as well."""
    return body + bytes([reduce(xor, body)])


def _frame(board: int, command: int, data: bytes) -> bytes:
    return with_check(HEADER + bytes([SHORTEST + len(data), board, command]) + data)


@dataclass(frozen=True, slots=True)
class OpenLock:
    """Host to board: one pulse on one lock."""

    board: int
    lock: int

    def __post_init__(self) -> None:
        if not LOCKS["lock_wkly"].has_address(self.board):
            raise ValueError(f"board {self.board} is not {LOCKS['lock_wkly'].address_span}")
        _lock(self.lock)

    @property
    def meaning(self) -> str:
        return f"board {self.board}: open lock {self.lock}"

    def to_bytes(self) -> bytes:
        return _frame(self.board, OPEN, bytes([self.lock]))


@dataclass(frozen=True, slots=True)
class ReadLock:
    """Host to board: read the switch of one lock."""

    board: int
    lock: int

    @property
    def meaning(self) -> str:
        return f"board {self.board}: read the switch of lock {self.lock}"

    def to_bytes(self) -> bytes:
        return _frame(self.board, READ, bytes([self.lock]))


@dataclass(frozen=True, slots=True)
class ReadAll:
    """Host to board: read all switches."""

    board: int

    @property
    def meaning(self) -> str:
        return f"board {self.board}: read all switches"

    def to_bytes(self) -> bytes:
        return _frame(self.board, READ_ALL, b"")


@dataclass(frozen=True, slots=True)
class LockState:
    """Board to host: the answer to opening or reading one lock; to an opening, that it was taken."""

    board: int
    command: int
    status: int
    lock: int
    state: int

    @property
    def meaning(self) -> str:
        of = "opening" if self.command == OPEN else "reading"
        done = f"{STATUS[self.status]}, its switch is {SWITCH[self.state]}"
        return f"board {self.board}, answer to {of} lock {self.lock}: {done}"

    def to_bytes(self) -> bytes:
        return _frame(self.board, self.command, bytes([self.status, self.lock, self.state]))


@dataclass(frozen=True, slots=True)
class AllStates:
    """Board to host: one byte for each of its locks, the first one first."""

    board: int
    status: int
    states: bytes

    @property
    def meaning(self) -> str:
        if self.status:
            return f"board {self.board}, answer to reading all: {STATUS[self.status]}"
        open_ = [str(lock) for lock, state in enumerate(self.states, start=1) if SWITCH[state] == "open"]
        which = f"{', '.join(open_)} open" if open_ else "none open"
        return f"board {self.board}, answer to reading all {len(self.states)}: {which}"

    def to_bytes(self) -> bytes:
        return _frame(self.board, READ_ALL, bytes([self.status, len(self.states)]) + self.states)


@dataclass(frozen=True, slots=True)
class Failed:
    """Board to host: it could not do what it was asked; which lock that was about it does not say."""

    board: int
    command: int

    @property
    def meaning(self) -> str:
        return f"board {self.board}, answer to {ASKED[self.command]}: {STATUS[FAILED]}"

    def to_bytes(self) -> bytes:
        return _frame(self.board, self.command, bytes([FAILED]))


@dataclass(frozen=True, slots=True)
class Changed:
    """Board to host, unasked: a door has changed."""

    board: int
    lock: int
    state: int

    @property
    def meaning(self) -> str:
        return f"board {self.board}, unasked: the switch of lock {self.lock} went {SWITCH[self.state]}"

    def to_bytes(self) -> bytes:
        return _frame(self.board, CHANGED, bytes([self.lock, self.state]))


@dataclass(frozen=True, slots=True)
class Done:
    """Board to host: the answer to a command that we never send."""

    board: int
    command: int
    status: int
    rest: bytes

    @property
    def meaning(self) -> str:
        more = f", {in_hex(self.rest)}" if self.rest else ""
        return f"board {self.board}, answer to '{OTHERS[self.command]}': {STATUS[self.status]}{more}"

    def to_bytes(self) -> bytes:
        return _frame(self.board, self.command, bytes([self.status]) + self.rest)


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


Frame = OpenLock | ReadLock | ReadAll | LockState | AllStates | Failed | Changed | Done | NeverSent


def read_frame(frame: bytes, sender: Sender | None = None) -> Frame:
    """What a frame means; ``ValueError`` when it means nothing."""
    if len(frame) < SHORTEST or not frame.startswith(HEADER):
        raise ValueError(f"no WKLY frame, wrong head or too short: {in_hex(frame)}")
    if frame[4] != len(frame):
        raise ValueError(f"wrong length in {in_hex(frame)}: it says {frame[4]}, there are {len(frame)} bytes")
    if reduce(xor, frame):
        raise check_byte_error(frame, reduce(xor, frame[:-1]))
    board, command, data = frame[5], frame[6], frame[7:-1]
    if not LOCKS["lock_wkly"].has_address(board):
        raise ValueError(f"board {board} is not {LOCKS['lock_wkly'].address_span}")
    reasons = []
    for by, read in ((Sender.HOST, _from_host), (Sender.BOARD, _from_board)):
        if sender in (None, by):
            try:
                return read(board, command, data)
            except ValueError as error:
                reasons.append(f"from a {by}, {error}")
    raise ValueError(f"no WKLY frame: {in_hex(frame)}: {'; '.join(reasons)}")


def _from_host(board: int, command: int, data: bytes) -> Frame:
    if command in (OPEN, READ):
        _sized(data, 1)
        return OpenLock(board, data[0]) if command == OPEN else ReadLock(board, _lock(data[0]))
    if command == READ_ALL:
        _sized(data, 0)
        return ReadAll(board)
    if command not in OTHERS:
        raise ValueError(f"there is no command {command:02x}")
    return NeverSent(board, command, _list_of_locks(command, data))


def _list_of_locks(command: int, data: bytes) -> bytes:
    if command in (0x80, 0x87):
        if not data or data[0] != len(data) - 1 or not data[0]:
            raise ValueError(f"a count and as many locks are wanted, not {in_hex(data)}")
        for lock in data[1:]:
            _lock(lock)
    if command in OF_ONE_LOCK:
        _sized(data, 1)
        _lock(data[0])
    if command == 0x86:
        _sized(data, 0)
    return data


def _from_board(board: int, command: int, data: bytes) -> Frame:
    if command == CHANGED:
        _sized(data, 2)
        return Changed(board, _lock(data[0]), _one_of("switch", data[1], SWITCH))
    if command not in (OPEN, READ, READ_ALL, *OTHERS):
        raise ValueError(f"there is no answer {command:02x}")
    if not data:
        raise ValueError("an answer has a status")
    status, rest = _one_of("status", data[0], STATUS), data[1:]
    if command in ASKED and status == FAILED and not rest:
        return Failed(board, command)
    if command in (OPEN, READ):
        _sized(rest, 2)
        return LockState(board, command, status, _lock(rest[0]), _one_of("switch", rest[1], SWITCH))
    if command == READ_ALL:
        if not rest or rest[0] != len(rest) - 1:
            raise ValueError(f"count {in_hex(rest[:1])} does not fit {len(rest[1:])} switches")
        within("count", rest[0], int(status != FAILED), LOCKS["lock_wkly"].most_channels)
        return AllStates(board, status, bytes(_one_of("switch", state, SWITCH) for state in rest[1:]))
    if command in OF_ONE_LOCK and (rest or status != FAILED):
        _sized(rest, 1)
        _lock(rest[0])
    return Done(board, command, status, rest)


def _sized(data: bytes, length: int) -> None:
    if len(data) != length:
        raise ValueError(f"{length} bytes of data are wanted, not {len(data)}")


def _lock(number: int) -> int:
    return within("lock", number, 1, LOCKS["lock_wkly"].most_channels)


def _one_of(field: str, value: int, known: dict[int, str]) -> int:
    if value not in known:
        raise ValueError(f"{field} {value:02x} is none of {', '.join(f'{each:02x}' for each in known)}")
    return value


def frames_in(received: bytes) -> Iterator[Frame]:
    """Every whole frame of a board among these bytes, in order; what is none is skipped."""
    at = received.find(HEADER)
    while at >= 0:
        length = received[at + 4] if len(received) > at + 4 else 0
        try:
            yield read_frame(received[at : at + max(length, 1)], Sender.BOARD)
            at += length - 1
        except ValueError:
            pass
        at = received.find(HEADER, at + 1)


@dataclass(slots=True)
class LockWkly(SerialLock):
    """One WKLY board. Its own setting is the length of a pulse; ``pulse_ms`` says what that is."""

    FAMILY = LOCKS["lock_wkly"]

    def opening(self, channel: int) -> bytes:
        return OpenLock(self.address, channel).to_bytes()

    def opened(self, received: bytes, channel: int) -> bool | None:
        for told in frames_in(received):
            match told:
                case LockState(board=self.address, command=0x82, lock=lock) if lock == channel:
                    return told.status == 0
                case Failed(board=self.address, command=0x82):
                    return False
        return None

    def is_unasked(self, received: bytes) -> bool:
        """Changes of doors, of whichever board of the bus."""
        changes = [told for told in frames_in(received) if isinstance(told, Changed)]
        return bool(changes) and b"".join(told.to_bytes() for told in changes) == received

    def questions(self) -> tuple[Question]:
        longest = SHORTEST + 2 + self.FAMILY.most_channels
        return (Question(ReadAll(self.address).to_bytes(), self._bits, longest),)

    def _bits(self, received: bytes, _: bool) -> Bits | Refused | None:
        for told in frames_in(received):
            match told:
                case Failed(board=self.address, command=0x84) | AllStates(board=self.address, status=0xFF):
                    return Refused(FAILED)
                case AllStates(board=self.address, states=states):
                    return {channel: bool(state) for channel, state in enumerate(states, start=1)}
        return None


DEVICE = LockDevice(LOCKS["lock_wkly"], LockWkly.of)
