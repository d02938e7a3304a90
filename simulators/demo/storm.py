"""kill -9 at random moments while residents collect: of the edges, of the cloud, of the broker.

Couriers load in peace. Then each resident presents a proof, and a random moment later one of the programs is
killed. The resident does what people do: waits, tries again, takes the parcel, shuts the door, and leaves
when the cabinet has understood. At the end every used QR is shown once more, and everything is reckoned up.
"""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import httpx

from simulators.demo.books import Books, read_edge, take_books
from simulators.demo.place import Place, Standing
from simulators.demo.reckoning import Check, Ledger, reckon
from simulators.demo.service import Order, Service
from simulators.demo.visits import LostPatience, Visitor

Victim = Literal["edge", "stopped edge", "cloud", "broker"]
"""A stopped edge hangs (SIGSTOP) for up to ``LONGEST_STOP_S`` and then goes on; the others are killed."""

LATEST_KILL_S = 0.9
"""Counted from the proof: by then a door has sprung open, been emptied and shut."""
LONGEST_STOP_S = 2.0
QUICK_HANDS_S = 0.3
LOOKS_FOR_S = 2.0
RESIDENT_GIVES_UP_S = 60.0
AT_ONCE = "SSMSSM"
"""Sizes of the parcels that lie in a cabinet when its residents come."""
ONLINE_S = 90.0
"""An edge that lost its broker a few times waits up to 45 s before it tries again."""
DOCUMENTS_S = 30.0
DRAINED_S = 120.0
LAST_LOOK_S = 1.0
PHONE = "13800138000"


@dataclass(slots=True)
class Storm:
    """What was killed, and whether it adds up."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    pickups: int = 0
    seconds: float = 0.0
    facts: Counter[str] = field(default_factory=Counter)
    """How often what was recorded: OpeningAmbiguous counts kills between pulse and switch."""
    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return bool(self.checks) and all(check.ok for check in self.checks)

    def __str__(self) -> str:
        killed = ", ".join(f"{number} × {victim}" for victim, number in sorted(self.kills.items()))
        against = [f"{check.name}: {each}" for check in self.checks for each in check.against]
        facts = ", ".join(f"{number} {name}" for name, number in sorted(self.facts.items()))
        head = f"seed {self.seed}: {self.pickups} pickups in {self.seconds:.0f} s, killed {killed}; {facts}"
        return "\n".join([head, *against])

    def as_data(self) -> dict[str, Any]:
        """The same as plain data."""
        return {**asdict(self), "ok": self.ok}


class _Weather:
    """Kills one victim a pickup, and keeps count."""

    def __init__(self, place: Place, storm: Storm) -> None:
        self._place = place
        self._storm = storm

    async def stop_for_a_while(self, one: Standing, after_s: float, stop_s: float) -> None:
        """The edge hangs, as under a debugger or on a dying disk."""
        await asyncio.sleep(after_s)
        await one.edge.ready()
        pid = one.edge.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(stop_s)
        os.kill(pid, signal.SIGCONT)
        self._storm.kills["stopped edge"] += 1

    async def strike(self, victim: Victim, one: Standing, after_s: float) -> None:
        """One kill, later where the victim is just being started again after another's strike."""
        await asyncio.sleep(after_s)
        killed = self._killed(victim, one)
        while not killed:
            await asyncio.sleep(0.05)
            killed = self._killed(victim, one)
        self._storm.kills[victim] += 1

    def _killed(self, victim: Victim, one: Standing) -> bool:
        if victim == "broker":
            return self._place.kill_broker()
        child = one.edge if victim == "edge" else self._place.cloud
        return child.kill()


async def rage(place: Place, kills: Mapping[Victim, int], seed: int, say: Callable[[str], None]) -> Storm:
    """So many kills of each, on a place that is up; the same seed gives the same plan."""
    say(f"the storm's seed is {seed}")
    storm, ledger, began = Storm(seed), Ledger(), time.monotonic()
    luck = random.Random(seed)
    victims: list[Victim] = [victim for victim, number in kills.items() for _ in range(number)]
    luck.shuffle(victims)
    lanes = [victims[at :: len(place.standing)] for at in range(len(place.standing))]
    async with Service(place.cloud_url, place.api_key) as service:
        weather = _Weather(place, storm)
        async with asyncio.TaskGroup() as group:
            for one, its in zip(place.standing, lanes, strict=True):
                lane = _Lane(one, service, weather, ledger, random.Random(f"{seed} {one.id}"), say)
                group.create_task(lane.run(its))
        storm.pickups = len(ledger.taken)
        say("waiting until the cloud knows everything")
        before = await take_books(place, service, DRAINED_S)
        await asyncio.gather(*(_show_used(one, ledger) for one in place.standing))
        books = await take_books(place, service, DRAINED_S)
    storm.checks = [
        *reckon(books, ledger),
        Check("no used right opened a door", tuple(_energised_since(before, books))),
    ]
    storm.facts = Counter(row["event"]["type"] for each in books for row in each.cloud_events)
    storm.seconds = time.monotonic() - began
    return storm


