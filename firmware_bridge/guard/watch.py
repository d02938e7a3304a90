"""Which outputs are on, and until when. Knows no pins, no sockets and no clock of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from config.cabinet.families import LONGEST_PULSE_MS

Output = tuple[str, int]
"""A board and one of its channels."""


WAITS_SECONDS = 1.0
"""A pulse that is wanted begins sooner than this, or not at all."""


class MayNot(Exception):
    """A pulse that must not be begun, and why."""


@dataclass(slots=True)
class Watch:
    """The outputs of one guard; times in seconds of one clock."""

    channels: Mapping[str, int]
    """How many each board has."""
    quiet_seconds: float
    heard_at: float
    _ends: dict[Output, float] = field(default_factory=dict)

    def hears(self, now: float) -> None:
        """The controller lives."""
        self.heard_at = now

    def takes(self, output: Output, milliseconds: int, now: float) -> None:
        """A pulse is wanted: from now on this output may be on. ``MayNot`` says why it must not be."""
        board, channel = output
        if board not in self.channels:
            raise MayNot(f"there is no board {board}")
        if not 1 <= channel <= self.channels[board]:
            raise MayNot(f"board {board} has no channel {channel}, only 1 to {self.channels[board]}")
        if not 0 < milliseconds <= LONGEST_PULSE_MS:
            raise MayNot(f"a pulse lasts 1 to {LONGEST_PULSE_MS} ms, not {milliseconds}")
        if output in self._ends:
            raise MayNot(f"output {channel} of board {board} is still on")
        if self._is_quiet(now):
            raise MayNot("the controller has said nothing for too long")
        self._ends[output] = now + WAITS_SECONDS + milliseconds / 1000

    def begins(self, output: Output, milliseconds: int, now: float) -> float:
        """Its pulse is about to begin; when it has to end."""
        self._ends[output] = now + milliseconds / 1000
        return self._ends[output]

    def ends_now(self, output: Output, now: float) -> None:
        """It may be on, and must not be."""
        self._ends[output] = now

    def due(self, now: float) -> list[Output]:
        """What to turn off now, and again until ``is_off``: everything, once the controller is quiet."""
        return [output for output, end in self._ends.items() if end <= now or self._is_quiet(now)]

    def is_off(self, output: Output) -> None:
        """It was seen to be off."""
        self._ends.pop(output, None)

    def on(self) -> list[Output]:
        """What is on, or may be."""
        return list(self._ends)

    def _is_quiet(self, now: float) -> bool:
        return now - self.heard_at > self.quiet_seconds
