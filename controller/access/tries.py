"""Wrong tries: how many are free, how long one waits then. They only fall by time; pure.

Times are milliseconds that the cabinet ran (see ``Clock.served_ms``), so neither a wall clock nor a power cut
shortens a wait.
"""

import json
from dataclasses import dataclass, replace

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Pace:
    """``free`` wrong tries within ``window_ms``, then ``first_wait_ms`` doubling to ``longest_wait_ms``."""

    free: int
    window_ms: int
    first_wait_ms: int = 30_000
    longest_wait_ms: int = 900_000


CODE = Pace(free=5, window_ms=600_000)
STRONG = Pace(free=5, window_ms=DAY_MS)
"""Code with phone digits, and a badge's PIN: never refused for the day, so slowed for the day."""

TAIL_AFTER = 60
"""So many wrong codes within a day, and the keypad asks for the last digits of the phone as well.

With 120 codes of 8 digits in a cabinet the guesser's chance is then 60 · 120 / 10^8 = 7.2e-5 a day."""
ALARM_AT = 20
"""So many wrong tries of a kind within a day are told as an alarm."""


@dataclass(frozen=True, slots=True)
class Tries:
    """Wrong tries of the last day, the latest ``TAIL_AFTER`` of them, and the wait that they brought."""

    wrong: tuple[int, ...] = ()
    waits: int = 0
    locked_until: int = 0

    def to_json(self) -> str:
        return json.dumps({"wrong": self.wrong, "waits": self.waits, "locked_until": self.locked_until})

    @classmethod
    def from_json(cls, text: str | None) -> "Tries":
        raw = json.loads(text) if text else {}
        return cls(tuple(raw.get("wrong", ())), raw.get("waits", 0), raw.get("locked_until", 0))

    def within(self, window_ms: int, now_ms: int) -> int:
        """How many wrong tries there were in the time before now."""
        return sum(now_ms - at < window_ms for at in self.wrong)


def wait_ms(tries: Tries, now_ms: int, pace: Pace = CODE) -> int:
    """How long one still waits; never longer than the longest wait."""
    return min(max(0, tries.locked_until - now_ms), pace.longest_wait_ms)


def after_wrong(tries: Tries, now_ms: int, pace: Pace = CODE) -> Tries:
    """One more wrong try."""
    wrong = (*(at for at in tries.wrong if now_ms - at < DAY_MS), now_ms)[-TAIL_AFTER:]
    tries = replace(tries, wrong=wrong)
    if tries.within(pace.window_ms, now_ms) <= pace.free:
        return tries
    wait = min(pace.first_wait_ms << min(tries.waits, 10), pace.longest_wait_ms)
    return Tries(wrong, tries.waits + 1, now_ms + wait)


def after_right(tries: Tries) -> Tries:
    """A right code ends the doubling; the wrong tries in the window still count."""
    return replace(tries, waits=0)
