"""A Dingchang DC lock board, byte for byte; it knows the commands that hold an output, too."""

from dataclasses import dataclass

from config import cabinet as files
from firmware_bridge.lock_dingchang import (
    FROM_BOARD,
    FROM_HOST,
    SHORTEST,
    AllStates,
    Done,
    LockState,
    with_sum,
)
from simulators.lock_board import LockBoard, Wired

LONGEST_DATA = 8
VERSION = b"\x01\x00"


@dataclass(slots=True)
class LockDingchang(LockBoard):
    """One board. ``tells_state``: its answers about one lock carry the state, as the maker's table has it."""

    tells_state: bool = False

    def split(self, received: bytes) -> tuple[list[bytes], bytes]:
        """Frames begin with DC 02 and are as long as they say; anything else is skipped."""
        frames: list[bytes] = []
        while (at := received.find(FROM_HOST)) >= 0:
            received = received[at:]
            if len(received) < SHORTEST:
                return frames, received
            length = SHORTEST + received[4]
            if received[4] <= LONGEST_DATA and len(received) < length:
                return frames, received
            whole = (
                received[4] <= LONGEST_DATA
                and with_sum(FROM_HOST, received[2 : length - 1]) == received[:length]
            )
            if whole:
                frames.append(received[:length])
            received = received[length if whole else 1 :]
        return frames, received[-1:]

    def hear(self, frame: bytes, address: int) -> bytes | None:
        """Act and answer; a frame for another board, or one with no meaning, gets silence."""
        if frame[2] != address:
            return None
        command, data = frame[3], frame[5:-1]
        match command:
            case 0x01 if not data:
                return Done(address, command, VERSION).to_bytes()
            case 0x10 | 0x11 if len(data) == 1 and 1 <= data[0] <= self.channels:
                return self._one(address, command, data[0])
            case 0x12 if not data:
                return AllStates(address, self._mask()).to_bytes()
            case 0x14 if not data:
                self.pulse_all()
            case 0x15 | 0x18:
                for channel in _named(data):
                    self.pulse(channel)
            case 0x16 if len(data) == 2:
                self._switch(data[0], data[1] == 1)
            case 0x1A:
                for channel in self.locks:
                    self._switch(channel, channel in _named(data))
            case _:
                return None
        return Done(address, command, data[:1] or b"\x00").to_bytes()

    def damage_check(self, answer: bytes, address: int | None) -> bytes:
        """The answer under another address, or with a wrong sum."""
        if address is None:
            return answer[:-1] + bytes([answer[-1] ^ 0x5A])
        return with_sum(FROM_BOARD, bytes([address]) + answer[3:-1])

    def _one(self, address: int, command: int, lock: int) -> bytes:
        state = int(self.bit(lock)) if self.tells_state else None
        answer = LockState(address, command, lock, state).to_bytes()
        if command == 0x10:
            self.pulse(lock)
        return answer

    def _mask(self) -> bytes:
        size = 2 if self.channels <= 16 else 3
        bits = sum(self.bit(channel) << (channel - 1) for channel in range(1, 8 * size + 1))
        return bits.to_bytes(size, "big")

    def _switch(self, channel: int, on: bool) -> None:
        if channel in self.locks:
            (self.cabinet.hold if on else self.cabinet.drop)(self.locks[channel])


def _named(mask: bytes) -> list[int]:
    number = int.from_bytes(mask, "big")
    return [lock for lock in range(1, 8 * len(mask) + 1) if number >> (lock - 1) & 1]


def build(board: files.Board, wired: Wired) -> list[LockDingchang]:
    """The board that a cabinet file names."""
    return [LockDingchang.of(board, wired)]
