"""How each door has been working: what tells of a lock or a switch that is about to fail.

``Figures`` is pure; ``DoorFigures`` keeps them for a cabinet. They are counted over all restarts; the times
are the latest ones, because a spring gets weak slowly.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from statistics import median

from config.contract.events import DoorOpened, Fact, OpeningFailed
from controller.cabinet import Cabinet, Changed
from controller.store import Store

LATEST = 20
KEY = "door:"
"""Before a compartment's label: its key among the counters of the store."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one door."""

    openings: int = 0
    retries: int = 0
    """Pulses that were needed on top of the first one."""
    failures: int = 0
    """Openings in which all pulses were used and it stayed shut."""
    bounces: int = 0
    """Readings of the switch that the next one took back."""
    open_ms: tuple[int, ...] = field(default=())
    """From the pulse to the open switch, the latest ones."""

    def opened(self, pulse: int, after_pulse_ms: int) -> "Figures":
        latest = (*self.open_ms, max(0, after_pulse_ms))[-LATEST:]
        return replace(
            self, openings=self.openings + 1, retries=self.retries + max(0, pulse - 1), open_ms=latest
        )

    def failed(self, pulses: int) -> "Figures":
        return replace(self, failures=self.failures + 1, retries=self.retries + max(0, pulses - 1))

    @property
    def typical_ms(self) -> float:
        """Nought before the first opening."""
        return float(median(self.open_ms)) if self.open_ms else 0.0


def summary(doors: Iterable[Figures]) -> dict[str, float]:
    """Of a whole cabinet, in a handful of numbers."""
    doors = list(doors)
    times = [ms for door in doors for ms in door.open_ms]
    return {
        "doors.openings": float(sum(door.openings for door in doors)),
        "doors.retries": float(sum(door.retries for door in doors)),
        "doors.failures": float(sum(door.failures for door in doors)),
        "doors.bounces": float(sum(door.bounces for door in doors)),
        "doors.open_ms": float(median(times)) if times else 0.0,
        "doors.slowest_ms": max((door.typical_ms for door in doors), default=0.0),
    }


class DoorFigures:
    """All doors of a cabinet; listens to what is recorded of them."""

    def __init__(self, cabinet: Cabinet, store: Store) -> None:
        self.doors = {label: Figures() for label in cabinet.boxes}
        self._store = store
        self._kept: dict[str, Figures] = {}
        cabinet.listen(self._heard)
        cabinet.bounced = self._bounced

    async def load(self) -> None:
        """As they were at the last minute before the restart."""
        for label in self.doors:
            kept = await self._store.meta(KEY + label)
            if kept:
                raw = json.loads(kept)
                self.doors[label] = Figures(**{**raw, "open_ms": tuple(raw["open_ms"])})
        self._kept = dict(self.doors)

    def samples(self) -> dict[str, float]:
        """For the telemetry: the cabinet in sum, and by name the doors that needed a second pulse."""
        found = summary(self.doors.values())
        worst = sorted(self.doors.items(), key=lambda one: (-one[1].failures, -one[1].retries, one[0]))[:5]
        for label, door in worst:
            if door.failures or door.retries:
                found[f"door.{label}.retries"] = float(door.retries)
                found[f"door.{label}.failures"] = float(door.failures)
                found[f"door.{label}.open_ms"] = door.typical_ms
        return found

    def kept(self) -> dict[str, str]:
        """What has changed since it was last asked, by its key in the store."""
        changed = {label: door for label, door in self.doors.items() if self._kept.get(label) != door}
        self._kept |= changed
        return {KEY + label: json.dumps(asdict(door)) for label, door in changed.items()}

    def _heard(self, changed: Changed) -> None:
        for told in changed.facts:
            self._count(told)

    def _count(self, told: Fact) -> None:
        match told:
            case DoorOpened():
                self._change(told.box.label, lambda door: door.opened(told.pulse, told.after_pulse_ms))
            case OpeningFailed():
                self._change(told.box.label, lambda door: door.failed(told.pulses))

    def _bounced(self, label: str) -> None:
        self._change(label, lambda door: replace(door, bounces=door.bounces + 1))

    def _change(self, label: str, how: Callable[[Figures], Figures]) -> None:
        self.doors[label] = how(self.doors.get(label, Figures()))
