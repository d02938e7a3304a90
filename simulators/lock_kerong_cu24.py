"""A KERONG CU12 or CU24 lock board, byte for byte; it knows the commands for every lock and board, too."""

from dataclasses import dataclass

from config import cabinet as files
from firmware_bridge.lock_kerong_cu24 import (
    BROADCAST,
    ETX,
    HEAD,
    LOCKS_BY_PROFILE,
    LONGEST_DATA,
    OK,
    OPEN,
    READ,
    REQUEST,
    STX,
    make,
)
from simulators.lock_board import LockBoard, Wired

FAILED, NOT_KNOWN = 0x11, 0x13
ALL_OF_A_CU12 = 0x0C
VERSION = 0x8F


@dataclass(slots=True)
class LockKerongCu24(LockBoard):
    """One board; ``most`` is how many locks its kind has, 12 or 24."""

    most: int = 24

    def split(self, received: bytes) -> tuple[list[bytes], bytes]:
        """Frames begin with 02 and are as long as they say; anything else is skipped."""
        frames: list[bytes] = []
        while (at := received.find(STX)) >= 0:
            received = received[at:]
            if len(received) < HEAD:
                return frames, received
            length = HEAD + received[5]
            plausible = received[6] == ETX and received[4] == REQUEST and received[5] <= LONGEST_DATA
            if plausible and len(received) < length:
                return frames, received
            frame = received[:length]
            whole = plausible and make(frame[1], frame[2], frame[3], frame[4], frame[HEAD:]) == frame
            if whole:
                frames.append(frame)
            received = received[length if whole else 1 :]
        return frames, b""

    def hear(self, frame: bytes, address: int) -> bytes | None:
        """Act and answer; a frame for another board gets silence."""
        board, lock, command = frame[1:4]
        if board not in (address, BROADCAST):
            return None
        answer = self._act(lock, command)
        if answer is None or board == BROADCAST:
            return None
        return make(address, lock, command, *answer)

    def damage_check(self, answer: bytes, address: int | None) -> bytes:
        """The answer under another address, or with a wrong sum."""
        if address is None:
            return answer[:7] + bytes([answer[7] ^ 0x5A]) + answer[8:]
        return make(address, answer[2], answer[3], answer[4], answer[HEAD:])

    def _act(self, lock: int, command: int) -> tuple[int, bytes] | None:
        if command == READ:
            size = self.most // 8 + bool(self.most % 8)
            bits = sum(self.bit(channel) << (channel - 1) for channel in range(1, self.most + 1))
            return OK, bits.to_bytes(size, "little")
        if command == VERSION:
            return OK, b"\x01\x00"
        if command != OPEN:
            return NOT_KNOWN, b""
        if self.most == 12 and lock == ALL_OF_A_CU12:
            self.pulse_all()
            return OK, b""
        if lock >= self.most:
            return FAILED, b""
        self.pulse(lock + 1)
        return OK, b""


def build(board: files.Board, wired: Wired) -> list[LockKerongCu24]:
    """The board that a cabinet file names."""
    made = LockKerongCu24.of(board, wired)
    made.most = LOCKS_BY_PROFILE[board.dialect]
    return [made]
