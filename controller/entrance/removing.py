"""What nobody fetched in time leaves the cabinet: one door after the other, each removal on record."""

from config.contract import events
from config.contract.codes import BadgeRight
from controller import reservations
from controller.access import Access
from controller.cabinet import Cabinet, Changed
from controller.clock import Clock
from controller.entrance.answer import Answer
from controller.entrance.loading import Loading
from controller.store import Store
from controller.visit import Ask, Box, Purpose, Refused


class Removing:
    """Opens the doors of overdue parcels for somebody whose badge says so."""

    def __init__(
        self, cabinet: Cabinet, access: Access, store: Store, clock: Clock, loading: Loading
    ) -> None:
        self._cabinet = cabinet
        self._access = access
        self._store = store
        self._clock = clock
        self._loading = loading
        self._badge: str | None = None
        """Whose round it is."""
        self._passed_over: set[str] = set()
        cabinet.listen(self._heard)

    def overdue(self) -> list[Box]:
        """Compartments that are surely to be emptied: a wall clock that runs ahead empties nobody's."""
        if not self._may():
            return []
        over = reservations.overdue(self._cabinet.boxes, self._access.parcels, self._clock.floor_ms)
        return [box for box in over if box.label not in self._passed_over]

    def _may(self) -> bool:
        courier = self._loading.courier
        return courier is not None and bool(courier.right & BadgeRight.REMOVE)

    async def begin(self) -> Answer:
        """Open the first one; the others follow as each is shut."""
        courier = self._loading.courier
        if courier is None:
            return Answer("refused", refusal="no_badge")
        if not self._may():
            return Answer("refused", refusal="no_right")
        self._badge, self._passed_over = courier.badge, set()
        return await self._next() or Answer("removed_all")

    async def _next(self) -> Answer | None:
        courier = self._loading.courier
        if courier is None or courier.badge != self._badge:
            self._badge = None
            return None
        self._loading.stays()
        for box in self.overdue():
            wish = Ask(
                self._store.next_opening(), Purpose.REMOVE, "badge", box.occupancy, badge=courier.badge
            )
            outcome = await self._cabinet.ask(box.label, wish)
            if not isinstance(outcome, Refused):
                return Answer("opening", door=box.label, more=len(self.overdue()))
            self._passed_over.add(box.label)
        self._badge = None
        return Answer("removed_all")

    def _heard(self, changed: Changed) -> None:
        for fact in changed.facts:
            match fact:
                case events.OpeningFailed(purpose="remove") | events.CheckNeeded(purpose="remove"):
                    self._passed_over.add(fact.box.label)
                case events.ParcelRemoved():
                    pass
                case _:
                    continue
            if self._badge is not None:
                self._loading.placing.soon(self._next)
