"""An evening that plays by itself: orders, couriers, residents, and what goes wrong on such an evening."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import httpx

from simulators.control import Control
from simulators.demo.books import Books, NotDrained, take_books
from simulators.demo.place import Place, Standing
from simulators.demo.reckoning import Check, Ledger, reckon
from simulators.demo.service import Order, Service, ServiceRefused
from simulators.demo.visits import LostPatience, Visit, Visitor

PHONES = ("13800138001", "13900139002", "13700137003", "13600136004", "13500135005", "13400134006")
WANTED = (("S", "ambient"), ("S", "ambient"), ("M", "ambient"), ("M", "ambient"), ("L", "ambient"))
DOCUMENTS_S = 20.0
MEASURED_FROM = {"code": "last digit", "qr": "scan", "phone": "tap"}
WRONG_CODE = "00000000"
NETWORK_SEEN_S = 10.0


class SomethingWrong(Exception):
    """The evening did not go as it has to; what was expected and what happened."""


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of the evening's table. ``ms`` from the scan, the tap or the last digit to the open door."""

    at_s: float
    cabinet: str
    who: str
    what: str
    door: str = ""
    proof: str = ""
    ms: float | None = None


@dataclass(slots=True)
class Evening:
    """What happened, and whether it adds up."""

    broker: str
    deeds: list[Deed] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    latencies_ms: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return bool(self.checks) and all(check.ok for check in self.checks)

    def as_data(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "ok": self.ok,
            "broker": self.broker,
            "seconds": round(self.seconds, 1),
            "counts": self.counts,
            "deeds": [asdict(deed) for deed in self.deeds],
            "latencies_ms": self.latencies_ms,
            "checks": [{"name": c.name, "ok": c.ok, "against": list(c.against)} for c in self.checks],
        }


