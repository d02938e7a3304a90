"""Finds a compartment for a parcel and opens its door; another one when it does not fit or does not open.

As many doors stand open for loading as the operator allows; what is scanned meanwhile waits its turn in
memory. A parcel that waits has no compartment: after a crash it is in the hands of whoever scanned it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

import structlog

from config.cabinet import Cabinet as CabinetFile
from config.contract.events import CabinetFull, Proof
from config.contract.labels import ParcelLabel
from config.contract.messages import BoxSize, ExpectedParcel, ZoneClass
from controller import reservations
from controller.cabinet import RESTS, Cabinet
from controller.clock import Clock
from controller.entrance.answer import Answer
from controller.store import Change, Store, StoreFailing
from controller.visit import Ask, Box, Purpose, Refused, State

log = structlog.get_logger(__name__)

Work = Callable[[], Coroutine[Any, Any, Answer | None]]

AT_HAND_S = 180.0
"""So long after its door was opened whoever brought a parcel may still say what became of it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A parcel in somebody's hands that is to lie in this cabinet."""

    parcel: str
    order: str
    size: BoxSize
    zone: ZoneClass
    low: bool = False
    """A low door is asked for."""
    badge: str | None = None
    """Whose hands; None: a resident's who hands it in."""

    @property
    def proof(self) -> Proof:
        return "qr" if self.badge is None else "badge"

    @classmethod
    def of(cls, parcel: ExpectedParcel | ParcelLabel, badge: str | None = None) -> "Delivery":
        low = parcel.low if isinstance(parcel, ExpectedParcel) else False
        return cls(parcel.parcel, parcel.order, parcel.size, parcel.zone, low, badge)


@dataclass(frozen=True, slots=True)
class _AtHand:
    """Whoever holds it is thought to be here until then."""

    delivery: Delivery
    until: float


