"""Residents: they come for what is theirs, try again and another way, and leave a glove behind."""

from config.contract.messages import Presence
from simulators.cabinet import Door, Goods
from simulators.scenario.people.front import Front, Order
from simulators.scenario.place import CLIMATE_BUS
from simulators.scenario.truth import Parcel

TRIES = 6
AGAIN_SECONDS = (20.0, 330.0)
LOOKS_AGAIN = 4


class Resident:
    """Whoever comes to this cabinet for an order. One whom nothing physical kept out is served at last."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def fetch(self, order: Order) -> None:
        """Come for all that has arrived of an order; try again and another way when a door stays shut."""
        if not order.to_fetch:
            return
        self._front.count("residents came")
        if self._front.goes_wrong():
            await self._front.chance.choice(self._front.others).is_shown(
                order.code, self._front.cloud.pickup_qr(self._front.place.id, order.id)
            )
            await self._front.wait(20, 120)
        ways: list[str] = []
        troubles: list[str] = []
        for attempt in range(TRIES):
            if attempt:
                await self._front.wait(*AGAIN_SECONDS)
            before, starts = self._trouble(order), self._front.place.starts
            way = self._way(attempt)
            ways.append(way)
            refusal = await self._try(order, way)
            if not order.to_fetch:
                self._front.count("residents served")
                self._front.count(f"served by {way}")
                await self._look_again(order)
                return
            restarted = starts != self._front.place.starts or not self._front.place.is_serving
            troubles.append(before or self._trouble(order) or ("restart" if restarted else ""))
            self._front.trace(f"resident of {order.id} not in by {way}: {refusal}")
        self._unserved(order, ways, troubles)

    def _unserved(self, order: Order, ways: list[str], troubles: list[str]) -> None:
        left = ", ".join(f"{parcel.id} in {parcel.box}" for parcel in order.to_fetch)
        if all(troubles) or all(parcel.excused for parcel in order.to_fetch):
            self._front.count("residents kept out by a broken thing")
            self._front.note(f"resident of {order.id} gives up: {left} ({troubles[-1]})")
        else:
            tried = ", ".join(
                f"{way} ({trouble or 'all well'})" for way, trouble in zip(ways, troubles, strict=True)
            )
            self._front.violated(f"resident of {order.id} was not served: {left}; tried {tried}")

    def _way(self, attempt: int) -> str:
        luck = self._front.chance.random()
        first = "code" if luck < self._front.habits.by_code else "phone"
        if self._front.habits.by_code <= luck < self._front.habits.by_code + self._front.habits.by_qr:
            first = "qr"
        return first if attempt == 0 else ("code", "qr")[attempt % 2]

    async def _try(self, order: Order, way: str) -> str:
        if way == "code" and self._front.chance.random() < self._front.habits.typo:
            await self._front.type(f"{self._front.chance.randrange(10**8):08d}")
            await self._front.wait(2, 5)
        said = await self._ask(order, way)
        if said:
            return said
        while order.to_fetch:
            label = await self._front.opens([parcel.lay_in for parcel in order.to_fetch if parcel.lay_in])
            if label is None:
                return "no door opened"
            with self._front.standing_at(label):
                await self._take_out(order, label)
        return ""

    async def _ask(self, order: Order, way: str) -> str:
        """Show that one is entitled; why not, or nothing."""
        if way == "phone":
            edge = self._front.place.edge
            if edge is None or not self._front.place.is_serving:
                return "dark"
            shown = edge.screen.shown()
            await self._front.wait(3, 10)
            presence = Presence(nonce=shown.nonce, number=shown.number)
            asked = self._front.cloud.open_by_phone(self._front.place.id, order.id, presence)
            return "" if asked else "the cloud cannot help"
        qr = self._front.cloud.pickup_qr(self._front.place.id, order.id) if way == "qr" else ""
        answer = await (self._front.show(qr) if way == "qr" else self._front.type(order.code))
        if answer is None:
            return "no answer"
        return "" if answer.kind == "opening" else answer.refusal

    async def _take_out(self, order: Order, label: str) -> None:
        self._front.hands.pull(label)
        await self._front.wait(2, 10)
        for goods in self._front.place.goods(label):
            parcel = self._front.parcels[goods.name]
            if parcel.order != order.id:
                if not parcel.excused:
                    wrong = f"I9: the resident of {order.id} finds {goods.name} of {parcel.order} in {label}"
                    self._front.violated(wrong)
                continue
            if self._front.hands.compartment(label).door is Door.CLOSED:
                return
            self._front.hands.take(label, goods.name)
            parcel.fetched, parcel.box = True, None
            self._front.trace(f"hands take {goods.name} from {label}")
            what = "things fetched after all" if parcel in order.left else "parcels fetched"
            self._front.count(what)
        if (
            self._front.has_beams
            and not order.left
            and self._front.chance.random() < self._front.habits.leave_behind
        ):
            self._leave_something(order, label)
        if self._front.chance.random() < self._front.habits.leave_open:
            self._front.count("doors left open")
            await self._front.wait(60, 300)
        await self._front.shut(label)

    def _leave_something(self, order: Order, label: str) -> None:
        thing = Parcel(f"glove of {order.id}", order.id, self._front.place.id, box=label, lay_in=label)
        self._front.parcels[thing.id] = thing
        order.left.append(thing)
        self._front.hands.put(label, Goods(thing.id))
        self._front.count("things left behind")

    async def _look_again(self, order: Order) -> None:
        """The screen says that something is still there: the same code once more, as often as that helps."""
        for _ in range(LOOKS_AGAIN):
            doors = [thing.box for thing in order.left if thing.box is not None]
            if not doors:
                return
            await self._front.wait(3, 20)
            answer = await self._front.type(order.code)
            if answer is None or answer.kind != "opening" or await self._front.opens(doors) is None:
                continue
            with self._front.standing_at(doors[0]):
                await self._take_out(order, doors[0])
        self._front.count("things left for a person")

    def _trouble(self, order: Order) -> str:
        """What physical thing stands between this order and its owner right now."""
        mine = {str(parcel.box) for parcel in order.to_fetch}
        served = self._front.place.served
        others = {*self._front.hands.labels(), *served.airs, *served.probes, CLIMATE_BUS} - mine
        for fault in served.faults.active():
            if fault.where not in others:
                return fault.cause.value
        if not self._front.place.is_serving:
            return "dark"
        return "its air is or may be too warm" if any(map(self._front.cold.bars, mine)) else ""
