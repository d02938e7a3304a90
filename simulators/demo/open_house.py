"""The demo that stays up: parcels to collect, addresses to open in a browser, hands that take and shut."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

from simulators.control import ControlRefused
from simulators.demo.place import Place, Standing
from simulators.demo.service import Order, Service, ServiceRefused
from simulators.demo.visits import LostPatience, Visitor

SAMPLES = (("S", "ambient"), ("M", "ambient"), ("L", "ambient"))
LOADED = 2
"""So many of the samples are brought before the doors are opened to visitors."""
HAND_WAITS_S = 4.0
PAUSE_S = (6.0, 15.0)
PHONE = "13800138000"
DOCUMENTS_S = 20.0
CONSOLE = "/console"


@dataclass(slots=True)
class OpenHouse:
    """What is going on at the cabinets while somebody looks."""

    place: Place
    service: Service
    say: Callable[[str], None]
    orders: list[Order] = field(default_factory=list)
    _claimed: set[tuple[str, str]] = field(default_factory=set)
    """Doors at which one of our own people stands."""

    async def prepare(self) -> None:
        """Sample orders at every cabinet, and a courier who brings most of them."""
        self.say("taking sample orders; couriers load them through the reader")
        await asyncio.gather(*(self._samples(one) for one in self.place.standing))

    async def keep(self, *, people: bool, seed: int) -> None:
        """Hands at every cabinet, and on demand residents and couriers, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number, one in enumerate(self.place.standing):
                group.create_task(self._again(one, self._hands))
                if people:
                    neighbour = partial(self._neighbour, luck=random.Random(f"{seed} {number}"))
                    group.create_task(self._again(one, neighbour))

    def told(self) -> dict[str, Any]:
        """Addresses and orders as plain data."""
        return {
            "ready": True,
            "cloud_url": self.place.cloud_url,
            "console_url": self.place.cloud_url + CONSOLE,
            "api_key": self.place.api_key,
            "folder": str(self.place.folder),
            "cabinets": [
                {"cabinet": one.id, "number": one.cabinet.cabinet.number, "kiosk_url": one.kiosk_url}
                for one in self.place.standing
            ],
            "orders": [
                {"order": o.id, "cabinet": o.cabinet, "code": o.code, "qr": o.qr, "link": o.link}
                for o in self.orders
            ],
            "processes": [{"name": c.name, "pid": c.pid} for c in self.place.supervisor.children],
        }

    # --- preparation

    async def _samples(self, one: Standing) -> None:
        orders = [
            await self.service.order(one.id, parcel, phone=PHONE, reference=f"sample {number}")
            for number, parcel in enumerate(SAMPLES, start=1)
        ]
        self.orders += orders[:LOADED]
        await self.service.wait_for_documents(one.id, DOCUMENTS_S)
        async with self._visitor(one) as visitor:
            await self._bring(one, visitor, orders[:LOADED])
        for order in orders[:LOADED]:
            await self.service.wait_for_order(order.id, "ready")

    async def _bring(self, one: Standing, visitor: Visitor, orders: list[Order]) -> None:
        badge = await self.service.badge(one.id, "sample courier")
        await visitor.show_badge(badge)
        for order in orders:
            visit = await visitor.load(order.parcels[0])
            self.say(f"{one.cabinet.cabinet.number} the courier loads compartment {visit.door}")
        await visitor.show_badge(badge)

    # --- while it stays up

    async def _again(self, one: Standing, act: Callable[[Standing], Awaitable[None]]) -> None:
        """A program that is just being started again is no reason to stop."""
        while True:
            try:
                await act(one)
            except (httpx.HTTPError, ServiceRefused, ControlRefused, LostPatience, OSError):
                await asyncio.sleep(1.0)

    async def _hands(self, one: Standing) -> None:
        """Whoever opened a door by a browser has no hands here: ours take the goods and shut it."""
        async with self._visitor(one) as visitor:
            while True:
                door = await visitor.control.do("see", seconds=1.0, but=self._claimed_at(one))
                if door is None:
                    continue
                await asyncio.sleep(HAND_WAITS_S)
                if door in await visitor.standing_open() and door not in self._claimed_at(one):
                    goods = await visitor.empty(door)
                    await visitor.shut(door)
                    what = "takes the parcel out and shuts the door" if goods else "shuts the door"
                    self.say(f"{one.cabinet.cabinet.number} {door} a hand {what}")

    def _claimed_at(self, one: Standing) -> list[str]:
        return [door for cabinet, door in self._claimed if cabinet == one.id]

    async def _neighbour(self, one: Standing, luck: random.Random) -> None:
        """One more order, brought and collected."""
        await asyncio.sleep(luck.uniform(*PAUSE_S))
        async with self._visitor(one) as visitor:
            order = await self.service.order(
                one.id, luck.choice(SAMPLES), phone=PHONE, reference=f"neighbour {luck.randrange(10_000):04}"
            )
            await self.service.wait_for_documents(one.id, DOCUMENTS_S)
            await self._bring(one, visitor, [order])
            await asyncio.sleep(luck.uniform(*PAUSE_S))
            by = luck.choice((visitor.collect_by_code, visitor.collect_by_qr))
            visit = await by(order)
            self.say(f"{one.cabinet.cabinet.number} {visit.door} a neighbour collects")

    @asynccontextmanager
    async def _visitor(self, one: Standing) -> AsyncIterator[Visitor]:
        @contextmanager
        def claim(door: str) -> Iterator[None]:
            self._claimed.add((one.id, door))
            try:
                yield
            finally:
                self._claimed.discard((one.id, door))

        async with httpx.AsyncClient(timeout=10, trust_env=False) as http, one.control() as control:
            yield Visitor(one, control, http, claim=claim)


def what_to_try(house: OpenHouse) -> str:
    """The text that the demo prints when everything is up."""
    lines = ["", f"{house.place.neighbourhood.name_zh} {house.place.neighbourhood.name_en} is open.", ""]
    for one in house.place.standing:
        about = one.cabinet.cabinet
        lines.append(f"{about.number} {about.name_zh} {about.name_en}")
        lines.append(f"  screen at the cabinet   {one.kiosk_url}")
        lines += [
            f"  parcel: code {order.code}   {order.link}" for order in house.orders if order.cabinet == one.id
        ]
    lines += [
        f"operator's console        {house.place.cloud_url}{CONSOLE}",
        "",
        "What to try:",
        "  1. Open a screen at a cabinet and type a parcel's code: its door springs open.",
        "  2. Open a parcel's link, as on a phone, and the screen beside it; enter the number shown there.",
        "  3. Watch the doors in the console meanwhile. A wrong code shows there, too.",
        "The hardware is simulated, on real wires. You have no hands here: when a door has been open for",
        f"{HAND_WAITS_S:.0f} s, a simulated hand takes the parcel out and shuts it.",
        "Ctrl-C ends everything.",
    ]
    return "\n".join(lines)
