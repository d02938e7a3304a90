"""The air of the cold zones as it truly is, against what the cabinet makes of it.

Both ways: nothing is handed out, or left without a hold, that was too warm or out of sight for too long, and
nothing is held whose probe could say all the time that it was cold. Where a probe lies nobody can promise the
first.
"""

import asyncio
from dataclasses import dataclass

from config.cabinet import Zone
from controller.visit import Purpose
from simulators.cabinet import Door
from simulators.scenario.place import CLIMATE_BUS, Place
from simulators.scenario.story import Story

LOOK_SECONDS = 5.0
WARM_SECONDS, RECOVER_SECONDS, EXCUSED_SECONDS = 900.0, 1800.0, 7200.0
"""Warm for so long; so long after a door moved, and with doors that move again and again."""
LATE_SECONDS = 60.0
"""A probe is read every ten seconds, an opening lasts a minute, a program begins again within seconds."""
LEAST_KELVIN = 0.2
"""Closer to the limit than this is neither warm nor cold: a probe tells tenths."""
READ_AGAIN_SECONDS = 120.0
"""So long after a probe has begun to answer again it need not have been asked yet."""
KNOWN_AGAIN_SECONDS = 1200.0
"""So long after power has returned nobody need know how long it was dark."""


@dataclass(slots=True)
class TrueAir:
    """One zone: when its cabinet could last have read that it was cold, and when it must have known."""

    zone: Zone
    labels: list[str]
    cold_at: float
    known_cold_at: float
    moved_at: float = float("-inf")
    lied_at: float = float("-inf")
    unread_at: float = float("-inf")
    is_held: bool = False

    def due(self) -> float:
        """By then goods must not be handed out any more."""
        recovered = min(self.moved_at + RECOVER_SECONDS, self.cold_at + EXCUSED_SECONDS)
        return max(self.cold_at + WARM_SECONDS, recovered)

    def is_spoilt(self, now: float) -> bool:
        """Too warm for too long, and its probe never said anything else."""
        return now > self.due() + LATE_SECONDS and self.lied_at < self.cold_at - LATE_SECONDS


class ColdWatch:
    """All cold zones of one cabinet."""

    def __init__(self, place: Place, story: Story) -> None:
        self._place, self._story = place, story
        self._serving_since: float | None = None
        self.zones = [
            TrueAir(zone, [c.label for c in place.file.compartment if c.zone == zone.name], *2 * (place.now,))
            for zone in place.file.zone
            if zone.limit is not None
        ]

    async def run(self) -> None:
        """Until cancelled."""
        while self.zones:
            await asyncio.sleep(LOOK_SECONDS)
            self._place.served.cabinet.step()
            self._see_serving()
            for air in self.zones:
                self._judge(air)
                self._see(air)

    def handed_out(self, label: str) -> None:
        """A coil was energised so that somebody takes goods out."""
        for air in self.zones:
            if label in air.labels and air.is_spoilt(self._place.now):
                self._wrong(f"H8: {label} is opened to collect, {self._told(air)}")

    def bars(self, label: str) -> bool:
        """The cabinet does not open this door, because of its air."""
        edge = self._place.edge
        return edge is not None and edge.zones.refuses(label, Purpose.COLLECT) != ""

    # --- what is true

    def _see_serving(self) -> None:
        if not self._place.is_serving:
            self._serving_since = None
        elif self._serving_since is None:
            self._serving_since = self._place.now

    def _see(self, air: TrueAir) -> None:
        assert air.zone.limit is not None
        now, above = self._place.now, self._place.served.airs[air.zone.name].celsius - air.zone.limit
        if any(self._hand(label) is not Door.CLOSED for label in air.labels):
            air.moved_at = now
        if self._tells_lies(air):
            air.lied_at = air.unread_at = now
            return
        if not self._can_be_read(air):
            air.unread_at = now
            return
        if above <= LEAST_KELVIN:
            air.cold_at = now
        if above <= -LEAST_KELVIN and now > air.unread_at + READ_AGAIN_SECONDS:
            air.known_cold_at = now

    def _hand(self, label: str) -> Door:
        return self._place.served.cabinet.compartment(label).door

    def _tells_lies(self, air: TrueAir) -> bool:
        return self._place.served.probes[str(air.zone.thermometer)].measures is None

    def _can_be_read(self, air: TrueAir) -> bool:
        broken = {fault.where for fault in self._place.served.faults.active()}
        return self._place.is_serving and not broken & {CLIMATE_BUS, str(air.zone.thermometer)}

    # --- what the cabinet makes of it

    def _judge(self, air: TrueAir) -> None:
        place, edge = self._place, self._place.edge
        if edge is None or self._serving_since is None:
            return
        is_held, is_barred = air.zone.name in edge.zones.held, self.bars(air.labels[0])
        if is_held and not air.is_held:
            self._story.note(place.id, f"{air.zone.name} is held, {self._told(air)}")
            self._story.count(place.id, "cold holds")
        if self._is_known_cold(air) and (is_barred and not air.is_held):
            self._wrong(f"H8: {air.zone.name} is held for nothing, {self._told(air)}")
        air.is_held = is_held
        has_goods = any(place.goods(label) for label in air.labels)
        served_s = place.now - self._serving_since
        if has_goods and not is_barred and served_s > LATE_SECONDS and air.is_spoilt(place.now):
            self._wrong(f"H8: {air.zone.name} is not held, {self._told(air)}")

    def _is_known_cold(self, air: TrueAir) -> bool:
        """Nobody can have a reason to doubt it: power, program and probe were there."""
        now = self._place.now
        was_dark = now - self._place.boot_at < KNOWN_AGAIN_SECONDS
        return not was_dark and now - air.known_cold_at < WARM_SECONDS - LATE_SECONDS

    def _told(self, air: TrueAir) -> str:
        now, celsius = self._place.now, self._place.served.airs[air.zone.name].celsius
        cold_s, known_s = now - air.cold_at, now - air.known_cold_at
        return f"{celsius:.1f} °C, cold {cold_s / 60:.1f} min ago, known to be {known_s / 60:.1f} min ago"

    def _wrong(self, what: str) -> None:
        self._story.violated(self._place.id, what)
