"""What people present at the cabinet, and what comes of it: a code typed, a QR or label scanned, a button.

From here everything runs one way: access (who may) → reservations (which door) → cabinet (what happens next).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from config.cabinet import Cabinet as CabinetFile
from config.contract import codes
from config.contract.events import (
    CourierArrived,
    CourierLeft,
    DoorClosed,
    InsideCalled,
    ParcelCollected,
    Proof,
)
from config.contract.events import FaultRaised as Fault
from controller import reservations
from controller.access import Access, BadgeGranted, Denied, Granted
from controller.cabinet import Cabinet, Changed
from controller.clock import Clock
from controller.store import Change, Store, StoreFailing
from controller.visit import Ask, Box, Purpose, Refused, State

log = structlog.get_logger(__name__)

COURIER_IDLE_S = 180.0
NEXT_DOOR_WITHIN_S = 120.0
INSIDE_AGAIN_S = 120.0
PASSED_OVER = ("door_stuck", "held")
"""Refusals of one door, after which another one of the same order is tried."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the person is told. ``kind``: opening, refused, courier (badge accepted), courier_left."""

    kind: str
    door: str | None = None
    refusal: str = ""
    wait_s: int = 0
    more: int = 0
    """Further doors of the same order, opened one after the other."""


@dataclass(slots=True)
class Courier:
    """Somebody with a badge is loading."""

    badge: str
    until: float
    deposited: int = 0


