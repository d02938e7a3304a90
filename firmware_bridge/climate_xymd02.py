"""XY-MD02 temperature and humidity probes on Modbus RTU.

The driver knows one probe; it does not know what lies in its air, or how warm that may get.
"""

from dataclasses import dataclass

from firmware_bridge.errors import ImpossibleReading, WrongUse
from firmware_bridge.modbus import ModbusBus
from firmware_bridge.ports import AirReading

# Maker's manual: input register 0001 temperature, signed, 0.1 °C; 0002 relative humidity, 0.1 %.
FIRST_REGISTER = 0x0001
COLDEST, WARMEST = -40.0, 85.0
"""What the probe's chip can measure; anything else is a broken probe."""


@dataclass(slots=True)
class ClimateXymd02:
    """One probe on a bus."""

    name: str
    bus: ModbusBus
    address: int

    def __post_init__(self) -> None:
        if not 1 <= self.address <= 247:
            raise WrongUse(self.name, f"Modbus probes answer to 1 to 247, not {self.address}")

    async def air(self) -> AirReading:
        """Temperature and humidity now. See ``Thermometer``."""
        done = await self.bus.registers(self.address, FIRST_REGISTER, 2, board=self.name)
        assert isinstance(done.answer, list)
        assert done.sent_at is not None
        celsius, humidity = signed(done.answer[0]) / 10, done.answer[1] / 10
        if not (COLDEST <= celsius <= WARMEST and humidity <= 100):
            reason = f"{celsius} °C and {humidity} % humidity"
            raise ImpossibleReading(self.bus.line.address, self.name, done.received, reason)
        return AirReading(self.name, celsius, humidity, done.sent_at)


def signed(word: int) -> int:
    """A register as two's complement."""
    return word - 0x10000 if word & 0x8000 else word
