"""Lock boards of Acme, a maker that does not exist: the model of a family that comes in a package of its own.

9600 8N1, boards 1 to 9, 16 locks. Every frame has five bytes: AC, board, command, value, and the sum of the
four before it, low byte. Command 01 opens lock ``value`` and is answered with 81 and the same lock; command
02 reads all and is answered with 82 and one bit a lock in ``value`` and the next byte, 1 = closed.
"""

from dataclasses import dataclass
from typing import Self

from config.cabinet import Board
from config.cabinet.families import LockFamily
from firmware_bridge.device import LockDevice
from firmware_bridge.frames import Sender, check_byte_error, in_hex
from firmware_bridge.serial_lock import Bits, Question, SerialLock

HEADER = 0xAC
OPEN, READ, OPENED, STATES = 0x01, 0x02, 0x81, 0x82
LENGTHS = {OPEN: 5, READ: 5, OPENED: 5, STATES: 6}
MEANINGS = {OPEN: "open lock", READ: "read all", OPENED: "opened lock", STATES: "switches"}

FAMILY = LockFamily(
    kind="lock_acme",
    title="Acme boards",
    bus="serial",
    addresses=(1, 9),
    most_channels=16,
    settings=frozenset({"closed_value"}),
    options={"greeting": str},
)


@dataclass(frozen=True, slots=True)
class AcmeFrame:
    """One frame; ``value`` is a lock, or the switches."""

    board: int
    command: int
    value: int

    @property
    def meaning(self) -> str:
        return f"board {self.board}: {MEANINGS[self.command]} {self.value}"

    def to_bytes(self) -> bytes:
        size = LENGTHS[self.command] - 4
        body = bytes([HEADER, self.board, self.command]) + self.value.to_bytes(size, "little")
        return body + bytes([sum(body) & 0xFF])

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are no frame of Acme's."""
        if len(frame) < 5 or frame[0] != HEADER or len(frame) != LENGTHS.get(frame[2]):
            raise ValueError(f"no Acme frame: {in_hex(frame)}")
        if frame[-1] != sum(frame[:-1]) & 0xFF:
            raise check_byte_error(frame, sum(frame[:-1]) & 0xFF)
        return cls(frame[1], frame[2], int.from_bytes(frame[3:-1], "little"))


def read_frame(frame: bytes, _: Sender | None = None) -> AcmeFrame:
    """What a frame means; ``ValueError`` when it means nothing."""
    return AcmeFrame.from_bytes(frame)


@dataclass(slots=True)
class LockAcme(SerialLock):
    """One Acme board."""

    FAMILY = FAMILY

    def opening(self, channel: int) -> bytes:
        return AcmeFrame(self.address, OPEN, channel).to_bytes()

    def opened(self, received: bytes, channel: int) -> bool | None:
        answer = AcmeFrame(self.address, OPENED, channel).to_bytes()
        return True if answer in received else None

    def questions(self) -> tuple[Question]:
        return (Question(AcmeFrame(self.address, READ, 0).to_bytes(), self._bits),)

    def _bits(self, received: bytes, _: bool) -> Bits | None:
        start = bytes([HEADER, self.address, STATES])
        at = received.find(start)
        while at >= 0:
            try:
                told = AcmeFrame.from_bytes(received[at : at + LENGTHS[STATES]])
            except ValueError:
                at = received.find(start, at + 1)
                continue
            return {channel: bool(told.value >> (channel - 1) & 1) for channel in range(1, 17)}
        return None


def _simulate(board: Board, wired):  # type: ignore[no-untyped-def]
    from simulators.lock_board import LockBoard  # only where something is simulated

    class Simulated(LockBoard):
        def split(self, received: bytes) -> tuple[list[bytes], bytes]:
            frames = []
            while len(received) >= 5:
                whole = received[0] == HEADER and received[4] == sum(received[:4]) & 0xFF
                if whole:
                    frames.append(received[:5])
                received = received[5 if whole else 1 :]
            return frames, received

        def hear(self, frame: bytes, address: int) -> bytes | None:
            asked = AcmeFrame.from_bytes(frame)
            if asked.board != address:
                return None
            if asked.command == OPEN:
                self.pulse(asked.value)
                return AcmeFrame(address, OPENED, asked.value).to_bytes()
            bits = sum(self.bit(channel) << (channel - 1) for channel in range(1, 17))
            return AcmeFrame(address, STATES, bits).to_bytes()

        def damage_check(self, answer: bytes, address: int | None) -> bytes:
            if address is None:
                return answer[:-1] + bytes([answer[-1] ^ 0x5A])
            told = AcmeFrame.from_bytes(answer)
            return AcmeFrame(address, told.command, told.value).to_bytes()

    return [
        Simulated(
            board.name,
            board.address,
            board.channels,
            wired.cabinet,
            wired.locks,
            wired.switches,
            board.pulse_ms / 1000,
            board.closed,
        )
    ]


DEVICE = LockDevice(FAMILY, LockAcme.of, read_frame, _simulate)
