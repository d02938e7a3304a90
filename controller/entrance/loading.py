"""A courier fills the cabinet: badge, label, door, the next label."""

from dataclasses import dataclass

from config.cabinet import Cabinet as CabinetFile
from config.contract import codes
from config.contract.events import CourierArrived, CourierLeft
from controller import reservations
from controller.access import Access, BadgeGranted
from controller.cabinet import Cabinet
from controller.clock import Clock
from controller.entrance.answer import Answer
from controller.store import Change, Store
from controller.visit import Ask, Purpose, Refused, State

COURIER_IDLE_S = 180.0


@dataclass(slots=True)
class Courier:
    """Somebody with a badge is loading."""

    badge: str
    until: float
    deposited: int = 0


class Loading:
    """One courier at a time, from the first scan of the badge to the second, or to a pause."""

    def __init__(
        self, file: CabinetFile, cabinet: Cabinet, access: Access, store: Store, clock: Clock
    ) -> None:
        self._file = file
        self._cabinet = cabinet
        self._access = access
        self._store = store
        self._clock = clock
        self._courier: Courier | None = None

    @property
    def courier(self) -> Courier | None:
        """The courier who is loading right now."""
        if self._courier is not None and self._clock.now() > self._courier.until:
            self._courier = None
        return self._courier

    async def badge(self, badge: BadgeGranted) -> Answer:
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

    async def parcel(self, text: str) -> Answer:
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
