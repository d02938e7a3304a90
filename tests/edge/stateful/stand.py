"""One real edge on one simulated cabinet, on a virtual clock that stands still between two calls.

Store, cabinet, entrance, unlocker, drivers and uplink are the product's; bytes go over wires in memory to
simulated boards, messages over a network in memory to a cloud that keeps the contract.
"""

import asyncio
import gc
import random
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from cloud.fold import Picture
from cloud.fold import Place as At
from cloud.ingest import decode
from config.cabinet import Cabinet as CabinetFile
from config.cabinet import parse
from config.contract import codes
from config.contract.messages import chain_over
from config.contract.signing import CHAIN_START
from controller.store import Store
from simulators.faults import Cause
from simulators.scenario.cloud import LOG2_N, Cloud
from simulators.scenario.network import Network
from simulators.scenario.people import Order
from simulators.scenario.place import Place, cabinet_file
from simulators.scenario.run import FIRST_MIDNIGHT_MS, MEMORY, traced_logs
from simulators.scenario.story import Story
from simulators.scenario.truth import Parcel, Reckoning
from simulators.scenario.virtual import VirtualLoop, seeded_randomness
from tests.edge.stateful.ledger import COLD_BOX, SWITCHES, Ledger, Rights

T = TypeVar("T")

NOON_S = 12 * 3600
BALLAST_PAGES = 2000
ORDERS = (("S",), ("S", "S"), ("M",))
TAIL = "8000"
"""Of everybody's phone."""
COLD_ZONE, PROBE = "cold", "probe"
COLD_C, WARM_C = 3.0, 12.0
DRAINED_WITHIN_S = 400
LOOK_S = 0.25
AT_REST_WITHIN_S = 70
"""No interim state outlives this."""
SHUT_EVERY_S = 2
"""A lock that was jammed may spring open late; somebody is there to shut its door."""
PACE = {"poll_s": 1.0, "tick_s": 0.5}
"""Nothing the rules promise hangs on how often the edge looks, and looking is what an evening spends."""
AMOUNTS = {Cause.NOISE: 20.0, Cause.LATE_REPLY: 0.3}


class TimedPlace(Place):
    """A place that knows the true time, whatever its computer believes."""

    def true_ms(self) -> int:
        return self._now_ms()


