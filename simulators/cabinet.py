"""The physics of a cabinet: one truth under all boards.

Coil, latch, spring, hinge, hands and goods, for each compartment. Nothing here knows bytes or orders. Time is
asked of an injected clock; each question first lets everything happen that was due by then.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import Any

from simulators.faults import Cause, Faults

Clock = Callable[[], float]

LATCH_SECONDS = 0.03
"""A solenoid needs so long to pull its bolt back."""
SPRING_SECONDS = 0.06
"""Then the spring needs so long to push the door off its switch."""


class HandsRefused(Exception):
    """A hand tried what the cabinet does not let happen."""


class Door(StrEnum):
    """How far a door stands open; the switch closes only at ``CLOSED``."""

    CLOSED = "closed"
    AJAR = "ajar"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Goods:
    """Something that lies in a compartment."""

    name: str
    grams: float = 0.0


@dataclass(slots=True)
class Energised:
    """One time during which something was under current; ``off_at`` is None while it still is."""

    on_at: float
    off_at: float | None = None

    def seconds(self, now: float) -> float:
        """How long it has lasted."""
        return (now if self.off_at is None else self.off_at) - self.on_at


@dataclass(slots=True)
class Compartment:
    """One box: what is true of it, not what any switch says."""

    label: str
    supply: str
    door: Door = Door.CLOSED
    latched: bool = True
    goods: list[Goods] = field(default_factory=list)
    energised: list[Energised] = field(default_factory=list)
    sprang_open: list[float] = field(default_factory=list)
    off_due: float | None = None

    @property
    def coil_on(self) -> bool:
        return bool(self.energised) and self.energised[-1].off_at is None


class Cabinet:
    """Compartments by label. Boards energise coils and read switches; hands move doors and goods."""

    def __init__(self, clock: Clock, faults: Faults | None = None) -> None:
        self.clock = clock
        self.faults = faults if faults is not None else Faults()
        self.pulsed: Callable[[str], None] = lambda label: None
        """Told, with the compartment's label, that a board has begun a pulse."""
        self._compartments: dict[str, Compartment] = {}
        self._disturbed: dict[str, bool] = {}
        self._lamps: dict[str, list[Energised]] = {}
        self._due: list[tuple[float, int, Callable[[float], None]]] = []
        self._numbers = count()

    def build(self, label: str, supply: str = "main") -> Compartment:
        """Put in one more compartment, closed and empty; its coil hangs on ``supply``."""
        return self._compartments.setdefault(label, Compartment(label, supply))

    def fit_contact(self, name: str) -> None:
        """Put in a contact of the case, that nobody is at."""
        self._disturbed.setdefault(name, False)

    def fit_lamp(self, name: str) -> None:
        """Put in a lamp, or a buzzer, that is off."""
        self._lamps.setdefault(name, [])

    def lamps(self) -> list[str]:
        """The names of all lamps and buzzers."""
        return list(self._lamps)

    def contacts(self) -> list[str]:
        """The names of all contacts of the case."""
        return list(self._disturbed)

    def compartment(self, label: str) -> Compartment:
        """This compartment as it is now; ``HandsRefused`` when there is none."""
        self.step()
        return self._named(label)

    def labels(self) -> list[str]:
        """The labels of all compartments."""
        return list(self._compartments)

    def step(self) -> float:
        """Let everything happen that is due; the time it is now."""
        now = self.clock()
        while self._due and self._due[0][0] <= now:
            at, _, happen = heapq.heappop(self._due)
            happen(at)
        return now

    def every(self, seconds: float, happen: Callable[[], None]) -> None:
        """From now on this happens again and again, in its place among all that happens."""
        start = self.step()

        def again(at: float) -> None:
            happen()
            self._later(at + seconds, again)

        self._later(start + seconds, again)

    # What boards do.

    def pulse(self, label: str, seconds: float) -> None:
        """Energise a coil for so long, timed by the board; a second pulse meanwhile starts the time anew."""
        now, box = self.step(), self._named(label)
        box.off_due = now + seconds
        self._current_on(box, now)
        self._later(box.off_due, lambda at: self._pulse_over(box, at))
        self.pulsed(label)

    def hold(self, label: str) -> None:
        """Energise a coil until ``drop``. This is what burns a solenoid."""
        now, box = self.step(), self._named(label)
        box.off_due = None
        self._current_on(box, now)

    def drop(self, label: str) -> None:
        """Take the current away."""
        now, box = self.step(), self._named(label)
        self._current_off(box, now)

    def switch_open(self, label: str) -> bool:
        """What the door switch says: true when it reads open."""
        now, box = self.step(), self._named(label)
        if self.faults.at(Cause.SWITCH_BROKEN_OPEN, label):
            return True
        if self.faults.at(Cause.SWITCH_BROKEN_CLOSED, label):
            return False
        if flapping := self.faults.at(Cause.SWITCH_FLAPPING, label):
            return int((now - flapping.since) * (flapping.amount or 50.0)) % 2 == 0
        return box.door is not Door.CLOSED

    def beam_interrupted(self, label: str) -> bool:
        """What the light beam says: true while something lies there."""
        self.step()
        box = self._named(label)
        if self.faults.at(Cause.BEAM_BLIND, label):
            return True
        return bool(box.goods) and not self.faults.at(Cause.BEAM_STUCK, label)

    def contact_level(self, name: str, quiet: bool) -> bool:
        """The level that a card sees of a contact of the case; ``quiet`` is the one while nobody is at it."""
        return not self.faults.at(Cause.CONTACT_CUT, name) and self._disturbed[name] != quiet

    def light(self, name: str, on: bool) -> None:
        """Switch a lamp or a buzzer."""
        now = self.step()
        if on and not self.lamp_is_on(name):
            self._lamps[name].append(Energised(now))
        elif not on and self.lamp_is_on(name):
            self._lamps[name][-1].off_at = now

    def lamp_is_on(self, name: str) -> bool:
        """Whether its output is on."""
        return bool(self._lamps[name]) and self._lamps[name][-1].off_at is None

    # What hands do.

    def disturb(self, name: str) -> None:
        """Open the case, tip it, or press its button: what this contact tells of."""
        self._move_contact(name, True)

    def settle(self, name: str) -> None:
        """Close the case, set it up again, or let go of the button."""
        self._move_contact(name, False)

    def pull(self, label: str) -> bool:
        """Pull at the door; whether it is open now."""
        self.step()
        box = self._named(label)
        if not box.latched:
            box.door = Door.OPEN
        return box.door is Door.OPEN

    def force(self, label: str) -> None:
        """Break a door open; nothing was energised."""
        self.step()
        box = self._named(label)
        box.latched, box.door = False, Door.OPEN

    def push(self, label: str) -> None:
        """Lean the door to, without latching it."""
        self.step()
        box = self._named(label)
        if box.door is Door.OPEN:
            box.door = Door.AJAR

    def standing_open(self) -> list[str]:
        """The compartments whose door is ajar or open."""
        self.step()
        return [box.label for box in self._compartments.values() if box.door is not Door.CLOSED]

    def open_among(self, labels: Iterable[str]) -> int:
        """How many of these doors are not closed right now; lets no time pass."""
        return sum(self._compartments[label].door is not Door.CLOSED for label in labels)

    def close(self, label: str) -> bool:
        """Push the door shut until it latches; whether it stays."""
        now, box = self.step(), self._named(label)
        if box.door is Door.CLOSED:
            return box.latched
        box.door = Door.CLOSED
        box.latched = not box.coil_on
        if not box.latched:
            self._later(now + SPRING_SECONDS, lambda then: self._spring(box, then))
        return box.latched

    def put(self, label: str, goods: Goods) -> None:
        """Lay something in; ``HandsRefused`` through a closed door."""
        self._reach_in(label).goods.append(goods)

    def take(self, label: str, name: str | None = None) -> Goods:
        """Take out the first thing, or the one of this name; ``HandsRefused`` when it is not there."""
        box = self._reach_in(label)
        for goods in box.goods:
            if name is None or goods.name == name:
                box.goods.remove(goods)
                return goods
        raise HandsRefused(f"there is no {name or 'thing'} in compartment {label}")

    # What is true.

    def longest_energised(self) -> float:
        """The longest time any coil has been, or still is, under current, in seconds."""
        now = self.step()
        return max(
            (e.seconds(now) for box in self._compartments.values() for e in box.energised), default=0.0
        )

    def truth(self) -> dict[str, Any]:
        """Everything, as plain data."""
        now = self.step()
        boxes = {box.label: _told(box) for box in self._compartments.values()}
        lamps = {
            name: {
                "lit": self.lamp_is_on(name) and not self.faults.at(Cause.LAMP_DEAD, name),
                "switched_on": [[e.on_at, e.off_at] for e in times],
            }
            for name, times in self._lamps.items()
        }
        return {"now": now, "compartments": boxes, "disturbed": dict(self._disturbed), "lamps": lamps}

    def _named(self, label: str) -> Compartment:
        try:
            return self._compartments[label]
        except KeyError:
            raise HandsRefused(f"there is no compartment {label}") from None

    def _move_contact(self, name: str, disturbed: bool) -> None:
        self.step()
        if name not in self._disturbed:
            raise HandsRefused(f"there is no contact {name}")
        self._disturbed[name] = disturbed

    def _reach_in(self, label: str) -> Compartment:
        self.step()
        box = self._named(label)
        if box.door is Door.CLOSED:
            raise HandsRefused(f"the door of compartment {label} is closed")
        return box

    def _later(self, at: float, happen: Callable[[float], None]) -> None:
        heapq.heappush(self._due, (at, next(self._numbers), happen))

    def _current_on(self, box: Compartment, now: float) -> None:
        if not box.coil_on:
            box.energised.append(Energised(now))
            self._later(now + LATCH_SECONDS, lambda at: self._unlatch(box, at))

    def _pulse_over(self, box: Compartment, at: float) -> None:
        if box.off_due is not None and box.off_due <= at:
            self._current_off(box, at)

    def _current_off(self, box: Compartment, at: float) -> None:
        box.off_due = None
        if box.coil_on:
            box.energised[-1].off_at = at
            box.latched = box.door is Door.CLOSED

    def _unlatch(self, box: Compartment, at: float) -> None:
        if box.coil_on and not self.faults.at(Cause.LATCH_JAMMED, box.label):
            box.latched = False
            self._later(at + SPRING_SECONDS, lambda then: self._spring(box, then))

    def _spring(self, box: Compartment, at: float) -> None:
        if not box.latched and box.door is Door.CLOSED:
            box.door = Door.AJAR
            box.sprang_open.append(at)


def _told(box: Compartment) -> dict[str, Any]:
    return {
        "door": box.door.value,
        "latched": box.latched,
        "coil_on": box.coil_on,
        "goods": [{"name": goods.name, "grams": goods.grams} for goods in box.goods],
        "supply": box.supply,
        "energised": [[e.on_at, e.off_at] for e in box.energised],
        "sprang_open": list(box.sprang_open),
    }