class Players:
    """Everybody who acts on this evening; ``play`` is the whole of it."""

    def __init__(self, place: Place, service: Service, evening: Evening, say: Callable[[str], None]) -> None:
        self._place = place
        self._service = service
        self._evening = evening
        self._say = say
        self._ledger = Ledger()
        self._began = time.monotonic()
        self._expected: dict[str, str] = {}
        self._orders: dict[str, list[Order]] = {}
        self._visitors: dict[str, Visitor] = {}

    async def play(self) -> None:
        """From the first order to the last check; what cannot go on ends the evening and is told."""
        try:
            async with self._at_cabinets():
                await self._shop()
                await self._couriers()
                await self._residents()
                await self._the_network_is_cut()
                await self._an_edge_is_killed()
                await self._add_up()
        except (LostPatience, SomethingWrong, NotDrained, ServiceRefused, httpx.HTTPError) as error:
            self._evening.checks.append(Check("the evening goes as it has to", (str(error),)))
        self._evening.seconds = time.monotonic() - self._began

    # --- scenes

    async def _shop(self) -> None:
        for one in self._place.standing:
            for number, parcel in enumerate(WANTED):
                order = await self._order(one, parcel, number)
                self._orders.setdefault(one.id, []).append(order)
            if any(zone.class_ == "chilled" for zone in one.cabinet.zone):
                self._orders[one.id].append(await self._order(one, ("S", "chilled"), len(WANTED)))
        await asyncio.gather(
            *(self._service.wait_for_documents(one.id, DOCUMENTS_S) for one in self._place.standing)
        )

    async def _couriers(self) -> None:
        first, *others = self._place.standing
        await asyncio.gather(
            self._courier(first, jam=self._orders[first.id][2]), *(self._courier(one) for one in others)
        )

    async def _residents(self) -> None:
        """Each cabinet has one keypad and one reader, so each works through its own queue."""
        first, second = self._place.standing[0], self._place.standing[-1]
        await asyncio.gather(self._queue(first), self._queue(second, by_phone=True))

    async def _queue(self, one: Standing, *, by_phone: bool = False) -> None:
        visitor, orders = self._visitors[one.id], self._orders[one.id]
        told = await visitor.type_code(WRONG_CODE)
        self._expect(told["kind"] == "refused", f"a wrong code was answered by {told}")
        self._note(one, "somebody", f"types a wrong code: refused ({told['refusal']})", proof="code")
        await self._collect(one, orders[0], "code", visitor.collect_by_code(orders[0]))
        await self._collect(one, orders[1], "qr", visitor.collect_by_qr(orders[1]))
        if by_phone:
            await self._online(one)
            visit = visitor.collect_by_phone(orders[2], self._service)
            await self._collect(one, orders[2], "phone", visit)

    async def _the_network_is_cut(self) -> None:
        one = self._place.standing[-1]
        order, visitor = self._orders[one.id][3], self._visitors[one.id]
        self._place.network.cut()
        await self._shown(one, online=False)
        self._note(one, "the network", "is cut between cabinets and cloud")
        await self._collect(one, order, "qr", visitor.collect_by_qr(order), note=" (network cut)")
        state = (await self._service.state_of(order.id))["state"]
        self._expect(state == "ready", f"with the network cut the cloud already calls the order {state}")
        self._place.network.heal()
        self._note(one, "the network", "is back")

    async def _an_edge_is_killed(self) -> None:
        one = self._place.standing[0]
        order, visitor = self._orders[one.id][3], self._visitors[one.id]
        self._ledger.entitle("collect", order)
        already, asked_at = await visitor.standing_open(), time.monotonic()
        told = await visitor.type_code(order.code)
        self._expect(told["kind"] == "opening", f"a good code was answered by {told}")
        door = await visitor.sees(already, order.parcels[0].id)
        one.edge.kill()
        self._note(one, "power", "kill -9 of the edge while the door springs open", door)
        goods = await visitor.empty(door)
        await one.edge.ready()
        self._note(one, "the edge", "runs again", door)
        await visitor.shut(door)
        visit = await visitor.visit(door, asked_at, goods)
        self._collected(one, order, "code", visit, " (edge killed meanwhile)")
        await self._used_code_is_refused(one, order)

    async def _used_code_is_refused(self, one: Standing, order: Order) -> None:
        visitor = self._visitors[one.id]
        arrived = await self._service.wait_for_order(order.id, "collected", 30)
        self._expect(arrived, f"order {order.id} is not called collected after the edge was killed")
        told = await visitor.type_code(order.code)
        self._expect(told["kind"] == "refused", f"a used code was answered by {told}")
        self._note(one, "somebody", f"types the used code again: refused ({told['refusal']})", proof="code")

    async def _add_up(self) -> None:
        self._say("waiting until the cloud knows everything")
        books = await take_books(self._place, self._service)
        self._evening.checks += reckon(books, self._ledger)
        self._evening.checks.append(
            Check("every order is where it ought to be", tuple(await self._misplaced()))
        )
        self._evening.latencies_ms["event to cloud"] = _to_cloud_ms(books)
        self._evening.counts = _counts(books)

    async def _misplaced(self) -> list[str]:
        found = []
        for order, wanted in self._expected.items():
            state = (await self._service.state_of(order))["state"]
            if state != wanted:
                found.append(f"order {order} is {state}, not {wanted}")
        return found

    # --- deeds

    async def _order(self, one: Standing, parcel: tuple[str, str], number: int) -> Order:
        phone = PHONES[number % len(PHONES)]
        order = await self._service.order(one.id, parcel, phone=phone, reference=f"evening {number + 1}")
        self._ledger.orders.append(order)
        self._expected[order.id] = "expected"
        self._note(one, "the shop", f"takes an order: {parcel[0]}, {parcel[1]}")
        return order

    async def _courier(self, one: Standing, jam: Order | None = None) -> None:
        visitor = self._visitors[one.id]
        await visitor.show_badge(await self._service.badge(one.id, "evening courier"))
        for order in self._orders[one.id]:
            self._ledger.entitle("load", order)
            jamming = await self._one_door_jams(one) if order is jam else None
            visit = await visitor.load(order.parcels[0])
            if jamming is not None:
                door = await jamming
                self._expect(door != visit.door, f"door {door} was jammed and opened all the same")
            self._expected[order.id] = "ready"
            self._note(one, "the courier", "loads", visit.door, "badge and label", visit.to_open_ms)
            if order is not jam:
                self._measured("scan to open door", visit)

    async def _one_door_jams(self, one: Standing) -> asyncio.Task[str]:
        """Whichever door the cabinet chooses next, its latch will not let go; which one that was."""
        control = self._visitors[one.id].control
        before = {label: len(box["energised"]) for label, box in (await _boxes(control)).items()}
        for label in before:
            await control.do("fault", cause="latch_jammed", where=label)
        return asyncio.create_task(self._note_the_jam(one, before))

    async def _note_the_jam(self, one: Standing, before: dict[str, int]) -> str:
        async with one.control() as control:
            tried = ""
            while not tried:
                await asyncio.sleep(0.01)
                now = await _boxes(control)
                tried = next((label for label in now if len(now[label]["energised"]) > before[label]), "")
            for label in set(before) - {tried}:
                await control.do("repair", cause="latch_jammed", where=label)
        self._note(one, "the latch", "jams: the parcel goes to another compartment", tried)
        return tried

    async def _collect(self, one: Standing, order: Order, proof: str, visiting: Any, note: str = "") -> None:
        self._ledger.entitle("collect", order)
        visit: Visit = await visiting
        name = {"code": "last digit to open door", "qr": "scan to open door", "phone": "tap to open door"}[
            proof
        ]
        self._measured(name, visit)
        self._collected(one, order, proof, visit, note)

    def _collected(self, one: Standing, order: Order, proof: str, visit: Visit, note: str) -> None:
        self._ledger.take(one.id, visit.goods)
        self._expected[order.id] = "collected"
        self._note(one, "a resident", f"collects{note}", visit.door, proof, visit.to_open_ms)

    # --- waiting

    @asynccontextmanager
    async def _at_cabinets(self) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            controls = [(one, one.control()) for one in self._place.standing]
            for one, control in controls:
                self._visitors[one.id] = Visitor(one, await control.__aenter__(), http)
            try:
                yield
            finally:
                for _, control in controls:
                    await control.__aexit__()

    async def _online(self, one: Standing) -> None:
        """A phone opens only what the cloud knows of."""
        orders = [order for order in self._orders[one.id] if self._expected[order.id] == "ready"]
        for order in orders:
            arrived = await self._service.wait_for_order(order.id, "ready")
            self._expect(arrived, f"the cloud does not know that order {order.id} is ready")

    async def _shown(self, one: Standing, *, online: bool) -> None:
        """Until the cabinet's own screen says so."""
        end = time.monotonic() + NETWORK_SEEN_S
        while time.monotonic() < end:
            if (await self._visitors[one.id].screen())["online"] is online:
                return
            await asyncio.sleep(0.05)
        raise SomethingWrong(f"cabinet {one.id} does not notice that it is {'on' if online else 'off'}line")

    # --- notes

    def _note(
        self, one: Standing, who: str, what: str, door: str = "", proof: str = "", ms: float | None = None
    ) -> None:
        rounded = None if ms is None else round(ms, 1)
        deed = Deed(
            round(time.monotonic() - self._began, 1),
            one.cabinet.cabinet.number,
            who,
            what,
            door,
            proof,
            rounded,
        )
        self._evening.deeds.append(deed)
        self._say(f"{deed.cabinet} {deed.door or '  '} {who} {what}")

    def _measured(self, name: str, visit: Visit) -> None:
        self._evening.latencies_ms.setdefault(name, []).append(round(visit.to_open_ms, 1))

    @staticmethod
    def _expect(holds: bool, otherwise: str) -> None:
        if not holds:
            raise SomethingWrong(otherwise)


async def _boxes(control: Control) -> dict[str, Any]:
    told: dict[str, Any] = (await control.do("truth"))["compartments"]
    return told


async def play(place: Place, say: Callable[[str], None]) -> Evening:
    """Play it all on a place that is up."""
    evening = Evening(place.broker)
    async with Service(place.cloud_url, place.api_key) as service:
        await Players(place, service, evening, say).play()
    return evening


def _to_cloud_ms(all_books: Sequence[Books]) -> list[float]:
    """From the commit at the cabinet to the commit in the cloud; both programs use this machine's clock."""
    return sorted(
        round(row["received_ms"] - _rfc3339_ms(row["event"]["time"]), 1)
        for books in all_books
        for row in books.cloud_events
    )


def _rfc3339_ms(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


def _counts(all_books: Sequence[Books]) -> dict[str, int]:
    return {
        "events": sum(len(books.cloud_events) for books in all_books),
        "doors opened": sum(len(books.events("DoorOpened")) for books in all_books),
        "parcels loaded": sum(len(books.events("ParcelDeposited")) for books in all_books),
        "parcels collected": sum(len(books.events("ParcelCollected")) for books in all_books),
    }
