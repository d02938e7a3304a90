"""What a door's switch says over time: pure, no clock, no wire.

A single reading is believed when it confirms what is expected; an unexpected opening, and every closing,
must be read twice, because switches bounce and latches spring back.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

FLAPS_PER_10_S = 8
"""More changes than this in ten seconds, or as many taken back at once, is a broken switch, not a person."""


class DoorState(StrEnum):
    UNKNOWN = "unknown"  # not read since boot
    CLOSED = "closed"
    PULSING = "pulsing"  # a pulse is on its way or under way; readings do not count
    OPEN = "open"
    STUCK = "stuck"  # all pulses used, never seen open
    FORCED = "forced"  # open without an opening under way
    SENSOR_FAULT = "sensor_fault"  # flickers; not believed until it is quiet


@dataclass(frozen=True, slots=True)
class Door:
    """One door as its switch shows it. Times are seconds of the boot clock."""

    state: DoorState = DoorState.UNKNOWN
    since: float = 0.0
    doubt: bool | None = None
    """A reading that still wants a second one; None: there is none."""
    changes: tuple[float, ...] = ()
    read_since_pulse: bool = False
    """What is known is newer than the latest pulse; a board that has fallen silent leaves it old."""
    told_left_open: bool = False

    @property
    def is_open(self) -> bool:
        return self.state in (DoorState.OPEN, DoorState.FORCED)

    @property
    def is_closed(self) -> bool:
        return self.state in (DoorState.CLOSED, DoorState.STUCK)

    @property
    def reads_closed(self) -> bool:
        """Closed in its latest reading too, and that is newer than the latest pulse."""
        return self.is_closed and self.read_since_pulse and not self.doubt


@dataclass(frozen=True, slots=True)
class Reading:
    """The switch of one door; ``asked_at`` is when the board was asked, the earliest it can have looked."""

    open: bool
    asked_at: float
    interrupted: bool | None = None
    """What the light beam across the compartment said in the same answer; None: there is none."""


def read(door: Door, reading: Reading, *, expected: bool) -> tuple[Door, bool]:
    """The door after a reading, and whether it has just changed.

    ``expected``: an opening is under way that this reading may answer, so one open reading is enough.
    """
    if door.state is DoorState.SENSOR_FAULT:
        return _still_flapping(door, reading), False
    if door.state is DoorState.UNKNOWN:
        return _settled(door, reading, counts=False), True
    if reading.open == door.is_open:
        return _as_before(door, reading), False
    if not (reading.open and expected) and door.doubt is not reading.open:
        return replace(door, doubt=reading.open), False
    changed = _settled(door, reading, counts=True)
    return changed, changed.state is not DoorState.SENSOR_FAULT


def bounced(before: Door, after: Door) -> bool:
    """A reading took back what the one before it had said."""
    return before.doubt is not None and after.doubt is None and after.state is before.state


def _as_before(door: Door, reading: Reading) -> Door:
    """A doubt that was taken back counts as a flicker."""
    if door.doubt is None:
        return door
    recent = _recent(door, reading)
    return _broken(recent, reading) or replace(door, doubt=None, changes=recent)


def _settled(door: Door, reading: Reading, *, counts: bool) -> Door:
    recent = _recent(door, reading) if counts else door.changes
    state = DoorState.OPEN if reading.open else DoorState.CLOSED
    return _broken(recent, reading) or Door(state, reading.asked_at, changes=recent)


def _recent(door: Door, reading: Reading) -> tuple[float, ...]:
    return (*(at for at in door.changes if reading.asked_at - at < 10), reading.asked_at)


def _broken(recent: tuple[float, ...], reading: Reading) -> Door | None:
    too_many = len(recent) > FLAPS_PER_10_S
    return Door(DoorState.SENSOR_FAULT, reading.asked_at, changes=recent) if too_many else None


def _still_flapping(door: Door, reading: Reading) -> Door:
    """Ten seconds of the same reading end a sensor fault: the door is then read anew from UNKNOWN."""
    if door.doubt is not reading.open:
        return replace(door, doubt=reading.open, since=reading.asked_at)
    if reading.asked_at - door.since >= 10:
        return Door(DoorState.UNKNOWN, reading.asked_at)
    return door
