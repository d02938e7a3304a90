"""A KERONG CU48 lock board, byte for byte; it knows the commands that open everything, too."""

from dataclasses import dataclass

from config import cabinet as files
from firmware_bridge.lock_kerong_cu48 import (
    ALL_BOARDS,
    ALL_LOCKS,
    ETX,
    OPEN,
    READ,
    REQUEST_BYTES,
    STX,
    AllStates,
    with_sum,
)
from simulators.lock_board import LockBoard, Wired

LOCKS_OF_A_BOARD = 48


@dataclass(slots=True)
class LockKerongCu48(LockBoard):
    """One board."""

    def split(self, received: bytes) -> tuple[list[bytes], bytes]:
        """Frames begin with 02 and end where 03 and the sum fit; anything else is skipped."""
        frames: list[bytes] = []
        while len(received) >= REQUEST_BYTES:
            frame = received[:REQUEST_BYTES]
            whole = (frame[0], frame[-2]) == (STX, ETX) and with_sum(frame[:-1]) == frame
            if whole:
                frames.append(frame)
            received = received[REQUEST_BYTES if whole else 1 :]
        return frames, received

    def hear(self, frame: bytes, address: int) -> bytes | None:
        """Act and answer; a frame for another board, or one with no meaning, gets silence."""
        if frame[1] not in (address, ALL_BOARDS):
            return None
        lock, command = frame[2], frame[3]
        if command == OPEN and lock == ALL_LOCKS:
            self.pulse_all()
        elif command == OPEN:
            self.pulse(lock + 1)
        elif command == READ:
            hooks = sum(self.bit(channel) << (channel - 1) for channel in range(1, LOCKS_OF_A_BOARD + 1))
            return AllStates(address, hooks).to_bytes()
        return None

    def damage_check(self, answer: bytes, address: int | None) -> bytes:
        """The answer under another address, or with a wrong sum."""
        if address is None:
            return answer[:-1] + bytes([answer[-1] ^ 0x5A])
        return with_sum(answer[:1] + bytes([address]) + answer[2:-1])


def build(board: files.Board, wired: Wired) -> list[LockKerongCu48]:
    """The board that a cabinet file names."""
    return [LockKerongCu48.of(board, wired)]