class Placing:
    """The deliveries that are under way, and those that wait for a door."""

    def __init__(
        self, file: CabinetFile, cabinet: Cabinet, store: Store, clock: Clock, show: Callable[[Answer], Any]
    ) -> None:
        self._file = file
        self._cabinet = cabinet
        self._store = store
        self._clock = clock
        self._show = show
        self.doors_at_once = 1
        self._waiting: deque[_AtHand] = deque()
        self._at_door: dict[str, _AtHand] = {}
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def place(self, delivery: Delivery) -> Answer:
        """Open a door for it, or let it wait its turn."""
        async with self._turn:
            answer = self._known(delivery)
            if answer is not None:
                return answer
            if reservations.box_with(delivery.parcel, self._cabinet.boxes) is not None:
                return await self._open(delivery)
            if self._choose(delivery, before=tuple(each.delivery for each in self._waiting)) is None:
                return await self._full(delivery)
            if self._doors_in_use() >= self.doors_at_once:
                self._waiting.append(self._held(delivery))
                return Answer("queued", more=len(self._waiting))
            return await self._open(delivery)

    async def again(self, delivery: Delivery) -> Answer:
        """Another door at once for a parcel that is still in somebody's hands."""
        async with self._turn:
            return await self._open(delivery)

    async def larger(self, delivery: Delivery, door: str) -> Answer:
        """It does not fit behind this door: a compartment of the next size that is free."""
        sizes = {c.label: c.size for c in self._file.compartment}
        size = reservations.next_size(sizes[door])
        async with self._turn:
            if size is None:
                return await self._full(delivery)
            return await self._open(replace(delivery, size=size))

    def at_door(self, label: str) -> Delivery | None:
        """What was last brought to this door, while whoever brought it is thought to be here."""
        held = self._at_door.get(label)
        return None if held is None or self._clock.now() > held.until else held.delivery

    def leaves_within(self, label: str, seconds: float) -> None:
        """Whoever brought it stays no longer than that."""
        held = self._at_door.get(label)
        if held is not None:
            until = min(held.until, self._clock.now() + seconds)
            self._at_door[label] = _AtHand(held.delivery, until)

    def forget(self) -> int:
        """Whoever loaded has gone; how many parcels still waited for a door."""
        left = len(self._waiting)
        self._waiting.clear()
        self._at_door.clear()
        return left

    def without_courier(self) -> None:
        """Nobody with a badge is here: what they scanned is with them."""
        self._waiting = deque(held for held in self._waiting if held.delivery.badge is None)

    def next_in_turn(self) -> None:
        """A door has been shut, or did not open: the next one may."""
        self.soon(self._serve_next)

    def soon(self, work: Work) -> None:
        """After the turn in which a fact was committed; the screen shows what comes of it."""
        task = asyncio.get_running_loop().create_task(self._do(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, work: Work) -> None:
        try:
            answer = await work()
        except StoreFailing:
            answer = Answer("refused", refusal="no_store")
        if answer is not None:
            self._show(answer)

    async def _serve_next(self) -> Answer | None:
        async with self._turn:
            if not self._waiting or self._doors_in_use() >= self.doors_at_once:
                return None
            held = self._waiting.popleft()
            if self._clock.now() <= held.until:
                return await self._open(held.delivery)
        return await self._serve_next()

    def _held(self, delivery: Delivery) -> _AtHand:
        """A courier stays until the badge is scanned again or nothing is done; a resident does not."""
        stays_s = AT_HAND_S if delivery.badge is None else float("inf")
        return _AtHand(delivery, self._clock.now() + stays_s)

    def _known(self, delivery: Delivery) -> Answer | None:
        """It lies here already, was here, or was scanned a moment ago."""
        if delivery.parcel in self._cabinet.used:
            return Answer("refused", refusal="already_loaded")
        box = reservations.box_with(delivery.parcel, self._cabinet.boxes)
        if box is not None and box.state not in (State.LOADING, State.CHECKING):
            return Answer("refused", door=box.label, refusal="already_loaded")
        if any(each.delivery.parcel == delivery.parcel for each in self._waiting):
            return Answer("queued", more=len(self._waiting))
        return None

    def _doors_in_use(self) -> int:
        """Doors opened for a parcel; one behind which it did not fit only waits to be closed."""
        openings = ((box, box.opening) for box in self._cabinet.boxes.values() if box.parcel is not None)
        return sum(
            opening is not None and opening.purpose is Purpose.LOAD and not opening.ambiguous
            for _, opening in openings
        )

    def _choose(self, delivery: Delivery, before: tuple[Delivery, ...] = ()) -> Box | None:
        """The compartment for it, when those before it have had theirs; none whose lock has to rest now."""
        boxes = self._cabinet.boxes
        free = {box: boxes[box] for box in boxes if self._cabinet.barred(box, Purpose.LOAD) != RESTS}
        for earlier in before:
            taken = reservations.best_fit(earlier, free, self._file)
            if taken is not None:
                del free[taken.label]
        return reservations.best_fit(delivery, free, self._file)

    async def _open(self, delivery: Delivery) -> Answer:
        box = reservations.box_with(delivery.parcel, self._cabinet.boxes) or self._choose(delivery)
        if box is None:
            return await self._full(delivery)
        wish = Ask(
            self._store.next_opening(), Purpose.LOAD, delivery.proof, self._store.next_occupancy(),
            order=delivery.order, parcel=delivery.parcel, badge=delivery.badge,
        )  # fmt: skip
        outcome = await self._cabinet.ask(box.label, wish)
        if isinstance(outcome, Refused):
            return Answer("refused", door=box.label, refusal=outcome.reason)
        self._at_door[box.label] = _AtHand(delivery, self._clock.now() + AT_HAND_S)
        return Answer("opening", door=box.label)

    async def _full(self, delivery: Delivery) -> Answer:
        """Nothing fits: the cloud is told what is missing, and so is whoever stands there."""
        free = reservations.free_by_size(delivery.zone, self._cabinet.boxes, self._file)
        told = CabinetFull(
            order=delivery.order, parcel=delivery.parcel, size=delivery.size, zone=delivery.zone, free=free
        )
        await self._cabinet.record(Change(facts=(told,)))
        return Answer("refused", refusal="no_fit", size=delivery.size, zone=delivery.zone)