class Stand:
    """``live`` lets a coroutine have its time; nothing else moves the clock. ``close`` when done."""

    def __init__(self, seed: int) -> None:
        self._open = ExitStack()
        memory = str(MEMORY) if MEMORY.is_dir() else None
        folder = self._open.enter_context(tempfile.TemporaryDirectory(prefix="tuangui-m2-", dir=memory))
        self._open.enter_context(seeded_randomness(f"{seed}"))
        runner = asyncio.Runner(loop_factory=lambda: VirtualLoop(f"{seed}"))
        self._runner = self._open.enter_context(runner)
        self._loop = runner.get_loop()
        self._began = self._loop.time() - NOON_S
        self.story = Story(lambda: self._loop.time() - self._began)
        self._open.enter_context(traced_logs(self.story))
        self._open.enter_context(one_derivation_of_each_code())
        self._works: list[asyncio.Task[Any]] = []
        self.rights = Rights()
        self.parcels: dict[str, Parcel] = {}
        self.disk_is_full = False
        self.is_dark = False
        self._doomed_by_pulse: float | None = None
        self._doomed_by_commit: tuple[int, float] | None = None
        self.live(self._build(seed, Path(folder)))

    async def _build(self, seed: int, folder: Path) -> None:
        chance = self._chance = random.Random(seed)
        self.network = Network(chance)
        self.cloud = Cloud(self.network.say, self._loop.time, self.now_ms, chance, self.story.violated)
        self.network.cloud_hears = self.cloud.hear
        file = cabinet_file(1 + seed % 2, 3)
        self.is_cold = seed % 4 == 1
        file = with_a_cold_corner(file) if self.is_cold else file
        self.place = TimedPlace(
            file, folder / file.id, self.cloud.enrol(file.id), self.network, self.now_ms, chance,
            PACE, self._ended_by_itself,
        )  # fmt: skip
        self.hands = self.place.served.cabinet
        self.ledger = Ledger(self.place, self.story, self.parcels, self.rights)
        self.hands.pulsed = self._pulsed
        self.orders = [self._order(number, sizes) for number, sizes in enumerate(ORDERS)]
        self.returned = self._return()
        self.orders.append(self.returned)
        self._sensitive = self.orders[1].id if seed % 3 == 0 else ""
        self._finish_parcels()
        await self.place.plug_in()
        if self.is_cold:
            await self.air(COLD_C)
        await self.start()
        await self.until(lambda: self.place.is_serving and self._has_documents())

    def _order(self, number: int, sizes: tuple[str, ...]) -> Order:
        code = f"{10_000_000 + number}"
        order, ids = self.cloud.expect(self.place.id, list(sizes), code)
        return self._known_to_all(Order(order, code, [Parcel(each, order, self.place.id) for each in ids]))

    def _return(self) -> Order:
        """A resident sends something back: the cabinet hears of it by its signed label alone."""
        order = self.new_id()
        return self._known_to_all(Order(order, "10000009", [Parcel(self.new_id(), order, self.place.id)]))

    def _known_to_all(self, order: Order) -> Order:
        self.parcels.update({parcel.id: parcel for parcel in order.parcels})
        return order

    def _finish_parcels(self) -> None:
        """Codes with the digits of a phone, sensitive goods, and the large parcel into the cold."""
        known = self.cloud.cabinets[self.place.id]
        for order in self.orders:
            strong = codes.code_digest(order.code + TAIL, known.salt, LOG2_N).hex()
            zone = "chilled" if self.is_cold and order is self.orders[2] else "ambient"
            more = {"strong_digest": strong, "sensitive": self.is_sensitive(order), "zone": zone}
            for parcel in order.parcels:
                if parcel.id in known.parcels:
                    known.parcels[parcel.id] = known.parcels[parcel.id].model_copy(update=more)
                    self.rights.due_ms[parcel.id] = known.parcels[parcel.id].expires_ms
        self.cloud._want_parcels(self.place.id)

    def is_sensitive(self, order: Order) -> bool:
        """Its code alone opens nothing."""
        return order.id == self._sensitive

    async def air(self, celsius: float) -> None:
        """So warm it truly is in the cold zone from now on."""
        await self.place.served.air(PROBE, celsius)
        self.ledger.air_is(celsius == WARM_C)

    def new_id(self) -> str:
        return self._chance.randbytes(8).hex()

    def _has_documents(self) -> bool:
        self.ledger.read()
        wanted = self.cloud.cabinets[self.place.id].wanted
        return all(self.ledger.applied.get(name) == version for name, (version, _) in wanted.items())

    # --- time

    def now_ms(self) -> int:
        return FIRST_MIDNIGHT_MS + int(self.story.second() * 1000)

    @property
    def now(self) -> float:
        return self._loop.time()

    def live(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def do(self, call: Callable[..., T], *what: Any) -> T:
        """Something that takes no time, within the loop."""

        async def doing() -> T:
            return call(*what)

        return self.live(doing())

    def pass_time(self, seconds: float) -> None:
        self.live(asyncio.sleep(seconds))

    def begin(self, work: Coroutine[Any, Any, Any]) -> None:
        """Goes on while other things happen; an exception in it is a violation."""
        task = self._loop.create_task(work)
        self._works = [each for each in self._works if not each.done()] + [task]
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.story.violated("people", f"ended with {task.exception()!r}")

    async def until(self, condition: Any, seconds: float = 60.0) -> bool:
        """Whether it came true in time."""
        for _ in range(int(seconds / LOOK_S)):
            if condition():
                break
            await asyncio.sleep(LOOK_S)
        return bool(condition())

    # --- the computer

    async def start(self) -> None:
        await self.place.start()
        assert self.place.edge is not None
        self._count_commits(self.place.edge.store)
        if self.disk_is_full:
            leave_no_room(self.place.edge.store)

    async def die(self) -> None:
        """Without a word; what is not committed never will be."""
        if self.place.edge is not None:
            self.story.trace(self.place.id, "the program dies")
            await self.place.kill()

    def die_after_commit(self, number: int, delay: float) -> None:
        """``delay`` 0: it is durable, and nobody has been told yet; so between intent and pulse."""
        self._doomed_by_commit = (number, delay)

    def die_after_pulse(self, delay: float) -> None:
        self._doomed_by_pulse = delay

    def _count_commits(self, store: Store) -> None:
        commit = store._ledger.commit

        def counted(*given: Any) -> None:
            commit(*given)
            if self._doomed_by_commit is not None:
                left, delay = self._doomed_by_commit
                self._doomed_by_commit = (left - 1, delay) if left > 1 else None
                if left == 1:
                    self._loop.call_later(delay, self._die_soon)

        store._ledger.commit = counted  # type: ignore[method-assign]

    def _pulsed(self, label: str) -> None:
        self.ledger.pulsed(label)
        if self._doomed_by_pulse is not None:
            self._loop.call_later(self._doomed_by_pulse, self._die_soon)
            self._doomed_by_pulse = None

    def _die_soon(self) -> None:
        self.begin(self.die())

    async def lose_power(self) -> None:
        self.is_dark = True
        await self.place.lose_power()

    async def power_returns(self, *, clock_lost: bool) -> None:
        self.is_dark = False
        if self.place.edge is None:
            self.place._boot_at, self.place._boot = self.now, self.place._new_boot()
            self.place.wrong_by_s = -self.now_ms() / 1000 if clock_lost else 0.0
            await self.place.served.mains(True)
            await self.place.served.plug_in()
            await self.start()

    def fill_disk(self) -> None:
        self.disk_is_full = self.ledger.nothing_can_be_written = True
        if self.place.edge is not None:
            leave_no_room(self.place.edge.store)

    def empty_disk(self) -> None:
        self.disk_is_full = self.ledger.nothing_can_be_written = False
        if self.place.edge is not None:
            give_room(self.place.edge.store)

    def _ended_by_itself(self, cabinet: str, why: str) -> None:
        """A controller that can write nothing at all may give up; whoever supervises it starts it again."""
        if not self.disk_is_full:
            self.story.violated(cabinet, why)
        self._die_soon()

    # --- the hardware

    async def damage(self, cause: Cause, label: str) -> None:
        """At this compartment, or at the board or the bus where such a thing sits."""
        if cause in SWITCHES:
            self.ledger.excuse(label, cause.value)
        at_door = cause in SWITCHES or cause is Cause.LATCH_JAMMED
        file = self.place.file
        elsewhere = file.bus[0].name if cause is Cause.NOISE else file.board[0].name
        await self.place.served.fault(cause, label if at_door else elsewhere, AMOUNTS.get(cause))

    async def repair(self) -> None:
        """Boards, doors, network, cloud and disk are as they should be."""
        for fault in self.place.served.faults.active():
            if fault.where in self.hands.labels():
                self.ledger.excuse_behind_a_lying_switch(fault.where)
            await self.place.served.repair(fault.cause, fault.where)
        self.weather_is()
        self.cloud_is_stopped(False)
        self.empty_disk()
        self.place.wrong_by_s = 0.0
        if self.is_cold:
            await self.air(COLD_C)

    # --- the network and the cloud

    def weather_is(self, *, is_out: bool = False, is_stalled: bool = False) -> None:
        self.place.weather.is_out, self.place.weather.is_stalled = is_out, is_stalled

    def cloud_is_stopped(self, stopped: bool) -> None:
        self.cloud.is_stopped = stopped

    def restore_cloud(self, keeps: float) -> None:
        """It comes back from a copy: of each history it has only the first part."""
        known = self.cloud.cabinets[self.place.id]
        fresh = Picture()
        for epoch, history in known.epochs.items():
            history.lines.cut(int(len(history.lines) * keeps))
            history.through = len(history.lines)
            history.chain = chain_over(CHAIN_START, history.lines)
            for seq, line in enumerate(history.lines, 1):
                _, fact = decode(line, self.place.id, epoch, seq)
                fresh.apply(At("simulated", self.place.id, history.ordinal, seq, seq), fact)
        self.cloud.picture = fresh

    # --- the end

    async def settle(self, shut: Callable[[str], None]) -> None:
        """Nothing is wrong any more: what was asked ends, the outbox drains, and all agree."""
        await self._heal()
        for _ in range(AT_REST_WITHIN_S // SHUT_EVERY_S):
            await asyncio.sleep(SHUT_EVERY_S)
            for label in self.hands.standing_open():
                shut(label)
            if self._is_at_rest():
                break
        await asyncio.sleep(3 * PACE["poll_s"])
        await self.until(self._is_drained, DRAINED_WITHIN_S)
        reckoning = Reckoning(self.story, self.cloud, self.parcels, random.Random(0))
        self.ledger.check()
        self.ledger.check_every_parcel()
        reckoning.check_drained(self.place)
        reckoning.check_fold()

    async def _heal(self) -> None:
        self._doomed_by_pulse = self._doomed_by_commit = None
        await asyncio.sleep(1.0)  # whoever is to die already has died
        await self.repair()
        if self.place.edge is None:
            await self.start()
        await self.until(lambda: self.place.is_serving)

    def _is_at_rest(self) -> bool:
        edge = self.place.edge
        return edge is not None and all(box.opening is None for box in edge.cabinet.boxes.values())

    def _is_drained(self) -> bool:
        edge, known = self.place.edge, self.cloud.cabinets[self.place.id]
        return edge is not None and edge.store.epoch in known.epochs and (
            known.epochs[edge.store.epoch].through == edge.store.seq == edge.store.through
        )  # fmt: skip

    def close(self) -> None:
        self.live(self.place.kill())
        self._open.close()
        gc.unfreeze()  # an edge that starts freezes what is there; thousands of them would never be let go


def with_a_cold_corner(file: CabinetFile) -> CabinetFile:
    """The same locker; one of its compartments is kept cold, and a probe hangs in its air."""
    told = file.model_dump(mode="json", by_alias=True, exclude_none=True)
    told["thermometer"] = [{"name": PROBE, "bus": file.bus[0].name, "address": 9}]
    told["zone"] = [*told["zone"], {"name": COLD_ZONE, "class": "chilled", "thermometer": PROBE}]
    for compartment in told["compartment"]:
        if compartment["label"] == COLD_BOX:
            compartment["zone"] = COLD_ZONE
    return parse(told, file.id)


@contextmanager
def one_derivation_of_each_code() -> Iterator[None]:
    """A digest is costly on purpose; the same one a second time shows nothing."""
    derive = codes.code_digest
    codes.code_digest = cache(derive)
    try:
        yield
    finally:
        codes.code_digest = derive


def leave_no_room(store: Store) -> None:
    """SQLite itself says from now on that the disk is full; the ballast gives a few pages back."""
    ballast = store._disk._ballast

    def throw_out() -> bool:
        was_there = type(ballast).throw_out(ballast)
        if was_there:
            _limit(store, BALLAST_PAGES)
        return was_there

    ballast.throw_out = throw_out  # type: ignore[method-assign]
    ballast.put_in = lambda: False  # type: ignore[method-assign]
    _limit(store, 0)


def give_room(store: Store) -> None:
    for name in ("throw_out", "put_in"):
        store._disk._ballast.__dict__.pop(name, None)
    _limit(store, 1 << 24)


def _limit(store: Store, more_pages: int) -> None:
    (pages,) = store._disk.db.execute("pragma page_count").fetchone()
    store._disk.db.execute(f"pragma max_page_count={pages + more_pages}")
