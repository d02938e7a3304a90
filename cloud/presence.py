"""Who is there: the latest session of each cabinet, when it was last heard, and whether that is long ago.

Two levels, so that alarms do not flap: ``lost`` (the broker said so: the last will) and ``offline``
(confirmed: nothing was heard for a settable time). A retained message may be old: it tells of a session,
never that the cabinet is there now.
"""

from dataclasses import dataclass
from typing import Any

from config.contract.messages import Session, Status

REFRESH_MS = 3000
"""A sign of life is written down again only when the last one is older."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A proven message as a sign of life. ``status`` is set where it is one."""

    tenant: str
    cabinet: str
    epoch: str
    ordinal: int
    n: int
    at_ms: int
    retained: bool
    status: Status | None


def after_sighting(before: Row | None, seen: Sighting) -> Row | None:
    """The presence row afterwards; None when the sighting changes nothing (an older session, nothing new)."""
    if before is not None and (seen.ordinal, seen.n) < (before["ordinal"], before["n"]):
        return None
    is_new = before is None or (seen.ordinal, seen.n) > (before["ordinal"], before["n"])
    row = _session_row(before, seen) if before is None or is_new else dict(before)
    ended = seen.status is not None and seen.status.state == "offline"
    if not seen.retained and not ended:
        row |= {"seen_ms": seen.at_ms, "state": "online"}
    elif ended and (is_new or row["state"] == "online"):
        row["state"] = "lost"
    if seen.status is not None:
        row |= {
            "software": seen.status.software,
            "map_version": seen.status.map_version,
            "clock": seen.status.clock.value,
        }
    return _if_worth_writing(before, row, seen.at_ms)


def _session_row(before: Row | None, seen: Sighting) -> Row:
    blank: Row = {"software": "", "map_version": "", "clock": "unknown", "seen_ms": 0, "changed_ms": 0}
    return {
        **(before or blank),
        "tenant": seen.tenant,
        "cabinet": seen.cabinet,
        "epoch": seen.epoch,
        "ordinal": seen.ordinal,
        "n": seen.n,
        "state": "lost",
    }


def _if_worth_writing(before: Row | None, row: Row, at_ms: int) -> Row | None:
    if before is None or before["state"] != row["state"]:
        return {**row, "changed_ms": at_ms}
    rest = {name for name in row if name != "seen_ms"}
    if any(row[name] != before[name] for name in rest) or row["seen_ms"] - before["seen_ms"] > REFRESH_MS:
        return row
    return None


class OnlineCabinets:
    """The presence of every cabinet, in memory, as it was last committed."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    def note(self, row: Row) -> None:
        self._rows[row["cabinet"]] = row

    def row(self, cabinet: str) -> Row | None:
        return self._rows.get(cabinet)

    def session(self, cabinet: str) -> Session | None:
        """The session that can be spoken to now; None when the cabinet is not there."""
        row = self._rows.get(cabinet)
        if row is None or row["state"] != "online":
            return None
        return Session(epoch=row["epoch"], n=row["n"])

    def counts(self) -> dict[str, int]:
        counts = {"online": 0, "lost": 0, "offline": 0}
        for row in self._rows.values():
            counts[row["state"]] += 1
        return counts
