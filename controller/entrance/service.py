"""Somebody who looks after the cabinet: badge and PIN, or a badge of the day; then one door at a time."""

from dataclasses import dataclass

from config.contract.codes import BadgeRight
from controller.access import BadgeGranted
from controller.cabinet import Cabinet
from controller.clock import Clock
from controller.entrance.answer import Answer
from controller.store import Store
from controller.visit import Ask, Purpose, Refused

SERVICE_IDLE_S = 180.0
PIN_WITHIN_S = 60.0


@dataclass(slots=True)
class Technician:
    """Somebody with the right to open any door for service."""

    badge: str
    until: float


class Service:
    """One technician at a time, until the badge is scanned again, or to a pause."""

    def __init__(self, cabinet: Cabinet, store: Store, clock: Clock) -> None:
        self._cabinet = cabinet
        self._store = store
        self._clock = clock
        self._technician: Technician | None = None
        self._scanned: tuple[BadgeGranted, float] | None = None

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

    def badge(self, granted: BadgeGranted) -> Answer | None:
        """A badge was scanned; the answer when there is something to say about service."""
        left = self.technician
        if left is not None and left.badge == granted.badge:
            self._technician = None
            return Answer("service_left")
        self._scanned = (granted, self._clock.now() + PIN_WITHIN_S) if granted.with_pin else None
        if granted.rights & BadgeRight.SERVICE:
            return self.begin(granted)
        return Answer("pin") if granted.with_pin else None

    def begin(self, granted: BadgeGranted) -> Answer:
        """The right was proven."""
        self._scanned = None
        self._technician = Technician(granted.badge, self._clock.now() + SERVICE_IDLE_S)
        return Answer("service")

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