@dataclass(slots=True)
class _Lane:
    """One cabinet with its courier and its residents, one after the other."""

    one: Standing
    service: Service
    weather: _Weather
    ledger: Ledger
    luck: random.Random
    say: Callable[[str], None]

    async def run(self, victims: Sequence[Victim]) -> None:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as http, self.one.control() as control:
            visitor = Visitor(self.one, control, http, QUICK_HANDS_S)
            for at in range(0, len(victims), len(AT_ONCE)):
                some = victims[at : at + len(AT_ONCE)]
                orders = await self._loaded(visitor, len(some))
                for order, victim in zip(orders, some, strict=True):
                    await self._pickup(visitor, order, victim)
                self.say(f"{self.one.cabinet.cabinet.number} {at + len(some)} of {len(victims)} pickups")

    async def _loaded(self, visitor: Visitor, number: int) -> list[Order]:
        orders = [await self._order(size) for size in AT_ONCE[:number]]
        badge = await self.service.badge(self.one.id, "storm courier")
        await self._online(visitor)
        await self.service.wait_for_documents(self.one.id, DOCUMENTS_S)
        await visitor.show_badge(badge)
        for order in orders:
            self.ledger.entitle("load", order)
            await visitor.load(order.parcels[0])
        await visitor.show_badge(badge)
        return orders

    async def _order(self, size: str) -> Order:
        order = await self.service.order(self.one.id, (size, "ambient"), phone=PHONE, reference="storm")
        self.ledger.orders.append(order)
        return order

    async def _pickup(self, visitor: Visitor, order: Order, victim: Victim) -> None:
        self.ledger.entitle("collect", order)
        await self._online(visitor)
        after_s, by_code = self.luck.uniform(0, LATEST_KILL_S), self.luck.random() < 0.5
        if victim == "stopped edge":
            hangs = self.weather.stop_for_a_while(self.one, after_s, self.luck.uniform(0, LONGEST_STOP_S))
            strike = asyncio.create_task(hangs)
        else:
            strike = asyncio.create_task(self.weather.strike(victim, self.one, after_s))
        end = time.monotonic() + RESIDENT_GIVES_UP_S
        has_it = False
        while not (has_it and self._is_understood(order)):
            if time.monotonic() > end:
                raise LostPatience(
                    f"order {order.id} at {self.one.id} after kill -9 of the {victim}: {has_it=}"
                )
            await self._present(visitor, order, by_code=by_code)
            by_code = False  # a QR has no wrong tries
            has_it = await self._take(visitor, order, has_it=has_it)
        await strike
        await self.one.edge.ready()

    async def _online(self, visitor: Visitor) -> None:
        """A kill of cloud or broker means something only while the cabinet talks to them."""
        end = time.monotonic() + ONLINE_S
        while time.monotonic() < end:
            with contextlib.suppress(httpx.TransportError):
                if (await visitor.screen())["online"]:
                    return
            await asyncio.sleep(0.05)
        raise LostPatience(f"{self.one.id} is not back online after {ONLINE_S:.0f} s")

    async def _present(self, visitor: Visitor, order: Order, *, by_code: bool) -> None:
        if not by_code:
            await self.one.edge.ready()
            await visitor.scan(order.qr)
            return
        with contextlib.suppress(httpx.TransportError):
            await visitor.type_code(order.code)

    async def _take(self, visitor: Visitor, order: Order, *, has_it: bool) -> bool:
        """Whether the resident has the parcel now; a door that opens once more is looked into and shut."""
        holding = None if has_it else order.parcels[0].id
        end = time.monotonic() + LOOKS_FOR_S
        while time.monotonic() < end and not (has_it and self._is_understood(order)):
            with contextlib.suppress(LostPatience):
                door = await visitor.sees((), holding, 0.2)
                self.ledger.take(self.one.id, await visitor.empty(door))
                await visitor.shut(door)
                has_it, holding = True, None
        return has_it

    def _is_understood(self, order: Order) -> bool:
        """The cabinet has no opening for this order any more: what its screen would tell."""
        boxes = read_edge(self.one.folder).boxes.values()
        return not any(box["order"] == order.id for box in boxes)


async def _show_used(one: Standing, ledger: Ledger) -> None:
    """Every used QR once more, as fast as the reader's wire carries them."""
    reader = one.cabinet.reader[0].name
    used = [order.qr for order in ledger.orders if order.cabinet == one.id]
    async with one.control() as control:
        before = (await control.do("truth"))["wires"][reader]["bytes_out"]
        for text in used:
            await control.do("scan", reader=reader, text=text)
        shown = 0
        while shown < sum(map(len, used)):
            await asyncio.sleep(0.2)
            shown = (await control.do("truth"))["wires"][reader]["bytes_out"] - before
        await asyncio.sleep(LAST_LOOK_S)


def _energised_since(before: Sequence[Books], after: Sequence[Books]) -> list[str]:
    found = []
    for then, now in zip(before, after, strict=True):
        for label, box in now.truth["compartments"].items():
            if len(box["energised"]) != len(then.truth["compartments"][label]["energised"]):
                found.append(f"{now.cabinet} {label}")
    return found
