"""The cold zones of a cabinet: their air is kept, what lies too warm is held, a person ends the hold.

The rules are in ``coldchain``; here they meet doors, probes, clock and store. A hold lies in the compartments
and in the row of the zone, written in one transaction with the events that tell of it. Whether a zone bars
its doors is asked of the rules at that moment, so nothing waits for a commit.
"""

import asyncio
from dataclasses import replace

import structlog

from config.cabinet import Cabinet as CabinetFile
from config.cabinet import Zone
from config.contract import events as fact
from controller.cabinet import Cabinet
from controller.climate import coldchain
from controller.climate.coldchain import Air, Limits
from controller.climate.rows import KEY, air_from_json, air_to_json
from controller.clock import DRIFT, Clock
from controller.health import Health
from controller.store import Change, Store, StoreFailing
from controller.visit import Box, Purpose, Side, State, Step, now_of
from firmware_bridge.ports import AirReading

log = structlog.get_logger(__name__)

TICK_S = 0.25
DOOR_MOVED = (fact.DoorOpened, fact.DoorClosed, fact.DoorForced)


class Zones:
    """All zones of a cabinet that have a limit."""

    def __init__(
        self, file: CabinetFile, cabinet: Cabinet, health: Health, store: Store, clock: Clock
    ) -> None:
        self._cabinet = cabinet
        self._health = health
        self._store = store
        self._clock = clock
        cold = [zone for zone in file.zone if zone.limit is not None]
        self.limits = {zone.name: _limits(zone) for zone in cold}
        self._probe = {zone.name: zone.thermometer for zone in cold}
        self._labels = {z.name: [c.label for c in file.compartment if c.zone == z.name] for z in cold}
        self._zone_of = {label: zone for zone, labels in self._labels.items() for label in labels}
        now = clock.boot_seconds()
        self.air: dict[str, Air] = {zone.name: coldchain.first(now) for zone in cold}
        cabinet.guard(self.refuses)
        cabinet.accompany(self.joins)

    async def load(self, *, same_boot: bool, fell_back: bool) -> None:
        """As the zones were left; before anybody is served. What is due by then is held."""
        for zone in self.air:
            kept = await self._store.meta(KEY + zone)
            if kept:
                self.air[zone] = _found(kept, same_boot=same_boot)
            if fell_back or self._any_held(zone):
                self.air[zone] = replace(self.air[zone], held=self.air[zone].held or "records_restored")
        await self.tick()

    async def run(self) -> None:
        """Until cancelled."""
        while self.air:
            await asyncio.sleep(TICK_S)
            try:
                await self.tick()
            except StoreFailing as error:
                log.error("the hold of a zone could not be recorded", error=str(error))

    # --- what comes in

    def heard(self, reading: AirReading) -> None:
        """A probe was read."""
        at = self._now() - (self._clock.now() - reading.asked_at)
        for zone, air in self.air.items():
            if self._probe[zone] == reading.thermometer:
                limits, goods = self.limits[zone], self._has_goods(zone)
                self.air[zone] = coldchain.reading(air, reading.celsius, at, limits, goods=goods)

    async def tick(self) -> None:
        """Let time act on every zone."""
        for zone in self.air:
            self._pass_time(zone)
            if self.air[zone].held and not self._all_held(zone):
                await self._cabinet.change_together(lambda zone=zone: self._hold(zone))  # type: ignore[misc]
            await self._tell_faults(zone)

    def _pass_time(self, zone: str) -> None:
        air, now, limits = self.air[zone], self._now(), self.limits[zone]
        cloud_ms = self._clock.latest_cloud_ms()
        if air.dark and cloud_ms != float("inf"):
            air = coldchain.time_known(air, now, cloud_ms)
        self.air[zone] = coldchain.tick(air, now, limits, goods=self._has_goods(zone))

    def joins(self, before: Box, step: Step) -> Change:
        """What a step of a compartment means for its zone: doors that moved, goods that came or left."""
        zone = self._zone_of.get(before.label)
        if zone is None:
            return Change()
        air, now, limits, box = self.air[zone], self._now(), self.limits[zone], step.box
        facts: tuple[fact.Fact, ...] = ()
        if any(isinstance(told, DOOR_MOVED) for told in step.facts):
            air = coldchain.door_moved(air, now, limits)
        if before.occupancy is not None and before.occupancy != box.occupancy:
            facts = () if before.state is State.LOADING else (self._recorded(zone, before),)
            air = coldchain.left(air, before.occupancy)
        if box.occupancy is not None and box.occupancy not in air.came:
            air = coldchain.arrived(air, box.occupancy, now, limits)
        if air is self.air[zone]:
            return Change()
        self.air[zone] = air
        return Change(facts=facts, meta={KEY + zone: self._row(zone)})

    # --- what is asked

    def refuses(self, label: str, purpose: Purpose) -> str:
        """Nothing is loaded into, or handed out of, air that is or may be too warm."""
        zone = self._zone_of.get(label)
        if zone is None or purpose not in (Purpose.LOAD, Purpose.COLLECT):
            return ""
        air, limits = self.air[zone], self.limits[zone]
        if not coldchain.bars(air, self._now(), limits):
            return ""
        return "held" if air.held or purpose is Purpose.COLLECT else "not_cold"

    def samples(self) -> dict[str, float]:
        """For the telemetry: minutes since each zone was last cold, and whether it is held."""
        found: dict[str, float] = {}
        for zone, air in self.air.items():
            found[f"zone.{zone}.warm_min"] = round(max(0.0, self._now() - air.cold_at) / 60, 2)
            found[f"zone.{zone}.held"] = float(bool(air.held))
        return found

    def kept(self) -> dict[str, str]:
        """What of the zones is to be durable, by its key in the store."""
        return {KEY + zone: self._row(zone) for zone in self.air}

    @property
    def held(self) -> tuple[str, ...]:
        """Zones that wait for a person to look at their goods."""
        return tuple(zone for zone, air in self.air.items() if air.held)

    async def release(self, zone: str, badge: str) -> str:
        """A person with the right to serve stands there, has looked, and ends the hold.

        Empty when it has ended; else a code of the refusal table: ``no_hold``, or ``not_cold`` while it would
        come back at once.
        """
        refused: list[str] = []

        def end() -> Change:
            air = self.air.get(zone)
            if air is None or not air.held:
                refused.append("no_hold")
                return Change()
            after = coldchain.released(air, self._now(), self.limits[zone])
            if after is None:
                refused.append("not_cold")
                return Change()
            return self._end(zone, after, badge)

        await self._cabinet.change_together(end)
        if not refused:
            self.air[zone] = replace(self.air[zone], held="", excuse_at=None)
            await self._tell_faults(zone)
        return refused[0] if refused else ""

    # --- one transaction each

    def _hold(self, zone: str) -> Change:
        air, limits = self.air[zone], self.limits[zone]
        boxes = [self._cabinet.boxes[label] for label in self._labels[zone] if air.held]
        held = [replace(box, sides=box.sides | {Side.COLD_HOLD}) for box in boxes if not _is_held(box)]
        facts = tuple(
            fact.ColdHoldBegan(
                box=now_of(box), zone=zone, reason=air.held, limit_celsius=limits.celsius,
                celsius=air.celsius, exposure=self._exposure(zone, box),
            )
            for box in held
        )  # fmt: skip
        return Change(boxes=tuple(held), facts=facts, meta={KEY + zone: self._row(zone)})

    def _end(self, zone: str, after: Air, badge: str) -> Change:
        boxes = [self._cabinet.boxes[label] for label in self._labels[zone]]
        free = [replace(box, sides=box.sides - {Side.COLD_HOLD}) for box in boxes if _is_held(box)]
        facts = tuple(
            fact.ColdHoldEnded(box=now_of(box), zone=zone, badge=badge, exposure=self._exposure(zone, box))
            for box in free
        )
        return Change(boxes=tuple(free), facts=facts, meta={KEY + zone: self._row(zone, after)})

    def _recorded(self, zone: str, box: Box) -> fact.ExposureRecorded:
        exposure = self._exposure(zone, box)
        assert box.occupancy is not None
        assert exposure is not None
        return fact.ExposureRecorded(
            zone=zone, label=box.label, occupancy=box.occupancy, order=box.order, parcel=box.parcel,
            limit_celsius=self.limits[zone].celsius, **exposure.model_dump(),
        )  # fmt: skip

    def _exposure(self, zone: str, box: Box) -> fact.Exposure | None:
        if box.occupancy is None:
            return None
        told = coldchain.exposure(self.air[zone], box.occupancy, self._now(), self.limits[zone])
        return fact.Exposure(
            warm_min=_minutes(told.warm_s), degree_min=_minutes(told.degree_s),
            blind_min=_minutes(told.blind_s), gaps=told.gaps,
        )  # fmt: skip

    async def _tell_faults(self, zone: str) -> None:
        air, limits = self.air[zone], self.limits[zone]
        warm = self._now() >= coldchain.deadline(air, limits)
        said = "" if air.celsius is None else f"{air.celsius:.1f} °C, limit {limits.celsius:.1f} °C"
        for code, is_so, detail in (("too_warm", warm, said), ("cold_hold", bool(air.held), air.held)):
            if is_so:
                await self._health.begins(code, zone, detail)
            else:
                await self._health.ends(code, zone)

    # --- what is known

    def _row(self, zone: str, air: Air | None = None) -> str:
        """With a lower bound of the cloud's clock at the last cold moment: the floor less what passed."""
        air = air or self.air[zone]
        since_ms = (self._now() - air.cold_at) * 1000 * DRIFT
        cold_ms = int(self._clock.floor_ms - since_ms) if self._clock.floor_ms else None
        return air_to_json(air, alarmed=self._health.has("too_warm", zone), cold_ms=cold_ms)

    def _has_goods(self, zone: str) -> bool:
        """Something lies there, or may."""
        return any(self._cabinet.boxes[label].state is not State.VACANT for label in self._labels[zone])

    def _any_held(self, zone: str) -> bool:
        return any(_is_held(self._cabinet.boxes[label]) for label in self._labels[zone])

    def _all_held(self, zone: str) -> bool:
        return all(_is_held(self._cabinet.boxes[label]) for label in self._labels[zone])

    def _now(self) -> float:
        return self._clock.boot_seconds()


def _found(kept: str, *, same_boot: bool) -> Air:
    air, cold_ms = air_from_json(kept)
    return air if same_boot else coldchain.rebooted(air, cold_ms)


def _limits(zone: Zone) -> Limits:
    assert zone.limit is not None
    return Limits(
        celsius=zone.limit, defrost_s=zone.defrost_minutes * 60.0,
        defrost_every_s=zone.defrost_every_hours * 3600.0,
    )  # fmt: skip


def _is_held(box: Box) -> bool:
    return Side.COLD_HOLD in box.sides


def _minutes(seconds: float) -> float:
    return round(max(0.0, seconds) / 60, 1)
