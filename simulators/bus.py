"""The boards on one wire: who hears a request, and what their answers look like when something is wrong."""

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from simulators.faults import Cause, Fault, Faults
from simulators.wire import Wire

GARBAGE = bytes.fromhex("FAFD9999")
REQUEST_ENDS_AFTER_SECONDS = 0.05
LOOKS_SECONDS = 0.01
"""A board that tells changes by itself looks at its switches this often."""
REMEMBERED_REQUESTS = 10_000


class Board(Protocol):
    """A simulated board: bytes in, physics, bytes out."""

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> int: ...

    def split(self, received: bytes) -> tuple[list[bytes], bytes]:
        """Whole frames in these bytes, and what may be the beginning of another."""
        ...

    def hear(self, frame: bytes, address: int) -> bytes | None:
        """Act on a frame while listening to ``address``; the answer, if this frame gets one."""
        ...

    def damage_check(self, answer: bytes, address: int | None) -> bytes:
        """The answer under another address, or with a wrong check when ``address`` is None."""
        ...

    def power_off(self) -> None:
        """All coils drop."""
        ...


@runtime_checkable
class Talkative(Protocol):
    """A board that says something without having been asked."""

    def changes(self) -> list[bytes]:
        """What has happened since it was asked here last."""
        ...

    def unasked(self) -> bytes:
        """Something that it may say at any moment."""
        ...


class Bus:
    """Boards on a wire. ``turn_round_seconds`` is what a board needs to think before it answers.

    ``whole_answers``: an answer reaches the host at once, when its last byte would; no adapter is wrong.
    """

    def __init__(
        self,
        name: str,
        wire: Wire,
        boards: Sequence[Board],
        faults: Faults,
        *,
        turn_round_seconds: float = 0.002,
        seed: int = 0,
        whole_answers: bool = False,
    ) -> None:
        self.name, self.wire, self.boards = name, wire, boards
        self.turn_round_seconds = turn_round_seconds
        self.requests: deque[tuple[float, bytes]] = deque(maxlen=REMEMBERED_REQUESTS)
        """Each whole frame that crossed the wire, and when its last byte arrived."""
        self._faults = faults
        self._whole_answers = wire.merged = whole_answers
        self._random = random.Random(seed)
        self._received = b""
        self._heard_at = 0.0
        self._noise: asyncio.Task[None] | None = None
        wire.heard = self._hear
        self._talking: asyncio.TimerHandle | None = None

    def faults_changed(self) -> None:
        """To be called after a fault was raised or cleared."""
        self.wire.merged = self._whole_answers or self._faults.at(Cause.MERGED, self.name) is not None
        for board in self.boards:
            if self._down(board):
                board.power_off()
        noisy = self._faults.at(Cause.NOISE, self.name)
        if noisy and self._noise is None:
            self._noise = asyncio.create_task(self._make_noise(noisy))
        elif not noisy and self._noise is not None:
            self._noise.cancel()
            self._noise = None

    def plugged_in(self) -> None:
        """Boards that speak by themselves begin to."""
        if any(isinstance(board, Talkative) for board in self.boards) and self._talking is None:
            self._talk()

    def close(self) -> None:
        """Pull the wire out and stop everything."""
        if self._talking is not None:
            self._talking.cancel()
        if self._noise is not None:
            self._noise.cancel()
        self.wire.cut()

    def _talk(self) -> None:
        for board in self.boards:
            if isinstance(board, Talkative):
                told = board.changes()
                if not self.wire.is_cut and not self._down(board):
                    self.wire.send(b"".join(told))
        self._talking = asyncio.get_running_loop().call_later(LOOKS_SECONDS, self._talk)

    def _hear(self, data: bytes) -> None:
        now = asyncio.get_running_loop().time()
        if self._faults.at(Cause.ECHO, self.name):
            self.wire.send(data)
        if now - self._heard_at > REQUEST_ENDS_AFTER_SECONDS:
            self._received = b""
        self._heard_at = now
        if not self.boards:
            return
        frames, self._received = self.boards[0].split(self._received + data)
        for frame in frames:
            self.requests.append((now, frame))
            self._answer(frame)

    def _answer(self, frame: bytes) -> None:
        answers = [told for board in self.boards if (told := self._ask(board, frame)) is not None]
        if not answers:
            return
        late = max(late for late, _ in answers)
        self.wire.send(_collide([answer for _, answer in answers]), self.turn_round_seconds + late)

    def _ask(self, board: Board, frame: bytes) -> tuple[float, bytes] | None:
        if self._down(board):
            return None
        answer = board.hear(frame, self._address(board))
        if answer is None:
            return None
        unasked = self._unasked(board)
        if self._faults.at(Cause.ANSWER_LOST, board.name):
            return (0.0, unasked) if unasked else None
        if wrong := self._faults.at(Cause.ANSWERS_AS_ANOTHER, board.name):
            answer = board.damage_check(answer, int(wrong.amount or 0))
        if self._faults.at(Cause.WRONG_CHECK, board.name):
            answer = board.damage_check(answer, None)
        if self._faults.at(Cause.GARBAGE_BEFORE, board.name):
            answer = GARBAGE + answer
        answer = unasked + answer
        late = self._faults.at(Cause.LATE_REPLY, board.name)
        return (late.amount or 0.0 if late else 0.0), answer

    def _unasked(self, board: Board) -> bytes:
        if not isinstance(board, Talkative) or not self._faults.at(Cause.UPLOAD_BETWEEN, board.name):
            return b""
        return board.unasked()

    def _down(self, board: Board) -> bool:
        if self._faults.at(Cause.BOARD_SILENT, board.name):
            return True
        rebooting = self._faults.at(Cause.BOARD_REBOOTING, board.name)
        if rebooting is None:
            return False
        return asyncio.get_running_loop().time() < rebooting.since + (rebooting.amount or 1.0)

    def _address(self, board: Board) -> int:
        for fault in self._faults.active():
            if fault.cause is Cause.TWO_WITH_ONE_ADDRESS and fault.other == board.name:
                return next(
                    (other.address for other in self.boards if other.name == fault.where), board.address
                )
        return board.address

    async def _make_noise(self, fault: Fault) -> None:
        while True:
            await asyncio.sleep(self._random.uniform(0, 2 / (fault.amount or 100.0)))
            self.wire.send(self._random.randbytes(1))


def _collide(answers: list[bytes]) -> bytes:
    """What the wire carries when several drive it at once: a 0 wins over a 1."""
    longest = max(len(answer) for answer in answers)
    carried = bytearray(b"\xff" * longest)
    for answer in answers:
        for at, byte in enumerate(answer):
            carried[at] &= byte
    return bytes(carried)
