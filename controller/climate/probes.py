"""The air in the zones: each probe read over and over, its last reading with its age, a silent one told."""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from controller.beat import Beat
from controller.clock import Clock
from controller.health import Health
from controller.store import StoreFailing
from firmware_bridge.errors import BridgeError
from firmware_bridge.ports import AirReading, Thermometer

log = structlog.get_logger(__name__)

READ_S = 10.0
SILENT_AFTER = 3


class Climate:
    """The last reading of every probe."""

    def __init__(
        self,
        thermometers: Mapping[str, Thermometer],
        health: Health,
        clock: Clock,
        heard: Callable[[AirReading], None] = lambda reading: None,
    ) -> None:
        self._thermometers = thermometers
        self._health = health
        self._clock = clock
        self.beats = {name: Beat() for name in thermometers}
        """Of the loop of each probe."""
        self._heard = heard
        self._last: dict[str, AirReading] = {}

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for thermometer in self._thermometers.values():
                group.create_task(self._watch(thermometer), name=f"air at {thermometer.name}")

    def samples(self) -> dict[str, float]:
        """For the telemetry: temperature, humidity (where it is measured) and their age, by probe."""
        found: dict[str, float] = {}
        for name, reading in self._last.items():
            found[f"air.{name}.celsius"] = reading.celsius
            if reading.humidity is not None:
                found[f"air.{name}.humidity"] = reading.humidity
            found[f"air.{name}.age_s"] = round(self._clock.now() - reading.asked_at, 1)
        return found

    async def _watch(self, thermometer: Thermometer) -> None:
        failures = 0
        while True:
            try:
                self._last[thermometer.name] = read = await thermometer.air()
                self._heard(read)
                failures = 0
                await self._health.ends("thermometer_silent", thermometer.name)
            except BridgeError as error:
                failures += 1
                if failures == SILENT_AFTER:
                    await self._health.begins("thermometer_silent", thermometer.name, str(error))
            except StoreFailing as error:
                log.error("a thermometer's fault could not be recorded", error=str(error))
            self.beats[thermometer.name].comes_round(READ_S)
            await asyncio.sleep(READ_S)
