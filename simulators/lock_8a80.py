"""A lock board that speaks 8A/80, byte for byte, with the bad habits real ones have.

Unlike the driver it knows the frames that open everything or hold a coil on, so that a test can see whether
anybody ever sends one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

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
from simulators.cabinet import Cabinet

HOLD = 0x9A
RELEASE = 0x9B
BATCH_OPEN = 0x90


@dataclass(slots=True)
class Lock8A80:
    """One board: ``locks`` and ``switches`` say which compartment is wired to which channel."""

    name: str
    address: int
    channels: int
    cabinet: Cabinet
    locks: Mapping[int, str]
    switches: Mapping[int, str]
    pulse_seconds: float = 0.3
    closed_value: Literal[0, 1] = 1
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

    def power_off(self) -> None:
        """All coils drop."""
        for label in self.locks.values():
            self.cabinet.drop(label)

    def _open(self, address: int, lock: int, seconds: int | None) -> bytes | None:
        if lock > self.channels:
            return None
        answer = LockState(OPEN, address, lock, self._state(lock)).to_bytes()
        if lock in self.locks:
            self.cabinet.pulse(self.locks[lock], self.pulse_seconds if seconds is None else float(seconds))
        return answer  # the switch as it was before the door moved, as many boards do

    def _open_all(self, address: int) -> bytes:
        for label in self.locks.values():
            self.cabinet.pulse(label, self.pulse_seconds)
        return LockState(OPEN, address, 0, PULSE).to_bytes()

    def _state(self, lock: int) -> int:
        return 0x11 if self._bit(lock) else 0x00

    def _bit(self, channel: int) -> bool:
        label = self.switches.get(channel)
        is_open = self.cabinet.switch_open(label) if label is not None else True
        return is_open != bool(self.closed_value)

    def _status(self) -> bytes:
        # A board with 8 locks sends the answer of one with 24 all the same.
        size = 3 if self.channels <= 24 else 4 if self.channels <= 32 else 7
        every = (1 << 8 * size) - 1
        standing_open = sum(
            1 << (channel - 1)
            for channel in range(1, 8 * size + 1)
            if channel not in self.switches or self.cabinet.switch_open(self.switches[channel])
        )
        first_to_last = (standing_open ^ (every if self.closed_value else 0)).to_bytes(size, "little")
        return first_to_last if self.byte_order == "first" else first_to_last[::-1]

    @staticmethod
    def _is_frame(frame: bytes) -> bool:
        if not has_check(frame):
            return False
        if frame[0] == READ:
            return len(frame) == 5 and frame[3] == ALL_STATES
        return frame[0] in (OPEN, HOLD, RELEASE) and frame[3] == PULSE
