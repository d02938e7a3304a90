"""Someone is inside: what opens then, whoever presses and whatever is wrong."""

import structlog

from config.cabinet import Cabinet as CabinetFile
from config.contract.events import DoorClosed, InsideCalled
from config.contract.events import FaultRaised as Fault
from controller import reservations
from controller.cabinet import Cabinet, Changed
from controller.clock import Clock
from controller.entrance.answer import Answer
from controller.store import Change, Store, StoreFailing
from controller.visit import Ask, Purpose

log = structlog.get_logger(__name__)

INSIDE_AGAIN_S = 120.0


class Inside:
    """The button and the key on the screen that let people out."""

    def __init__(self, file: CabinetFile, cabinet: Cabinet, store: Store, clock: Clock) -> None:
        self._file = file
        self._cabinet = cabinet
        self._store = store
        self._clock = clock
        self._last_closed: str | None = None
        self._called_at = float("-inf")
        cabinet.listen(self._heard)

    def _heard(self, changed: Changed) -> None:
        for fact in changed.facts:
            if isinstance(fact, DoorClosed):
                self._last_closed = fact.box.label

    async def call(self) -> Answer:
        """Needs no right. Opens the door closed last, then all that are not known to hold a parcel."""
        again = self._clock.now() - self._called_at < INSIDE_AGAIN_S
        self._called_at = self._clock.now()
        labels = reservations.inside_order(self._cabinet.boxes, self._last_closed)
        if again:
            labels += [c.label for c in self._file.compartment if c.person_sized and c.label not in labels]
        called = InsideCalled(first_door=labels[0] if labels else None)
        alarm = Fault(fault="someone_inside", subject="cabinet")
        for label in labels:
            await self._cabinet.ask(
                label,
                Ask(self._store.next_opening(), Purpose.EMERGENCY, "inside", None),
            )
        try:
            await self._cabinet.record(Change(facts=(called, alarm)))
        except StoreFailing as error:
            log.error("'someone is inside' could not be recorded", error=str(error))
        return Answer("opening", door=labels[0] if labels else None, more=max(0, len(labels) - 1))
