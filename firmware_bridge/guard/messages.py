"""What the controller and the guard say to each other: one JSON object a datagram, over a socket pair."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, cast

from config.cabinet import Board, Bus

ALIVE = b'{"do": "alive"}'
STALE_SECONDS = 0.3
"""A pulse that was asked for longer ago is not begun: nobody knows any more whether it is still wanted."""

What = Literal["pulse", "doors", "release"]
Word = Literal["ready", "done", "withheld", "refused", "failed"]
"""refused: nothing was switched on; failed: nobody knows whether it was, and it is being switched off."""


def boottime() -> float:
    """Seconds since the computer started, sleep included: both processes see the same clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Own:
    """The first message: what the guard is to own."""

    bus: Bus
    boards: tuple[Board, ...]

    def to_bytes(self) -> bytes:
        boards = [board.model_dump(mode="json", exclude_unset=True) for board in self.boards]
        return json.dumps({"bus": self.bus.model_dump(mode="json"), "boards": boards}).encode()

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """``ValueError`` when it is none."""
        told = json.loads(message)
        return cls(
            Bus.model_validate(told["bus"]), tuple(Board.model_validate(each) for each in told["boards"])
        )


@dataclass(frozen=True, slots=True)
class Request:
    """Something to do for one board; ``milliseconds`` is the length of a pulse."""

    do: What
    board: str
    channel: int = 0
    milliseconds: int = 0

    def to_bytes(self, number: int, asked_at: float) -> bytes:
        told = {"number": number, "asked_at": asked_at, "do": self.do, "board": self.board}
        return json.dumps(told | {"channel": self.channel, "milliseconds": self.milliseconds}).encode()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the guard has it: its number and when it was made, by ``boottime``."""

    number: int
    asked_at: float
    request: Request


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request. ``levels``: channel to the level of its switch's input."""

    word: Word
    reason: str = ""
    levels: Mapping[int, bool] = field(default_factory=dict)

    def to_bytes(self, number: int) -> bytes:
        levels = {str(channel): level for channel, level in self.levels.items()}
        told = {"number": number, "word": self.word, "reason": self.reason, "levels": levels}
        return json.dumps(told).encode()


def read_request(message: bytes) -> Asked | None:
    """A request, or None for a sign of life."""
    told = json.loads(message)
    if told["do"] == "alive":
        return None
    request = Request(cast(What, told["do"]), told["board"], told["channel"], told["milliseconds"])
    return Asked(told["number"], told["asked_at"], request)


def read_answer(message: bytes) -> tuple[int, Answer]:
    """The number of the request, and its answer; ``ValueError`` when it is none."""
    if not message:
        raise ValueError("it ended")
    told: dict[str, Any] = json.loads(message)
    levels = {int(channel): bool(level) for channel, level in told["levels"].items()}
    return told["number"], Answer(told["word"], told["reason"], levels)
