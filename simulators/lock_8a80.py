"""A lock board that speaks 8A/80, byte for byte, with the bad habits real ones have.

Unlike the driver it knows the frames that open everything or hold a coil on, so that a test can see whether
anybody ever sends one.
"""

from dataclasses import dataclass
from typing import Literal

from config import cabinet as files
from firmware_bridge.lock_8a80 import (
    ALL_STATES,
    OPEN,
    PULSE,
    READ,
    AllStates,
    LockState,
    has_check,
    with_check,
)
from simulators.lock_board import LockBoard, Wired

HOLD = 0x9A
RELEASE = 0x9B
BATCH_OPEN = 0x90


@dataclass(slots=True)
class Lock8A80(LockBoard):
    """One board; ``byte_order`` says which status byte holds channels 1 to 8."""

    byte_order: Literal["last", "first"] = "last"

    def split(self, received: bytes) -> tuple[list[bytes], bytes]:
        """Frames begin with a known header and end where the check byte fits; anything else is skipped."""
        frames = []
        while received:
            length = next((n for n in (5, 6) if len(received) >= n and self._is_frame(received[:n])), 0)
            if length:
                frames.append(received[:length])
                received = received[length:]
            elif len(received) < 6 and received[0] in (OPEN, READ, HOLD, RELEASE, BATCH_OPEN):
                break
            else:
                received = received[1:]
        return frames, received

    def hear(self, frame: bytes, address: int) -> bytes | None:
        """Act and answer; a frame for another board, or one with no meaning, gets silence."""
        if frame[1] != address:
            return None
        match frame[0], frame[2], frame[3]:
            case 0x8A, 0, 0x11:
                return self._open_all(address)
            case 0x8A, lock, 0x11:
                return self._open(address, lock, frame[4] if len(frame) == 6 else None)
            case 0x80, 0, 0x33:
                return AllStates(address, self._status()).to_bytes()
            case 0x80, lock, 0x33:
                return LockState(READ, address, lock, self._state(lock)).to_bytes()
            case 0x9A, lock, 0x11 if lock in self.locks:
                self.cabinet.hold(self.locks[lock])
                return LockState(HOLD, address, lock, PULSE).to_bytes()
            case 0x9B, lock, 0x11 if lock in self.locks:
                self.cabinet.drop(self.locks[lock])
                return LockState(RELEASE, address, lock, PULSE).to_bytes()
        return None

    def damage_check(self, answer: bytes, address: int | None) -> bytes:
        """The answer under another address, or with a wrong check byte."""
        if address is None:
            return answer[:-1] + bytes([answer[-1] ^ 0x5A])
        return with_check(answer[:1] + bytes([address]) + answer[2:-1])

    def _open(self, address: int, lock: int, seconds: int | None) -> bytes | None:
        if lock > self.channels:
            return None
        answer = LockState(OPEN, address, lock, self._state(lock)).to_bytes()
        self.pulse(lock, None if seconds is None else float(seconds))
        return answer  # the switch as it was before the door moved, as many boards do

    def _open_all(self, address: int) -> bytes:
        self.pulse_all()
        return LockState(OPEN, address, 0, PULSE).to_bytes()

    def _state(self, lock: int) -> int:
        return 0x11 if self.bit(lock) else 0x00

    def _status(self) -> bytes:
        # A board with 8 locks sends the answer of one with 24 all the same.
        size = 3 if self.channels <= 24 else 4 if self.channels <= 32 else 7
        bits = sum(self.bit(channel) << (channel - 1) for channel in range(1, 8 * size + 1))
        first_to_last = bits.to_bytes(size, "little")
        return first_to_last if self.byte_order == "first" else first_to_last[::-1]

    @staticmethod
    def _is_frame(frame: bytes) -> bool:
        if not has_check(frame):
            return False
        if frame[0] == READ:
            return len(frame) == 5 and frame[3] == ALL_STATES
        return frame[0] in (OPEN, HOLD, RELEASE) and frame[3] == PULSE


def build(board: files.Board, wired: Wired) -> list[Lock8A80]:
    """The board that a cabinet file names."""
    return [
        Lock8A80(
            board.name,
            board.address,
            board.channels,
            wired.cabinet,
            wired.locks,
            wired.switches,
            board.pulse_ms / 1000,
            board.closed,
            board.byte_order,
        )
    ]
