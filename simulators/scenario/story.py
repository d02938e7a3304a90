"""What happened in a run: an account for people, a trace for the one who looks for a mistake."""

import hashlib
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

LAST_LINES = 200
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that did not hold, where and when, and what was said just before."""

    cabinet: str
    moment: str
    what: str
    trace: tuple[str, ...]


@dataclass(slots=True)
class Story:
    """Everything that is told goes into the trace and its digest; ``note`` also into the account."""

    second: Callable[[], float]
    """Seconds since midnight of the first day."""
    tell_at_once: Callable[[str], None] = lambda line: None
    sums: dict[int, Counter[str]] = field(default_factory=dict)
    by_cabinet: dict[str, Counter[str]] = field(default_factory=dict)
    account: list[str] = field(default_factory=list)
    violation: Violation | None = None
    lines: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)
    _last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))

    @property
    def day(self) -> int:
        return int(self.second() // DAY) + 1

    def moment(self) -> str:
        """``3 18:04:05.678``: the day of the run and its time."""
        second = self.second()
        hour, rest = divmod(second % DAY, 3600)
        return f"{self.day} {int(hour):02d}:{int(rest // 60):02d}:{rest % 60:06.3f}"

    def trace(self, cabinet: str, line: str) -> None:
        whole = f"{self.moment()} {cabinet:<10} {line}"
        self.lines += 1
        self._digest.update(whole.encode() + b"\n")
        self._last.append(whole)

    def note(self, cabinet: str, line: str) -> None:
        """Worth a line of the account."""
        self.trace(cabinet, line)
        self.tell_at_once(f"day {self.moment()[:-4]}  {cabinet:<10} {line}")

    def count(self, cabinet: str, what: str, by: int = 1) -> None:
        self.sums.setdefault(self.day, Counter())[what] += by
        self.by_cabinet.setdefault(cabinet, Counter())[what] += by

    def violated(self, cabinet: str, what: str) -> None:
        """The first one ends the run."""
        self.trace(cabinet, f"VIOLATED: {what}")
        if self.violation is None:
            self.violation = Violation(cabinet, self.moment(), what, tuple(self._last))

    def total(self) -> Counter[str]:
        return sum(self.sums.values(), Counter())

    @property
    def digest(self) -> str:
        """Two runs that told the same have the same."""
        return str(self._digest.hexdigest())
