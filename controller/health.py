"""Open faults of this cabinet: each is recorded when it begins and when it ends, and not in between.

Which are open is durable with the events that told so. After a start the same ones are open; whoever watches
a part ends its fault when it works, and ``look`` ends those that nobody watches for, and those of parts that
are gone. So no fault is lost by a restart, and none outlives what it is about.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping

import structlog

from config.contract.events import DoorOpened, Fact, FaultCleared, FaultRaised
from config.contract.faults import FAULTS
from controller.beat import Beat
from controller.cabinet import Cabinet
from controller.clock import Clock
from controller.doors import DoorState
from controller.store import Change, Store, StoreFailing
from controller.visit import Box, Side, State, Step
from firmware_bridge.ports import Port

log = structlog.get_logger(__name__)

WIRES_S = 1.0
QUIET_S = 10.0
"""A switch that has said the same for so long does not flicker any more."""


class Health:
    """Which faults are open, by (fault, subject)."""

    def __init__(self, cabinet: Cabinet, store: Store, clock: Clock) -> None:
        self._cabinet = cabinet
        self._store = store
        self._clock = clock
        self.subjects: dict[str, Collection[str]] = {}
        """The parts that there are, by the fault that they may have; other parts are gone."""
        self.over: dict[str, Callable[[], bool]] = {"records_restored": self._all_looked_into}
        """Faults of the whole cabinet that nobody else ends: whether they are over."""
        self.beat = Beat()
        """Of the loop that watches the wires."""
        cabinet.accompany(self._joins)

    def has(self, fault: str, subject: str) -> bool:
        return (fault, subject) in self._store.open_faults

    def told_again(self) -> tuple[FaultRaised, ...]:
        """All that are open, for a cloud that starts afresh with us."""
        return tuple(
            FaultRaised(fault=f, subject=s, detail=d) for (f, s), d in self._store.open_faults.items()
        )

    async def begins(self, fault: str, subject: str, detail: str = "") -> None:
        """Record that a fault of the table began; again is nothing."""
        assert fault in FAULTS, fault
        if not self.has(fault, subject):
            told = FaultRaised(fault=fault, subject=subject, detail=detail[:300])
            await self._cabinet.change_together(lambda: _unless(self.has(fault, subject), told))

    async def ends(self, fault: str, subject: str) -> None:
        if self.has(fault, subject):
            told = FaultCleared(fault=fault, subject=subject)
            await self._cabinet.change_together(lambda: _unless(not self.has(fault, subject), told))

    async def look(self) -> None:
        """Once: end what is over, as the doors show it when no change of theirs is half made."""
        if self._ended() != Change():
            await self._cabinet.change_together(self._ended)

    def _ended(self) -> Change:
        over = [
            (fault, subject) for fault, subject in self._store.open_faults if self._is_over(fault, subject)
        ]
        return Change(facts=tuple(FaultCleared(fault=fault, subject=subject) for fault, subject in over))

    def _is_over(self, fault: str, subject: str) -> bool:
        if fault in self.over:
            return self.over[fault]()
        if fault in self.subjects:
            return subject not in self.subjects[fault]
        if fault not in DOOR_FAULTS:
            return False
        box = self._cabinet.boxes.get(subject)
        return box is None or DOOR_FAULTS[fault](box, self._clock.now())

    def _all_looked_into(self) -> bool:
        return not any(Side.QUARANTINE in box.sides for box in self._cabinet.boxes.values())

    def _joins(self, box: Box, step: Step) -> Change:
        """A door that did not open opens again; one that is out of service waits for a person."""
        opens = any(isinstance(told, DoorOpened) for told in step.facts)
        if opens and Side.OUT_OF_SERVICE not in step.box.sides and self.has("door_stuck", box.label):
            return Change(facts=(FaultCleared(fault="door_stuck", subject=box.label),))
        return Change()

    async def watch_wires(self, buses: Mapping[str, Port], readers: Mapping[str, Port]) -> None:
        """Tell when a port is gone and when it is back, and what is over; until cancelled."""
        self.subjects |= {"bus_lost": buses.keys(), "reader_lost": readers.keys()}
        watched = [("bus_lost", name, wire) for name, wire in buses.items()]
        watched += [("reader_lost", name, wire) for name, wire in readers.items()]
        while True:
            for fault, name, wire in watched:
                try:
                    await self._tell_wire(fault, name, wire)
                except StoreFailing as error:
                    log.error("a lost port could not be recorded", port=name, error=str(error))
            await self._look()
            self.beat.comes_round(WIRES_S)
            await asyncio.sleep(WIRES_S)

    async def _look(self) -> None:
        try:
            await self.look()
        except StoreFailing as error:
            log.error("the end of a fault could not be recorded", error=str(error))

    async def _tell_wire(self, fault: str, name: str, wire: Port) -> None:
        if wire.is_open:
            await self.ends(fault, name)
        else:
            await self.begins(fault, name, str(wire.fault or ""))


def _unless(known: bool, told: Fact) -> Change:
    return Change() if known else Change(facts=(told,))


def _is_quiet(box: Box, now: float) -> bool:
    believed = box.door.state not in (DoorState.UNKNOWN, DoorState.SENSOR_FAULT)
    return believed and box.door.doubt is None and now - box.door.since >= QUIET_S


def _is_clear(box: Box) -> bool:
    is_known = box.state is not State.CHECKING and Side.QUARANTINE not in box.sides
    return is_known and box.opening is None  # how that ends nobody knows yet


DOOR_FAULTS: dict[str, Callable[[Box, float], bool]] = {
    "door_forced": lambda box, now: Side.FORCED not in box.sides,
    "door_left_open": lambda box, now: box.door.is_closed,
    "door_stuck": lambda box, now: False,  # until it opens: nobody knows before
    "compartment_unclear": lambda box, now: _is_clear(box),
    "goods_unclaimed": lambda box, now: _is_clear(box),
    "goods_missing": lambda box, now: box.beam.overruled is not False,
    "beam_blind": lambda box, now: box.beam.overruled is not True,
    "switch_flapping": _is_quiet,
    "wiring_unproven": lambda box, now: Side.UNPROVEN not in box.sides,
}
"""Whether the fault of a door is over, as far as the door shows it right now; an unread one shows nothing."""
