"""A WKLY lock board, byte for byte; it tells by itself when a door changes.

Unlike the driver it knows the frames that open several locks or hold an output, so that a test can see
whether anybody ever sends one.
"""

from dataclasses import dataclass, field

from config import cabinet as files
from firmware_bridge.lock_wkly import (
    ASKED,
    HEADER,
    OF_ONE_LOCK,
    OPEN,
    READ,
    READ_ALL,
    SHORTEST,
    AllStates,
    Changed,
    Done,
    Failed,
    LockState,
    with_check,
)
from simulators.lock_board import LockBoard, Wired

LONGEST_REQUEST = 80


@dataclass(slots=True)
class LockWkly(LockBoard):
    """One board. ``fails``: it does nothing of what it is told, and says so."""

    fails: bool = False
    _seen: dict[int, bool] = field(default_factory=dict)

    def split(self, received: bytes) -> tuple[list[bytes], bytes]:
        """Frames begin with the header and are as long as they say; anything else is skipped."""
        frames: list[bytes] = []
        while (at := received.find(HEADER)) >= 0:
            received = received[at:]
            if len(received) < SHORTEST:
                return frames, received
            length = received[4]
            if not SHORTEST <= length <= LONGEST_REQUEST:
                received = received[1:]
            elif len(received) < length:
                return frames, received
            elif with_check(received[: length - 1]) == received[:length]:
                frames.append(received[:length])
                received = received[length:]
            else:
                received = received[1:]
        return frames, received[-len(HEADER) + 1 :]

    def hear(self, frame: bytes, address: int) -> bytes | None:
        """Act and answer; a frame for another board, or one with no meaning, gets silence."""
        if frame[5] != address:
            return None
        command, data = frame[6], frame[7:-1]
        if self.fails and command in ASKED:
            return Failed(address, command).to_bytes()
        if command in (OPEN, READ) and len(data) == 1:
            return self._one(address, command, data[0])
        if command == READ_ALL and not data:
            bits = bytes(self.bit(channel) for channel in range(1, self.channels + 1))
            return AllStates(address, 0, bits).to_bytes()
        locks = self._several(command, data)
        if locks is None:
            return None
        for lock in locks:
            self._do(command, lock)
        return Done(address, command, 0, data if command in OF_ONE_LOCK else b"").to_bytes()

    def changes(self) -> list[bytes]:
        """What it has to tell without having been asked."""
        now = {channel: self.bit(channel) for channel in self.switches}
        changed = [channel for channel, bit in now.items() if self._seen.get(channel, bit) != bit]
        self._seen = now
        return [Changed(self.address, channel, int(now[channel])).to_bytes() for channel in changed]

    def unasked(self) -> bytes:
        """A change of its first door, told at a bad moment."""
        return Changed(self.address, 1, int(self.bit(1))).to_bytes()

    def damage_check(self, answer: bytes, address: int | None) -> bytes:
        """The answer under another address, or with a wrong check byte."""
        if address is None:
            return answer[:-1] + bytes([answer[-1] ^ 0x5A])
        return with_check(answer[:5] + bytes([address]) + answer[6:-1])

    def _one(self, address: int, command: int, lock: int) -> bytes | None:
        if not 1 <= lock <= self.channels:
            return None
        answer = LockState(address, command, 0, lock, int(self.bit(lock))).to_bytes()
        if command == OPEN:
            self.pulse(lock)
        return answer  # the switch as it was before the door moved

    def _several(self, command: int, data: bytes) -> tuple[int, ...] | None:
        """The locks that a command is about; None when it is none of these."""
        match command:
            case 0x86 if not data:
                return tuple(self.locks)
            case 0x80 | 0x87 if data and data[0] == len(data) - 1:
                return tuple(data[1:])
            case 0x81 | 0x88 | 0x89 if len(data) == 1:
                return (data[0],)
        return None

    def _do(self, command: int, lock: int) -> None:
        if lock not in self.locks:
            return
        if command == 0x88:
            self.cabinet.hold(self.locks[lock])
        elif command == 0x89:
            self.cabinet.drop(self.locks[lock])
        else:
            self.pulse(lock)


def build(board: files.Board, wired: Wired) -> list[LockWkly]:
    """The board that a cabinet file names."""
    return [LockWkly.of(board, wired)]
