"""Single values of the store by key, with one checksum over all of them."""

import sqlite3
from collections.abc import Mapping

from controller.store.check import SUM, sum_of, total_of

_PUT = "insert into meta values (?, ?) on conflict (key) do update set value = excluded.value"
"""Not ``replace``: that would count as written by an older version, see the triggers."""


class Counters:
    """What ``meta`` holds, kept in memory so that only what changes is written."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._total = 0

    def load(self, db: sqlite3.Connection) -> None:
        self._values = dict(db.execute("select key, value from meta"))
        self._total = total_of(self._values)

    def get(self, key: str) -> str | None:
        return self._values.get(key)

    def number(self, key: str) -> int:
        """0 where there is none."""
        return int(self._values.get(key, 0))

    def put(self, db: sqlite3.Connection, values: Mapping[str, str]) -> None:
        """Write what differs, within the caller's transaction."""
        changed = [(key, value) for key, value in values.items() if self._values.get(key) != value]
        for key, value in changed:
            if key in self._values:
                self._total ^= sum_of(key, self._values[key])
            self._total ^= sum_of(key, value)
            self._values[key] = value
        total = f"{self._total:032x}"
        if changed or self._values.get(SUM) != total:
            self._values[SUM] = total
            db.executemany(_PUT, [*changed, (SUM, total)])

    def as_they_are(self) -> tuple[dict[str, str], int]:
        """To go back to when a transaction fails."""
        return dict(self._values), self._total

    def go_back(self, before: tuple[dict[str, str], int]) -> None:
        self._values, self._total = before
