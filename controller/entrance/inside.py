"""Someone is inside: what opens then, whoever presses and whatever is wrong."""

import asyncio

import structlog

from config.cabinet import Cabinet as CabinetFile
from config.contract.events import DoorClosed, InsideCalled
from config.contract.events import FaultRaised as Fault
from controller import reservations
from controller.cabinet import Cabinet
from controller.clock import Clock
from controller.entrance.answer import Answer
from controller.store import Change, Store, StoreFailing
from controller.visit import Ask, Box, Purpose, Step

log = structlog.get_logger(__name__)

INSIDE_AGAIN_S = 120.0
LAST_CLOSED = "last_closed"
TOLD_AGAIN_S = 1.0


class Inside:
    """The button and the key on the screen that let people out."""

    def __init__(self, file: CabinetFile, cabinet: Cabinet, store: Store, clock: Clock) -> None:
        self._file = file
        self._cabinet = cabinet
        self._store = store
        self._clock = clock
        self._called_at = float("-inf")
        self._telling: set[asyncio.Task[None]] = set()
        cabinet.accompany(_closed)

    async def call(self) -> Answer:
        """Needs no right. Opens the door closed last, then all that are not known to hold a parcel."""
        again = self._clock.now() - self._called_at < INSIDE_AGAIN_S
        self._called_at = self._clock.now()
        labels = reservations.inside_order(self._cabinet.boxes, await self._store.meta(LAST_CLOSED))
        if again:
            labels += [c.label for c in self._file.compartment if c.person_sized and c.label not in labels]
        called = InsideCalled(first_door=labels[0] if labels else None)
        alarm = Fault(fault="someone_inside", subject="cabinet")
        for label in labels:
            await self._cabinet.ask(
                label,
                Ask(self._store.next_opening(), Purpose.EMERGENCY, "inside", None),
            )
        task = asyncio.create_task(self._tell(Change(facts=(called, alarm))), name="tell of someone inside")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
        return Answer("opening", door=labels[0] if labels else None, more=max(0, len(labels) - 1))

    async def _tell(self, alarm: Change) -> None:
        """The doors have not waited for this; a disk that fails now may work again."""
        while True:
            try:
                return await self._cabinet.record(alarm)
            except StoreFailing as error:
                log.error("'someone is inside' is not recorded yet", error=str(error))
                await asyncio.sleep(TOLD_AGAIN_S)


def _closed(box: Box, step: Step) -> Change:
    """Which door was closed last outlives the program: whoever is behind it may be locked in."""
    is_closed = any(isinstance(fact, DoorClosed) for fact in step.facts)
    return Change(meta={LAST_CLOSED: box.label} if is_closed else {})
