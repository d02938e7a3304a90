"""What goes wrong at one cabinet and around it, at moments drawn from the seed."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial

from simulators.faults import Cause
from simulators.scenario.cloud import Cloud
from simulators.scenario.file import Range, Scenario
from simulators.scenario.network import Network
from simulators.scenario.people import Neighbourhood
from simulators.scenario.place import Place
from simulators.scenario.story import DAY, Story

SWITCHES = (Cause.SWITCH_BROKEN_OPEN, Cause.SWITCH_BROKEN_CLOSED, Cause.SWITCH_FLAPPING)
AT_DOORS = (Cause.LATCH_JAMMED, *SWITCHES)
ON_BUSES = (Cause.NOISE, Cause.ECHO, Cause.MERGED)
NOISE_BYTES_PER_SECOND = 20.0
LATE_SECONDS = (0.05, 0.5)
TECHNICIAN = "00000000000000ee"
RESTART_SECONDS = (0.5, 5.0)
AIMED = 0.7
"""Share of the kills that wait for a pulse: those are the moments that matter."""
AIMED_SECONDS = 1.5


class Trouble:
    """Everything that happens to one cabinet by itself; ``begin`` starts it, ``heal`` ends it for good."""

    def __init__(
        self, scenario: Scenario, place: Place, people: Neighbourhood, network: Network, story: Story,
        chance: random.Random,
    ) -> None:  # fmt: skip
        self._scenario, self._place, self._people = scenario, place, people
        self._network, self._story, self._chance = network, story, chance
        self._doomed = False
        self._computer = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """From now on."""
        computer, net, people = self._scenario.computer, self._scenario.network, self._scenario.people
        self._place.weather.delay_s, self._place.weather.twice = net.delay_s, net.twice
        cold = self._scenario.cold
        happenings: list[tuple[float, Callable[[], Awaitable[None]]]] = [
            (computer.kills_per_day, self._kill),
            (computer.power_cuts_per_day, self._cut_power),
            (computer.clock_jumps_per_day, self._jump_clock),
            (net.cuts_per_day, self._cut_connection),
            (net.outages_per_day, self._lose_network),
            (net.stalls_per_day, self._stall_network),
            (people.guesses_per_day, self._people.guess),
            (people.inside_per_day, self._people.call_inside),
            (people.thefts_per_day, self._people.force),
        ]
        if self._place.served.airs:
            happenings += [
                (cold.compressors_fail_per_day, self._stop_compressor),
                (cold.probes_fall_silent_per_day, self._silence_probe),
                (cold.probes_lie_per_day, self._let_probe_lie),
            ]
            self._tasks += [
                asyncio.create_task(work) for work in (self._people.cold.run(), self._mend_cold())
            ]
        happenings += [(rate, partial(self._break, cause)) for cause, rate in self._scenario.faults.items()]
        for rate, happen in happenings:
            if rate:
                self._tasks.append(asyncio.create_task(self._now_and_then(rate, happen)))
        self._tasks.append(asyncio.create_task(self._care()))

    async def heal(self) -> None:
        """Nothing goes wrong any more: repaired, connected, powered, closed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._doomed = False
        for fault in self._place.served.faults.active():
            await self._repair(fault.cause, fault.where)
        for probe in self._place.served.probes:
            await self._place.served.let_hang(probe)
        self._place.weather.is_out = self._place.weather.is_stalled = False
        self._place.wrong_by_s = 0.0
        async with self._computer:
            if self._place.edge is None:
                await self._place.power_returns(clock_lost=False)
        await self._people.shut_all()

    def pulsed(self) -> None:
        """A coil was energised: if the program is doomed, it dies soon after."""
        if self._doomed:
            self._doomed = False
            self._tasks.append(asyncio.create_task(self._kill_now(self._chance.uniform(0, AIMED_SECONDS))))

    async def _now_and_then(self, per_day: float, happen: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(self._chance.expovariate(per_day / DAY))
            await happen()

    async def _care(self) -> None:
        """Somebody passes by and shuts what stands open."""
        while True:
            await asyncio.sleep(self._chance.uniform(600, 1800))
            await self._people.shut_all()

    # --- the computer

    async def _kill(self) -> None:
        if self._chance.random() < AIMED:
            self._doomed = True
        else:
            await self._kill_now(0.0)

    async def _kill_now(self, after: float) -> None:
        await asyncio.sleep(after)
        async with self._computer:
            if self._place.edge is None:
                return
            self._note("the program is killed", "kills")
            await self._place.kill()
            await asyncio.sleep(self._chance.uniform(*RESTART_SECONDS))
            await self._place.start()

    async def _cut_power(self) -> None:
        async with self._computer:
            if self._place.edge is None:
                return
            minutes = self._chance.uniform(*self._scenario.computer.dark_minutes)
            clock_lost = self._chance.random() < self._scenario.computer.clock_lost
            self._note(f"power is cut for {minutes:.1f} min", "power cuts")
            await self._place.lose_power()
            await asyncio.sleep(60 * minutes)
            if clock_lost:
                self._note("the computer wakes up in 1970", "clocks lost")
            await self._place.power_returns(clock_lost=clock_lost)

    async def _jump_clock(self) -> None:
        days = self._chance.uniform(-1, 1) * self._scenario.computer.jump_days
        self._note(f"the clock jumps by {days:+.2f} days", "clock jumps")
        self._place.wrong_by_s += days * DAY
        await self._minutes(self._scenario.computer.clock_repaired_minutes)
        self._place.wrong_by_s = 0.0

    # --- the network

    async def _cut_connection(self) -> None:
        self._story.trace(self._place.id, "the connection is cut")
        self._story.count(self._place.id, "connections cut")
        self._network.break_connection(self._place.id, "reset")

    async def _lose_network(self) -> None:
        minutes = self._chance.uniform(*self._scenario.network.outage_minutes)
        self._note(f"no network for {minutes:.1f} min", "outages")
        self._place.weather.is_out = True
        await asyncio.sleep(60 * minutes)
        self._place.weather.is_out = False

    async def _stall_network(self) -> None:
        self._story.count(self._place.id, "stalls")
        self._story.trace(self._place.id, "the network stalls")
        self._place.weather.is_stalled = True
        await self._minutes(self._scenario.network.stall_minutes)
        self._place.weather.is_stalled = False

    # --- the hardware

    async def _break(self, cause: Cause) -> None:
        where = self._where(cause)
        if self._place.served.faults.at(cause, where):
            return
        minutes = self._chance.uniform(*self._scenario.fault_minutes)
        amount = {
            Cause.NOISE: NOISE_BYTES_PER_SECOND,
            Cause.LATE_REPLY: self._chance.uniform(*LATE_SECONDS),
            Cause.ANSWERS_AS_ANOTHER: 9.0,
            Cause.BOARD_REBOOTING: 60 * minutes,
        }.get(cause)
        self._note(f"{cause.value.replace('_', ' ')} at {where} for {minutes:.1f} min", "things broken")
        self._excuse(cause, where)
        await self._place.served.fault(cause, where, amount)
        await asyncio.sleep(60 * minutes)
        await self._repair(cause, where)

    async def _repair(self, cause: Cause, where: str) -> None:
        self._excuse(cause, where)
        await self._place.served.repair(cause, where)

    # --- cold air

    async def _stop_compressor(self) -> None:
        hours = self._chance.uniform(*self._scenario.cold.compressor_hours)
        zone = self._chance.choice(list(self._place.served.airs))
        await self._fail(Cause.COMPRESSOR_DEAD, zone, 60 * hours)

    async def _silence_probe(self) -> None:
        minutes = self._chance.uniform(*self._scenario.cold.probe_minutes)
        await self._fail(Cause.BOARD_SILENT, self._chance.choice(list(self._place.served.probes)), minutes)

    async def _fail(self, cause: Cause, where: str, minutes: float) -> None:
        self._note(f"{cause.value.replace('_', ' ')} at {where} for {minutes:.1f} min", "cold things broken")
        await self._place.served.fault(cause, where)
        await asyncio.sleep(60 * minutes)
        await self._place.served.repair(cause, where)

    async def _let_probe_lie(self) -> None:
        cold = self._scenario.cold
        celsius, minutes = self._chance.uniform(*cold.lie_celsius), self._chance.uniform(*cold.probe_minutes)
        probe = self._chance.choice(list(self._place.served.probes))
        self._note(f"{probe} tells {celsius:.1f} °C for {minutes:.1f} min", "cold things broken")
        await self._place.served.air(probe, celsius)
        await asyncio.sleep(60 * minutes)
        await self._place.served.let_hang(probe)

    async def _mend_cold(self) -> None:
        """Somebody with a badge comes to held zones: repairs what is broken, and ends a hold."""
        while True:
            await self._minutes(self._scenario.cold.technician_minutes)
            edge = self._place.edge
            for zone in edge.zones.held if edge is not None and self._place.is_serving else ():
                await self._place.served.repair(Cause.COMPRESSOR_DEAD, zone)
                await self._place.served.repair(Cause.BOARD_SILENT, f"in-{zone}")
                await self._place.served.let_hang(f"in-{zone}")
                assert edge is not None
                answer = await edge.zones.release(zone, TECHNICIAN)
                self._note(
                    f"a technician looks at {zone}: {answer or 'the hold ends'}", "looks at cold zones"
                )

    def _excuse(self, cause: Cause, where: str) -> None:
        """What lay behind a switch that lies is beyond anybody's knowledge."""
        if cause in SWITCHES:
            for goods in self._place.goods(where):
                self._people.parcels[goods.name].excused = cause.value

    def _where(self, cause: Cause) -> str:
        if cause in AT_DOORS:
            return self._chance.choice(self._place.served.cabinet.labels())
        if cause in ON_BUSES:
            return self._chance.choice(list(self._place.served.buses))
        return self._chance.choice([board.name for board in self._place.file.board])

    async def _minutes(self, how_many: Range) -> None:
        await asyncio.sleep(60 * self._chance.uniform(*how_many))

    def _note(self, line: str, counted: str) -> None:
        self._story.count(self._place.id, counted)
        self._story.note(self._place.id, line)


async def trouble_the_cloud(
    scenario: Scenario, cloud: Cloud, network: Network, story: Story, chance: random.Random
) -> None:
    """The broker restarts and forgets everything; the service stops for a while. Until cancelled."""

    async def restart_broker() -> None:
        story.count("cloud", "broker restarts")
        story.note("cloud", "the broker restarts and has forgotten everything")
        network.broker_is_up = False
        network.restart_broker()
        await asyncio.sleep(chance.uniform(0.5, 20))
        network.broker_is_up = True

    async def stop_cloud() -> None:
        minutes = chance.uniform(*scenario.network.cloud_stop_minutes)
        story.count("cloud", "cloud stops")
        story.note("cloud", f"the cloud is stopped for {minutes:.1f} min")
        cloud.is_stopped = True
        await asyncio.sleep(60 * minutes)
        cloud.is_stopped = False

    async def stop_as_planned(first: float, last: float) -> None:
        await asyncio.sleep(max(0.0, first * 3600 - story.second()))
        story.note("cloud", f"the cloud is stopped for {last - first:.1f} h")
        cloud.is_stopped = True
        await asyncio.sleep((last - first) * 3600)
        cloud.is_stopped = False
        story.note("cloud", "the cloud is back")

    async def now_and_then(per_day: float, happen: Callable[[], Awaitable[None]]) -> None:
        while per_day:
            await asyncio.sleep(chance.expovariate(per_day / DAY))
            await happen()

    async with asyncio.TaskGroup() as group:
        group.create_task(now_and_then(scenario.network.broker_restarts_per_day, restart_broker))
        group.create_task(now_and_then(scenario.network.cloud_stops_per_day, stop_cloud))
        if scenario.network.cloud_stopped_hours is not None:
            group.create_task(stop_as_planned(*scenario.network.cloud_stopped_hours))
