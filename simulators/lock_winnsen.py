"""A Winnsen lock board, byte for byte."""

from dataclasses import dataclass

from config import cabinet as files
from firmware_bridge.lock_winnsen import END, HEAD, OPEN, READ, REQUEST_BYTES, LockState
from simulators.lock_board import LockBoard, Wired


@dataclass(slots=True)
class LockWinnsen(LockBoard):
    """One board."""

    def split(self, received: bytes) -> tuple[list[bytes], bytes]:
        """Frames begin with 90 06 and end with 03; anything else is skipped."""
        frames: list[bytes] = []
        while (at := received.find(HEAD)) >= 0:
            received = received[at:]
            if len(received) < REQUEST_BYTES:
                return frames, received
            whole = received[1] == REQUEST_BYTES and received[REQUEST_BYTES - 1] == END
            if whole:
                frames.append(received[:REQUEST_BYTES])
            received = received[REQUEST_BYTES if whole else 1 :]
        return frames, b""

    def hear(self, frame: bytes, address: int) -> bytes | None:
        """Act and answer; a frame for another board, or one with no meaning, gets silence."""
        function, station, lock = frame[2:5]
        if station != address or not 1 <= lock <= self.channels:
            return None
        if function == OPEN:
            self.pulse(lock)
            return LockState(address, lock, OPEN, 1).to_bytes()
        if function == READ:
            return LockState(address, lock, READ, int(self.bit(lock))).to_bytes()
        return None

    def damage_check(self, answer: bytes, address: int | None) -> bytes:
        """The answer under another address, or with a wrong end: there is no check to be wrong."""
        if address is None:
            return answer[:-1] + bytes([answer[-1] ^ 0x5A])
        return answer[:3] + bytes([address]) + answer[4:]


def build(board: files.Board, wired: Wired) -> list[LockWinnsen]:
    """The board that a cabinet file names."""
    return [LockWinnsen.of(board, wired)]
