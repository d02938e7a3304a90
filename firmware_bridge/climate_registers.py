"""Thermostats and temperature probes on Modbus, whichever registers their make has.

The driver knows one of them; it does not know what lies in its air, or how warm that may get.
"""

from firmware_bridge.ports import AirReading
from firmware_bridge.registers import RegisterDevice

DECIMALS = 2
"""No probe in a cabinet knows its air better, and a 32 bit float is exact to none."""


class ClimateRegisters(RegisterDevice):
    """One of them on a bus. See ``Thermometer``."""

    async def air(self) -> AirReading:
        """Temperature, and humidity where its make measures it. See ``Thermometer``."""
        quantities = self.map.quantities
        read = await self.read(place for each in quantities.values() for place in self.places(each))
        found = {
            key: round(float(self.measured(key, each, read)), DECIMALS) for key, each in quantities.items()
        }
        return AirReading(self.name, found["temperature"], found.get("humidity"), read.asked_at)
