"""The cabinet's own QR: whoever reads it back stands in front of the screen.

Each picture holds a nonce that is good once and for 30 seconds, and a two-digit number beside it that is not
in the QR. Both are drawn at random in memory and never leave the edge but by its screen.
"""

import secrets
from dataclasses import dataclass

from config.contract.messages import Presence
from controller.clock import Clock

SHOWN_S = 20.0
GOOD_S = 30.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What the screen shows until ``until`` (clock seconds)."""

    nonce: str
    number: int
    until: float
    good_until: float


class Screen:
    """Draws the pictures and takes each back once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._good: dict[str, Shown] = {}
        self._now: Shown | None = None

    def shown(self) -> Shown:
        """The picture to show right now."""
        now = self._clock.now()
        if self._now is None or now >= self._now.until or self._now.nonce not in self._good:
            self._now = Shown(secrets.token_hex(8), secrets.randbelow(100), now + SHOWN_S, now + GOOD_S)
            self._good = {n: s for n, s in self._good.items() if s.good_until > now}
            self._good[self._now.nonce] = self._now
        return self._now

    def take_back(self, presence: Presence) -> bool:
        """Is this a picture that was just shown? Right or wrong, it is not good a second time."""
        shown = self._good.pop(presence.nonce, None)
        return shown is not None and shown.number == presence.number and shown.good_until > self._clock.now()
