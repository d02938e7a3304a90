"""Somebody who looks after the cabinet: badge and PIN, or a badge of the day; then one door at a time.

Doors that were wired anew are proven on the way: each is opened, no other one may move meanwhile, and
whoever stands there says that it was this one. Switches alone cannot tell: of two doors lock and switch may
be swapped together.
"""

from dataclasses import dataclass

import structlog

from config.contract import events
from config.contract.codes import BadgeRight
from controller.access import BadgeGranted
from controller.cabinet import Cabinet, Changed
from controller.climate import Zones
from controller.clock import Clock
from controller.entrance.answer import Answer
from controller.entrance.placing import Placing, Work
from controller.store import Change, Store, StoreFailing
from controller.visit import Ask, Purpose, Refused, Side

log = structlog.get_logger(__name__)

THIS_DOOR, ANOTHER_DOOR = "this_door", "another_door"
ENDED_BY_A_VISIT = {"someone_inside", "opened_by_order", "fork"}
"""Faults that no reading ends: somebody has to see how it is at the cabinet."""
SERVICE_IDLE_S = 180.0
PIN_WITHIN_S = 60.0


@dataclass(slots=True)
class Technician:
    """Somebody with the right to open any door for service."""

    badge: str
    until: float


class Service:
    """One technician at a time, until the badge is scanned again, or to a pause."""

    def __init__(self, cabinet: Cabinet, store: Store, clock: Clock, zones: Zones, placing: Placing) -> None:
        self._cabinet = cabinet
        self._store = store
        self._clock = clock
        self._zones = zones
        self._placing = placing
        self._seen: set[str] = set()
        """Doors wired anew that were opened here, and no other one moved: a word is wanted of each."""
        self._technician: Technician | None = None
        self._scanned: tuple[BadgeGranted, float] | None = None
        cabinet.listen(self._heard)

    @property
    def technician(self) -> Technician | None:
        """Who is at work here right now."""
        if self._technician is not None and self._clock.now() > self._technician.until:
            self._technician = None
        return self._technician

    @property
    def awaits_pin(self) -> BadgeGranted | None:
        """The badge scanned a moment ago that could do more with its PIN."""
        if self._scanned is not None and self._clock.now() > self._scanned[1]:
            self._scanned = None
        return None if self._scanned is None else self._scanned[0]

    async def badge(self, granted: BadgeGranted) -> Answer | None:
        """A badge was scanned; the answer when there is something to say about service."""
        left = self.technician
        if left is not None and left.badge == granted.badge:
            self._technician = None
            return Answer("service_left")
        self._scanned = (granted, self._clock.now() + PIN_WITHIN_S) if granted.with_pin else None
        if granted.right & BadgeRight.SERVICE:
            return await self.begin(granted)
        return Answer("pin") if granted.with_pin else None

    async def begin(self, granted: BadgeGranted) -> Answer:
        """The right was proven."""
        self._scanned = None
        await self._sees()
        self._technician = Technician(granted.badge, self._clock.now() + SERVICE_IDLE_S)
        return Answer("service", held=self._zones.held, unproven=self.unproven)

    @property
    def unproven(self) -> tuple[str, ...]:
        """Doors that were wired anew and that nobody has seen move since."""
        return tuple(label for label, box in self._cabinet.boxes.items() if Side.UNPROVEN in box.sides)

    async def _sees(self) -> None:
        """Somebody entitled stands here now; that this cannot be written keeps nobody from the doors."""
        seen = [key for key in self._store.open_faults if key[0] in ENDED_BY_A_VISIT]
        facts = tuple(events.FaultCleared(fault=fault, subject=subject) for fault, subject in seen)
        try:
            if facts:
                await self._cabinet.record(Change(facts=facts))
        except StoreFailing as error:
            log.error("a visit could not be recorded", error=str(error))

    def forget_badge(self) -> None:
        """The PIN was wrong: the badge has to be scanned again."""
        self._scanned = None

    async def open(self, label: str) -> Answer:
        """Open a door, whatever lies there; what lay there is to be checked afterwards."""
        technician = self.technician
        if technician is None:
            return Answer("refused", refusal="no_badge")
        technician.until = self._clock.now() + SERVICE_IDLE_S
        box = self._cabinet.boxes[label]
        wish = Ask(
            self._store.next_opening(), Purpose.SERVICE, "badge", box.occupancy, badge=technician.badge
        )  # fmt: skip
        outcome = await self._cabinet.ask(label, wish)
        if isinstance(outcome, Refused):
            return Answer("refused", door=label, refusal=outcome.reason)
        return Answer("opening", door=label)

    async def release(self, zone: str) -> Answer:
        """The goods of a held zone were looked at: they may be collected again."""
        technician = self.technician
        if technician is None:
            return Answer("refused", refusal="no_badge")
        technician.until = self._clock.now() + SERVICE_IDLE_S
        refusal = await self._zones.release(zone, technician.badge)
        if refusal:
            return Answer("refused", refusal=refusal)
        return Answer("released", zone=zone, held=self._zones.held)

    async def proves(self, word: str, label: str) -> Answer:
        """Whether it was this door that opened, and no other one."""
        technician = self.technician
        if technician is None:
            return Answer("refused", refusal="no_badge")
        if label not in self._seen:
            return Answer("refused", refusal="no_question")
        self._seen.discard(label)
        if word == ANOTHER_DOOR:
            return Answer("service", unproven=self.unproven)
        outcome = await self._cabinet.prove(label, technician.badge)
        if isinstance(outcome, Refused):
            return Answer("refused", door=label, refusal=outcome.reason)
        return Answer("proven", door=label, unproven=self.unproven)

    def _heard(self, changed: Changed) -> None:
        for fact in changed.facts:
            match fact:
                case events.DoorOpened(purpose="service", proof="badge") if Side.UNPROVEN in fact.box.sides:
                    self._seen.add(fact.box.label)
                case events.DoorForced():
                    self._another_moved(fact.box.label)
                case events.DoorClosed() if fact.box.label in self._seen:
                    self._placing.soon(self._ask_whether(fact.box.label))

    def _another_moved(self, other: str) -> None:
        """Whatever was asked to open meanwhile is not the only door on its wires."""
        for label, box in self._cabinet.boxes.items():
            opening = box.opening
            if label != other and opening is not None and opening.purpose is Purpose.SERVICE:
                self._seen.discard(label)
                self._placing.soon(_saying(Answer("other_moved", door=label, other=other)))

    def _ask_whether(self, label: str) -> Work:
        asks = (THIS_DOOR, ANOTHER_DOOR)
        return _saying(Answer("question", door=label, asks=asks))


def _saying(answer: Answer) -> Work:
    async def say() -> Answer:
        return answer

    return say
