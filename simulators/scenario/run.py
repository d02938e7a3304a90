"""One run: built from a scenario and a seed, lived through on the virtual clock, reckoned up at its end."""

import asyncio
import logging
import random
import tempfile
from collections.abc import Callable, Coroutine, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from simulators.scenario.cloud import Cloud
from simulators.scenario.file import Scenario
from simulators.scenario.network import Network
from simulators.scenario.people import Neighbourhood, Order
from simulators.scenario.place import Place, cabinet_file
from simulators.scenario.story import DAY, Story
from simulators.scenario.trouble import Trouble, trouble_the_cloud
from simulators.scenario.truth import Parcel, Reckoning, Witness
from simulators.scenario.virtual import VirtualLoop, seeded_randomness

FIRST_MIDNIGHT_MS = 1_790_006_400_000
"""2026-09-21T16:00Z, midnight in Beijing; the days of a run are counted from there."""
CHECK_SECONDS = 3600.0
DRAIN_SECONDS = 300.0
MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run."""

    scenario: Scenario
    seed: int
    days: float
    cabinets: int | None = None
    """None: as many as the scenario says."""


def run(
    wanted: Wanted,
    tell: Callable[[str], None] = lambda line: None,
    each_hour: Callable[[float], None] = lambda second: None,
) -> Story:
    """Live through it. The story names a violation, or none; the same request gives the same story.

    ``tell`` gets the account line by line, ``each_hour`` the virtual second after each look at everything.
    """
    seed = f"{wanted.seed}"
    memory = str(MEMORY) if MEMORY.is_dir() else None
    with (
        tempfile.TemporaryDirectory(prefix="tuangui-run-", dir=memory) as folder,
        seeded_randomness(seed),
        asyncio.Runner(loop_factory=lambda: VirtualLoop(seed)) as runner,
    ):
        return runner.run(_live(wanted, Path(folder), tell, each_hour))


async def _live(
    wanted: Wanted, folder: Path, tell: Callable[[str], None], each_hour: Callable[[float], None]
) -> Story:
    world = _World(wanted, folder, tell)
    world.each_hour = each_hour
    with traced_logs(world.story):
        await world.live()
    return world.story


class _World:
    """Everything of one run; made inside its loop."""

    def __init__(self, wanted: Wanted, folder: Path, tell: Callable[[str], None]) -> None:
        loop, scenario = asyncio.get_running_loop(), wanted.scenario
        begins = loop.time() - scenario.begins_hour * 3600
        self._wanted, self._folder = wanted, folder
        self.story = Story(lambda: loop.time() - begins, tell)
        self._network = Network(self._chance("network"))
        self._cloud = Cloud(
            self._network.say, loop.time, self._now_ms, self._chance("cloud"), self.story.violated
        )
        self._network.cloud_hears = self._cloud.hear
        self._parcels: dict[str, Parcel] = {}
        self._reckoning = Reckoning(self.story, self._cloud, self._parcels, self._chance("reckoning"))
        self._places: list[Place] = []
        self._witnesses: list[Witness] = []
        self._people: list[Neighbourhood] = []
        self._troubles: list[Trouble] = []
        self._visits: set[asyncio.Task[None]] = set()
        self.each_hour: Callable[[float], None] = lambda second: None

    async def live(self) -> None:
        """To the end, or to the first violation."""
        for number in range(1, (self._wanted.cabinets or self._wanted.scenario.cabinets) + 1):
            await self._build(number)
        for people in self._people:
            people.others = [other for other in self._people if other is not people]
        works = [asyncio.create_task(self._days(people)) for people in self._people]
        scenario, chance = self._wanted.scenario, self._chance("cloud's trouble")
        works.append(
            asyncio.create_task(trouble_the_cloud(scenario, self._cloud, self._network, self.story, chance))
        )
        for trouble in self._troubles:
            trouble.begin()
        await self._watch(works)
        await self._end(works)

    def _chance(self, what: str) -> random.Random:
        return random.Random(f"{self._wanted.seed}/{what}")

    def _now_ms(self) -> int:
        return FIRST_MIDNIGHT_MS + int(self.story.second() * 1000)

    async def _build(self, number: int) -> None:
        scenario = self._wanted.scenario
        file = cabinet_file(number, scenario.compartments, scenario.zone, beams=scenario.beams)
        place = Place(
            file, self._folder / file.id, self._cloud.enrol(file.id), self._network, self._now_ms,
            self._chance(f"place {number}"),
            {"poll_s": scenario.poll_s, "tick_s": scenario.tick_s}, self.story.violated,
        )  # fmt: skip
        witness = Witness(place, self.story, self._parcels)
        people = Neighbourhood(
            place, self._cloud, scenario.people, self.story, self._parcels, self._chance(f"people {number}")
        )
        trouble = Trouble(
            scenario, place, people, self._network, self.story, self._chance(f"trouble {number}")
        )

        def pulsed(label: str) -> None:
            witness.pulsed(label)
            trouble.pulsed()
            if witness.purpose(label) == "collect":
                people.cold.handed_out(label)

        place.served.cabinet.pulsed = pulsed
        self._places.append(place)
        self._witnesses.append(witness)
        self._people.append(people)
        self._troubles.append(trouble)
        await place.plug_in()
        await place.start()

    # --- the days

    async def _watch(self, works: list[asyncio.Task[None]]) -> None:
        """Look at everything once an hour; stop when the time is over or something is wrong."""
        until = asyncio.get_running_loop().time() + self._wanted.days * DAY
        while (left := until - asyncio.get_running_loop().time()) > 0 and not self.story.violation:
            await asyncio.sleep(min(left, CHECK_SECONDS))
            self._check()
            self.each_hour(self.story.second())
            for work in works:
                if work.done():
                    work.result()

    def _check(self) -> None:
        for place, witness in zip(self._places, self._witnesses, strict=True):
            if place.edge is not None:
                witness.read()
            witness.check_coils()
            self._reckoning.check_doors(place)

    async def _days(self, people: Neighbourhood) -> None:
        chance, habits = self._chance(f"days {people.place.id}"), self._wanted.scenario.people
        day = 0
        while True:
            rounds = len(habits.courier_hours)
            for number, hour in enumerate(habits.courier_hours):
                share = habits.orders_per_day * (number + 1) // rounds
                share -= habits.orders_per_day * number // rounds
                await self._until(day, hour - habits.planned_hours_before)
                orders = [self._order(people, chance) for _ in range(share)]
                self._visit(self._round(people, orders, day, hour, chance))
            await self._until(day + 1, 0.0)
            day += 1

    def _order(self, people: Neighbourhood, chance: random.Random) -> Order:
        sizes = [
            chance.choice("SSM") for _ in range(chance.randint(1, self._wanted.scenario.people.most_parcels))
        ]
        code = f"{chance.randrange(10**8):08d}"
        cabinet, zone = people.place.id, chance.choice(people.place.file.compartment).zone
        order, ids = self._cloud.expect(cabinet, sizes, code, zone)
        parcels = [Parcel(parcel, order, cabinet) for parcel in ids]
        self._parcels.update({parcel.id: parcel for parcel in parcels})
        return Order(order, code, parcels)

    async def _round(
        self, people: Neighbourhood, orders: list[Order], day: int, hour: float, chance: random.Random
    ) -> None:
        """A courier brings the orders; later each resident comes."""
        await self._until(day, hour)
        await people.deliver(orders)
        first, last = self._wanted.scenario.people.fetch_hours
        visits = [(chance.uniform(first, last), order) for order in orders]
        for at, order in sorted(visits, key=lambda visit: visit[0]):
            self._visit(self._fetch(people, order, day, at))

    async def _fetch(self, people: Neighbourhood, order: Order, day: int, hour: float) -> None:
        await self._until(day, hour)
        await people.fetch(order)
        self._cloud.withdraw(people.place.id, [p.id for p in order.parcels if p.fetched or p.box is None])

    def _visit(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._visits.add(task)
        task.add_done_callback(self._left)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._visits.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.story.violated("people", f"a visit ended with {error!r}")

    async def _until(self, day: int, hour: float) -> None:
        await asyncio.sleep(max(0.0, day * DAY + hour * 3600 - self.story.second()))

    # --- the end

    async def _end(self, works: list[asyncio.Task[None]]) -> None:
        for work in (*works, *self._visits):
            work.cancel()
        await asyncio.gather(*works, *self._visits, return_exceptions=True)
        if not self.story.violation:
            self._cloud.is_stopped, self._network.broker_is_up = False, True
            for trouble in self._troubles:
                await trouble.heal()
            await asyncio.sleep(DRAIN_SECONDS)
            self._check()
            self._reckoning.check_fold()
            for place in self._places:
                self._reckoning.check_drained(place)
                self._reckoning.check_goods(place)
                self.story.count(place.id, "events", place.edge.store.seq if place.edge else 0)
        for place in self._places:
            await place.kill()


@contextmanager
def traced_logs(story: Story) -> Iterator[None]:
    """What the product logs goes into the trace, with the virtual time."""

    def into_trace(_logger: Any, level: str, event: MutableMapping[str, Any]) -> str:
        cabinet = str(event.pop("cabinet", "-"))
        said = " ".join(f"{key}={value}" for key, value in event.items() if key != "event")
        story.trace(cabinet, f"{level} {event['event']} {said}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, into_trace],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    try:
        yield
    finally:
        structlog.configure(**before)