class Entrance:
    """Everything a person can do in front of this cabinet."""

    def __init__(
        self, file: CabinetFile, cabinet: Cabinet, access: Access, store: Store, clock: Clock
    ) -> None:
        self._file = file
        self._cabinet = cabinet
        self._access = access
        self._store = store
        self._clock = clock
        self._rows = {c.label: c.row for c in file.compartment}
        self._courier: Courier | None = None
        self._next_doors: dict[str, tuple[Proof, float]] = {}
        self._last_closed: str | None = None
        self._inside_at = float("-inf")
        self._tasks: set[asyncio.Task[None]] = set()
        self._shown_to: list[Callable[[Answer], None]] = []
        cabinet.listen(self._heard)

    def show_to(self, listener: Callable[[Answer], None]) -> None:
        """Be told every answer, also to what was scanned: the screen shows it."""
        self._shown_to.append(listener)

    def show_no_more(self, listener: Callable[[Answer], None]) -> None:
        """Whoever looked has gone."""
        self._shown_to.remove(listener)

    def _show(self, answer: Answer) -> Answer:
        for listener in self._shown_to:
            listener(answer)
        return answer

    @property
    def courier(self) -> Courier | None:
        """The courier who is loading right now."""
        if self._courier is not None and self._clock.now() > self._courier.until:
            self._courier = None
        return self._courier

    # --- what can be presented

    async def typed(self, text: str) -> Answer:
        """A code on the keypad."""
        return self._show(await self._typed(text))

    async def _typed(self, text: str) -> Answer:
        before = self._access.tries
        outcome = await self._access.by_code(text)
        try:
            if isinstance(outcome, Denied):
                await self._note(outcome, before_changed=self._access.tries != before)
                return Answer("refused", refusal=outcome.reason, wait_s=-(-outcome.wait_ms // 1000))
            return await self._collect(outcome)
        except StoreFailing:
            return Answer("refused", refusal="no_store")

    async def scanned(self, text: str) -> Answer:
        """A code in front of the reader: parcel label, badge or pickup QR, or eight digits."""
        try:
            return self._show(await self._scanned(text.strip()))
        except StoreFailing:
            return self._show(Answer("refused", refusal="no_store"))

    async def _scanned(self, text: str) -> Answer:
        if text.upper().startswith(codes.LABEL_PREFIX):
            return await self._parcel(text)
        if len(text) <= 2 * codes.CODE_DIGITS:
            return await self._typed(text)
        outcome = self._access.by_token(text)
        if isinstance(outcome, Denied):
            await self._note(outcome, before_changed=False)
            return Answer("refused", refusal=outcome.reason)
        if isinstance(outcome, BadgeGranted):
            return await self._badge(outcome)
        return await self._collect(outcome)

    async def _note(self, denied: Denied, *, before_changed: bool) -> None:
        """A wrong try is durable before anybody hears of it."""
        meta = {"tries": self._access.tries.to_json(), **self._clock.kept()} if before_changed else {}
        if meta or denied.facts:
            await self._cabinet.record(Change(facts=denied.facts, meta=meta))

    # --- collecting

    async def _collect(self, grant: Granted) -> Answer:
        boxes = reservations.boxes_of(grant.order, self._cabinet.boxes, self._rows)
        if not boxes:
            return Answer("refused", refusal=self._why_nothing(grant))
        waiting = [box for box in boxes if not self._in_use(box)] or boxes
        answer = await self._open_first(waiting, grant.proof)
        if answer.kind == "opening" and len(boxes) > 1:
            self._next_doors[grant.order] = (grant.proof, self._clock.now())
            return Answer("opening", door=answer.door, more=len(boxes) - 1)
        return answer

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

    @staticmethod
    def _in_use(box: Box) -> bool:
        return box.opening is not None and box.opening.seen_open

    async def _open(self, box: Box, proof: Proof) -> Answer:
        wish = Ask(self._store.next_opening(), Purpose.COLLECT, proof, box.occupancy)
        outcome = await self._cabinet.ask(box.label, wish)
        if isinstance(outcome, Refused):
            return Answer("refused", door=box.label, refusal=outcome.reason)
        return Answer("opening", door=box.label)

    # --- loading

    async def _badge(self, badge: BadgeGranted) -> Answer:
        """First scan begins loading, the second one by the same person ends it."""
        courier = self.courier
        if courier is not None and courier.badge == badge.badge:
            self._courier = None
            left = CourierLeft(badge=courier.badge, deposited=courier.deposited)
            await self._cabinet.record(Change(facts=(left,)))
            return Answer("courier_left")
        await self._cabinet.record(Change(facts=(CourierArrived(badge=badge.badge),)))
        self._courier = Courier(badge.badge, self._clock.now() + COURIER_IDLE_S)
        return Answer("courier")

    async def _parcel(self, text: str) -> Answer:
        courier = self.courier
        if courier is None:
            return Answer("refused", refusal="no_badge")
        courier.until = self._clock.now() + COURIER_IDLE_S
        try:
            parcel = self._access.parcels.get(codes.read_parcel_label(text))
        except codes.BadCode:
            return Answer("refused", refusal="not_ours")
        if parcel is None:
            return Answer("refused", refusal="unknown_parcel")
        if parcel.parcel in self._cabinet.used:
            return Answer("refused", refusal="already_loaded")
        box = reservations.box_with(parcel.parcel, self._cabinet.boxes)
        if box is not None and box.state not in (State.LOADING, State.CHECKING):
            return Answer("refused", door=box.label, refusal="already_loaded")
        box = box or reservations.best_fit(parcel, self._cabinet.boxes, self._file)
        if box is None:
            return Answer("refused", refusal="no_fit")
        wish = Ask(
            self._store.next_opening(), Purpose.LOAD, "badge", self._store.next_occupancy(),
            order=parcel.order, parcel=parcel.parcel, badge=courier.badge,
        )  # fmt: skip
        outcome = await self._cabinet.ask(box.label, wish)
        if isinstance(outcome, Refused):
            return Answer("refused", door=box.label, refusal=outcome.reason)
        courier.deposited += 1
        return Answer("opening", door=box.label)

    # --- someone is inside

    async def inside(self) -> Answer:
        """Needs no right. Opens the door closed last, then all that are not known to hold a parcel."""
        again = self._clock.now() - self._inside_at < INSIDE_AGAIN_S
        self._inside_at = self._clock.now()
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

    # --- what follows by itself

    def _heard(self, changed: Changed) -> None:
        for fact in changed.facts:
            if isinstance(fact, DoorClosed):
                self._last_closed = fact.box.label
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
        answer = await self._collect(grant)
        if answer.kind != "opening":
            log.warning("the next door of the order stays closed", order=grant.order, refusal=answer.refusal)
