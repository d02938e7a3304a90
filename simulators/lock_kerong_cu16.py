"""A KERONG CU16 lock board, byte for byte; it knows the commands that open everything, too."""

from dataclasses import dataclass

from config import cabinet as files
from firmware_bridge.lock_kerong_cu16 import (
    BROADCAST,
    ETX,
    OPEN,
    OPENED,
    READ,
    REQUEST_BYTES,
    SETTING_BYTES,
    STATUS,
    STX,
    AllStates,
    with_sum,
)
from simulators.lock_board import LockBoard, Wired

OPEN_ALL = 0x33
LOCKS_OF_A_BOARD = 16


@dataclass(slots=True)
class LockKerongCu16(LockBoard):
    """One board. ``answers_openings``: its firmware is one of those that do."""

    answers_openings: bool = False

    def split(self, received: bytes) -> tuple[list[bytes], bytes]:
        """Frames begin with 02 and end where 03 and the sum fit; anything else is skipped."""
        frames: list[bytes] = []
        while received:
            length = next((n for n in (REQUEST_BYTES, SETTING_BYTES) if _is_frame(received[:n], n)), 0)
            if length:
                frames.append(received[:length])
                received = received[length:]
            elif received[0] == STX and len(received) < SETTING_BYTES:
                break
            else:
                received = received[1:]
        return frames, received

    def hear(self, frame: bytes, address: int) -> bytes | None:
        """Act and answer; a frame for another board, or one with no meaning, gets silence."""
        named, command = frame[1], frame[2]
        if named >> 4 != address and named != BROADCAST:
            return None
        match command:
            case 0x30:
                return self._states(address, STATUS)
            case 0x31:
                self.pulse((named & 0x0F) + 1)
                return self._states(address, OPENED) if self.answers_openings else None
            case 0x33:
                self.pulse_all()
            case 0x37 if len(frame) == SETTING_BYTES:
                self.pulse_seconds = int.from_bytes(frame[3:5], "big") / 100
        return None

    def damage_check(self, answer: bytes, address: int | None) -> bytes:
        """The answer under another address, or with a wrong sum."""
        if address is None:
            return answer[:-1] + bytes([answer[-1] ^ 0x5A])
        return with_sum(answer[:1] + bytes([address << 4]) + answer[2:-1])

    def _states(self, address: int, answers: int) -> bytes:
        hooks = sum(self.bit(channel) << (channel - 1) for channel in range(1, LOCKS_OF_A_BOARD + 1))
        return AllStates(address, answers, hooks, 0).to_bytes()


def _is_frame(frame: bytes, length: int) -> bool:
    return (
        len(frame) == length
        and (frame[0], frame[-2]) == (STX, ETX)
        and with_sum(frame[:-1]) == frame
        and (length == REQUEST_BYTES or frame[2] not in (READ, OPEN, OPEN_ALL))
    )


def build(board: files.Board, wired: Wired) -> list[LockKerongCu16]:
    """The board that a cabinet file names."""
    made = LockKerongCu16.of(board, wired)
    made.answers_openings = board.is_answering
    return [made]
