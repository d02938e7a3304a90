"""All that matters of a moment: one compartment, two orders, two commands, and the physics beside them.

Who stands at an open door, what truly lies behind it, which pulses wait for the wire or for its answer, which
commands are on their way.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from search_machine import NOW, OCCUPANCIES_B, OCCUPANCY_A, RULES, A, Kept, as_kept, later

from controller import visit
from controller.doors import Reading
from controller.visit import Box, Pulse, Side, State


class Same:
    """A value of which there is one, so that comparing it takes no time."""

    __slots__ = ("it", "later")
    known: ClassVar[dict[Any, "Same"]] = {}

    def __init__(self, it: Any) -> None:
        self.it, self.later = it, None

    @classmethod
    def of(cls, it: Any) -> "Same":
        known = cls.known.get(it)
        if known is None:
            known = cls.known[it] = cls(it)
        return known


class Waits(NamedTuple):
    """A pulse that was committed: it waits for the wire, or (``age`` is set) for what the wire says."""

    pulse: Pulse
    age: float | None = None
    withheld: str = ""


class Message(NamedTuple):
    """A command on its way, any number of copies of it: how long it is good, for which session."""

    left_s: float
    session: int = 0


LATE = Message(0.0)
"""Refused for its time, so its session makes no difference any more."""
GONE = Message(0.0, -1)
"""It has no opening (any more), and whatever copy of it arrives has been seen or is refused."""


class World(NamedTuple):
    """All that matters of a moment. ``box`` is None while the program is down."""

    one_box: Same | None
    one_kept: Same
    queue: tuple[Waits, ...] = ()
    at_door: str | None = None
    """What the door was opened for by whoever holds it open; None: it is shut."""
    goods: frozenset[str] = frozenset({A})
    messages: tuple[Message | None, Message | None] = (None, None)
    fired: int = 0
    since_first: float = 0.0
    seen_open: bool = False
    ended: frozenset[str] = frozenset()
    loads: int = 0
    helped: int = 0

    @property
    def box(self) -> Box | None:
        return None if self.one_box is None else self.one_box.it

    @property
    def kept(self) -> Kept:
        return self.one_kept.it


@dataclass(slots=True)
class Extent:
    """What may happen in one search, so that it closes."""

    commands: int = 2
    loads: int = 1
    meant: tuple[str, str] = (OCCUPANCY_A, OCCUPANCIES_B[0])
    """What the commands are for: the cloud has heard of an occupancy before it opens its door."""
    help: int = 0
    """How often the service comes, somebody is inside, or the disk fails."""
    courier: bool = True
    beam: bool = False
    """A light beam sees what lies there, and residents may leave it."""
    start: Callable[[], World] = field(default_factory=lambda: occupied)


def occupied() -> World:
    box = Box("01", State.OCCUPIED, occupancy=OCCUPANCY_A, order=A, parcel=A)
    return _begun(box, frozenset({A}))


def vacant() -> World:
    return _begun(Box("01"), frozenset())


def quarantined() -> World:
    world = occupied()
    assert world.box is not None
    held = world.box.__class__(
        "01", State.OCCUPIED, frozenset({Side.QUARANTINE}), OCCUPANCY_A, A, A, False, door=world.box.door
    )
    return world._replace(one_box=Same.of(held), one_kept=Same.of(Kept(as_kept(held))))


def _begun(box: Box, goods: frozenset[str]) -> World:
    read = later(visit.door_read(box, Reading(False, NOW), NOW, RULES).box, 0)
    return World(Same.of(read), Same.of(Kept(as_kept(box))), goods=goods)


def told(world: World) -> str:
    """A moment in a line."""
    box = world.box
    if box is None:
        return f"down; door {world.at_door or 'shut'}, goods {sorted(g[-2:] for g in world.goods)}"
    opening = box.opening
    about = "" if opening is None else (
        f" {opening.purpose} pulses={opening.pulses} sent={opening.sent_at} seen={opening.seen_open}"
        f" ambiguous={opening.ambiguous} command={opening.command} first={opening.first_pulse - NOW}"
    )  # fmt: skip
    return (
        f"{box.state}{sorted(box.sides)} {box.occupancy}{about}; switch {box.door.state}; queue"
        f" {[(w.pulse.opening, w.pulse.pulse, w.age) for w in world.queue]}; door {world.at_door or 'shut'},"
        f" goods {sorted(g[-2:] for g in world.goods)}"
    )
