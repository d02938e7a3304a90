"""What all lock boards have in common that frame their own bytes; a family adds what it says and hears.

A driver knows one board: its address, its channels and how its switches are to be read. It does not know
which door hangs on which channel, nor why one is opened. The board times the pulse.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self, TypeVar

from config.cabinet import Board
from config.cabinet.families import LONGEST_PULSE_MS, LockFamily
from firmware_bridge.errors import BoardRefused, PortError, WrongUse
from firmware_bridge.line import LONGEST_ANSWER_BYTES, Exchange, Heard, Line, Refused, Take
from firmware_bridge.ports import DoorReadings, Permit, Pulse, PulseAnswer

REPLY_SECONDS = 0.14
"""For the board's own turn-round, beside the time on the wire; twice as late is still waited out."""
SETTLE_SECONDS = 0.025
"""A board that does not answer openings may be asked for its doors so much later (KERONG)."""

T = TypeVar("T")

Bits = Mapping[int, bool]
"""Channel to what the board sends for its switch; the polarity says which of the two is a closed door."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request for door switches, and how its answer is found among what comes back."""

    request: bytes
    take: Take[Bits | Refused]
    longest_answer: int = LONGEST_ANSWER_BYTES


@dataclass(slots=True)
class SerialLock(ABC):
    """One board on a line. ``closed_value``: 1 where it sends a 1 for a closed door, None: as its family."""

    FAMILY: ClassVar[LockFamily]

    name: str
    line: Line
    address: int
    channels: int
    pulse_ms: int = 300
    closed_value: Literal[0, 1] | None = None
    reply_seconds: float = REPLY_SECONDS
    answers_openings: bool = True
    """False: an answer to an opening is welcome and not waited for; only the door switch tells."""
    _released: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        family = self.FAMILY
        if not family.has_address(self.address):
            raise WrongUse(self.name, f"{family.title} answer to {family.address_span}, not {self.address}")
        if not 1 <= self.channels <= family.most_channels:
            most = family.most_channels
            raise WrongUse(self.name, f"{family.title} have 1 to {most} channels, not {self.channels}")
        if not 0 < self.pulse_ms <= LONGEST_PULSE_MS or self.pulse_ms % family.pulse_step_ms:
            step = family.pulse_step_ms
            raise WrongUse(
                self.name, f"a pulse lasts {step} to {LONGEST_PULSE_MS} ms, by {step}, not {self.pulse_ms}"
            )

    @classmethod
    def of(cls, board: Board, line: Line, _: tuple[int, ...] = ()) -> Self:
        """The driver of a board of a cabinet file; these boards read no light beams."""
        return cls(
            board.name,
            line,
            board.address,
            board.channels,
            board.pulse_ms,
            board.closed_value,
            answers_openings=board.is_answering,
        )

    @property
    def pulse_seconds(self) -> float:
        return self.pulse_ms / 1000

    # --- what a family says and hears

    @abstractmethod
    def opening(self, channel: int) -> bytes:
        """The request for one pulse on one lock."""

    @abstractmethod
    def opened(self, received: bytes, channel: int) -> bool | None:
        """Whether the board took the opening of this channel; None while there is no answer about it."""

    @abstractmethod
    def questions(self) -> Sequence[Question]:
        """What has to be asked to know all switches."""

    def is_unasked(self, received: bytes) -> bool:
        """Whether these bytes are nothing but whole frames that its boards send by themselves."""
        return False

    # --- what a LockBoard does

    async def open(self, channel: int, permit: Permit) -> Pulse:
        """One pulse on one lock, at most once. See ``LockBoard``."""
        if not 1 <= channel <= self.channels:
            raise WrongUse(self.name, f"there is no channel {channel}, only 1 to {self.channels}")
        if not self._released:
            await self.release()
        try:
            done = await self.line.command(
                self.opening(channel),
                self._or_unasked(lambda received, _: self.opened(received, channel)),
                board=self.name,
                reply_seconds=self.reply_seconds if self.answers_openings else SETTLE_SECONDS,
                permit=permit,
                is_answered=self.answers_openings,
            )
        except PortError:
            return Pulse(self.name, channel, PulseAnswer.NO_ANSWER)
        return self._pulse(channel, done)

    async def doors(self) -> DoorReadings:
        """All door switches. See ``LockBoard``."""
        bits: dict[int, bool] = {}
        asked: list[float] = []
        answered_at = 0.0
        for question in self.questions():
            done: Exchange[Bits | Refused] = await self.line.ask(
                question.request,
                self._or_unasked(question.take),
                board=self.name,
                reply_seconds=self.reply_seconds,
                longest_answer=question.longest_answer,
            )
            assert done.answer is not None
            if isinstance(done.answer, Refused):
                raise BoardRefused(self.line.address, self.name, done.received, done.answer.code)
            assert done.sent_at is not None
            assert done.answered_at is not None
            bits |= done.answer
            asked.append(done.sent_at)
            answered_at = done.answered_at
        closed = bool(self.FAMILY.closed_value if self.closed_value is None else self.closed_value)
        doors = {ch: bits[ch] != closed for ch in range(1, self.channels + 1) if ch in bits}
        return DoorReadings(self.name, doors, asked[0], answered_at)

    async def release(self) -> None:
        """Wait until a pulse is over that a program before us may have begun; no frame can cut one short.

        Without this, a restart in the middle of a pulse and a second opening make one of twice the length.
        """
        await asyncio.sleep(self.pulse_seconds)
        self._released = True

    def _or_unasked(self, take: Take[T]) -> Take[T]:
        def taken(received: bytes, silent: bool) -> T | Heard | None:
            found = take(received, silent)
            return Heard.UNASKED if found is None and self.is_unasked(received) else found

        return taken

    def _pulse(self, channel: int, done: Exchange[bool]) -> Pulse:
        if done.withheld:
            return Pulse(self.name, channel, PulseAnswer.WITHHELD)
        assert done.sent_at is not None
        if done.answer is None:
            none = PulseAnswer.NO_ANSWER if self.answers_openings else PulseAnswer.NEVER_ANSWERS
            ends_at = done.sent_at + self.reply_seconds + self.pulse_seconds
            return Pulse(self.name, channel, none, done.sent_at, ends_at)
        assert done.answered_at is not None
        if not done.answer:
            at = done.answered_at
            return Pulse(self.name, channel, PulseAnswer.REFUSED, done.sent_at, at, at)
        ends_at = done.answered_at + self.pulse_seconds
        return Pulse(self.name, channel, PulseAnswer.ACCEPTED, done.sent_at, ends_at, done.answered_at)
