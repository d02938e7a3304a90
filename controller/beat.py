"""The sign of life of one loop or thread: it comes round, rests for a known while, and comes round again."""

import time


class Beat:
    """Kept by a loop, read by the watchdog. Rests until it comes round for the first time."""

    def __init__(self) -> None:
        self._due = float("inf")

    def comes_round(self, rest_s: float = 0.0) -> None:
        """The loop goes on now, and again after a rest of so many seconds."""
        self._due = time.monotonic() + rest_s

    def rests(self) -> None:
        """Nothing is expected of the loop until it comes round again."""
        self._due = float("inf")

    def late_s(self) -> float:
        """By how many seconds it should have come round again; negative while it rests."""
        return time.monotonic() - self._due
