"""Whoever may collect an order gets its doors, one after the other."""

import asyncio

import structlog

from config.cabinet import Cabinet as CabinetFile
from config.contract.events import ParcelCollected, Proof
from controller import reservations
from controller.access import Access, Granted
from controller.cabinet import RESTS, Cabinet, Changed
from controller.clock import Clock
from controller.entrance.answer import Answer
from controller.store import Store, StoreFailing
from controller.visit import Ask, Box, Purpose, Refused, State

log = structlog.get_logger(__name__)

NEXT_DOOR_WITHIN_S = 120.0
PASSED_OVER = ("door_stuck", "held", "unproven", RESTS)
"""Refusals of one door, after which another one of the same order is tried."""


class Collecting:
    """Opens the doors of an order for somebody whose right was found good."""

    def __init__(
        self, file: CabinetFile, cabinet: Cabinet, access: Access, store: Store, clock: Clock
    ) -> None:
        self._cabinet = cabinet
        self._access = access
        self._store = store
        self._clock = clock
        self._rows = {c.label: c.row for c in file.compartment}
        self._next_doors: dict[str, tuple[Proof, float]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        cabinet.listen(self._heard)

    async def collect(self, grant: Granted) -> Answer:
        boxes = reservations.boxes_of(grant.order, self._cabinet.boxes, self._rows)
        if not boxes:
            return await self._look_again(grant)
        busy = next((box for box in boxes if self._is_busy(box)), None)
        if busy is not None:
            return Answer("refused", door=busy.label, refusal="busy")
        waiting = [box for box in boxes if not self._in_use(box)] or boxes
        answer = await self._open_first(waiting, grant.proof)
        if answer.kind == "opening" and len(boxes) > 1:
            self._next_doors[grant.order] = (grant.proof, self._clock.now())
            return Answer("opening", door=answer.door, more=len(boxes) - 1)
        return answer

    async def _look_again(self, grant: Granted) -> Answer:
        """All was collected; where a beam still sees something nobody need say that it was forgotten."""
        left = reservations.boxes_left(grant.order, self._cabinet.boxes)
        forgotten = [box for box in left if box.state is State.CHECKING]
        if not forgotten:
            return Answer("refused", refusal=self._why_nothing(grant))
        return await self._open_again(forgotten[0], grant.proof)

    async def reopen(self, grant: Granted) -> Answer:
        """Once more the door that was collected from last; goods that still lie there come first."""
        if reservations.boxes_of(grant.order, self._cabinet.boxes, self._rows):
            return await self.collect(grant)
        left = reservations.boxes_left(grant.order, self._cabinet.boxes)
        if not left:
            return Answer("refused", refusal=self._why_nothing(grant))
        for box in left:
            answer = await self._open_again(box, grant.proof)
            if answer.refusal != "not_again":
                break
        return answer

    async def _open_again(self, box: Box, proof: Proof) -> Answer:
        assert box.left is not None
        wish = Ask(self._store.next_opening(), Purpose.COLLECT, proof, box.left.occupancy, again=True)
        return await self._asked(box, wish)

    def _why_nothing(self, grant: Granted) -> str:
        expected = reservations.parcels_of(grant.order, self._access.parcels.values())
        to_come = [parcel for parcel in expected if parcel.parcel not in self._cabinet.used]
        return "not_loaded" if to_come else "not_valid"

    async def _open_first(self, boxes: list[Box], proof: Proof) -> Answer:
        """A door that did not open keeps nobody from the others: doors in doubt come last."""
        answers = []
        for box in sorted(boxes, key=lambda box: box.state is State.CHECKING):
            answers.append(await self._open(box, proof))
            if answers[-1].refusal not in PASSED_OVER:
                return answers[-1]
        return answers[0]

    def _is_busy(self, box: Box) -> bool:
        """Somebody is at this door; a door that just does not close keeps nobody from the others."""
        opening = box.opening
        if opening is None:
            return False
        if opening.opened_at is None:
            return opening.intended is not None and not opening.ambiguous
        return self._clock.now() - opening.opened_at < self._cabinet.rules.left_open_alarm_s

    @staticmethod
    def _in_use(box: Box) -> bool:
        return box.opening is not None and box.opening.seen_open

    async def _open(self, box: Box, proof: Proof) -> Answer:
        return await self._asked(box, Ask(self._store.next_opening(), Purpose.COLLECT, proof, box.occupancy))

    async def _asked(self, box: Box, wish: Ask) -> Answer:
        outcome = await self._cabinet.ask(box.label, wish)
        if isinstance(outcome, Refused):
            return Answer("refused", door=box.label, refusal=outcome.reason)
        return Answer("opening", door=box.label)

    # --- what follows by itself

    def _heard(self, changed: Changed) -> None:
        for fact in changed.facts:
            if isinstance(fact, ParcelCollected):
                self._next_door(fact.order)

    def _next_door(self, order: str) -> None:
        """The next door of the same order opens when the one before has closed."""
        proof, at = self._next_doors.pop(order, ("none", float("-inf")))
        boxes = reservations.boxes_of(order, self._cabinet.boxes, self._rows)
        if not boxes or self._clock.now() - at > NEXT_DOOR_WITHIN_S:
            return
        task = asyncio.get_running_loop().create_task(self._continue(Granted(order, proof)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _continue(self, grant: Granted) -> None:
        try:
            answer = await self.collect(grant)
        except StoreFailing:
            answer = Answer("refused", refusal="no_store")
        if answer.kind != "opening":
            log.warning("the next door of the order stays closed", order=grant.order, refusal=answer.refusal)
