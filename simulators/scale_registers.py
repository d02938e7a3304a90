"""A weighing transmitter and the pan that it weighs, with registers as its map says."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.faults import Cause
from simulators.registers import RegisterDevice

GRAMS = {"mg": 0.001, "g": 1.0, "kg": 1000.0}
SETTLES_SECONDS = 0.6
"""So long a pan swings after something was put on it or taken from it."""
UNREST_GRAMS = 5.0


@dataclass(slots=True)
class ScaleRegisters(RegisterDevice):
    """One scale. What lies on it is what a hand put there."""

    clock: Callable[[], float] = lambda: 0.0
    grams: float = 0.0
    """What lies on the pan."""
    zero_at: float = 0.0
    tare_at: float = 0.0
    """So many grams count as nothing: the pan's own, and a bottle's."""
    _swings_from: float = 0.0
    _since: float = -SETTLES_SECONDS
    _random: random.Random = field(default_factory=lambda: random.Random(0))

    def load(self, grams: float) -> None:
        """Have so much lie on it; it swings for a moment."""
        self._swings_from, self._since = self.gross, self.clock()
        self.grams = grams

    @property
    def gross(self) -> float:
        """Grams that press on the cell at this moment."""
        settled = min(1.0, (self.clock() - self._since) / SETTLES_SECONDS)
        return self._swings_from + (self.grams - self._swings_from) * settled

    def measures_now(self) -> dict[str, float]:
        weight = self.map.weight
        assert weight is not None
        net = self.gross - self.zero_at - self.tare_at
        if unrest := self._unrest:
            net += self._random.uniform(-unrest, unrest)
        return {"weight": net / GRAMS[weight.unit]}

    def flags_now(self) -> dict[str, bool]:
        weight = self.map.weight
        assert weight is not None
        rests = self.clock() - self._since >= SETTLES_SECONDS and not self._unrest
        return {"stable": rests, "overload": self.gross > weight.most * GRAMS[weight.unit]}

    def obey(self, key: str) -> None:
        if key == "zero":
            self.zero_at, self.tare_at = self.gross, 0.0
        else:
            self.tare_at = self.gross - self.zero_at

    @property
    def _unrest(self) -> float:
        fault = self.faults.at(Cause.RESTLESS, self.name)
        return 0.0 if fault is None else fault.amount or UNREST_GRAMS
