"""XY-MD02 temperature and humidity probes on Modbus RTU.

The driver knows one probe; it does not know what lies in its air, or how warm that may get.
"""

from dataclasses import dataclass

from firmware_bridge.errors import ImpossibleReading, WrongUse
from firmware_bridge.frames import Sender
from firmware_bridge.modbus import ModbusBus
from firmware_bridge.modbus.frames import Frame, Read, Registers
from firmware_bridge.modbus.reading import read_frame as read_modbus
from firmware_bridge.ports import AirReading

# Maker's manual: input register 0001 temperature, signed, 0.1 °C; 0002 relative humidity, 0.1 %.
FIRST_REGISTER = 0x0001
READ_INPUT_REGISTERS = 0x04
ASKED = {(1, 1): "the temperature", (1, 2): "temperature and humidity", (2, 1): "the humidity"}
COLDEST, WARMEST = -40.0, 85.0
"""What the probe's chip can measure; anything else is a broken probe."""
WETTEST = 100.0


@dataclass(frozen=True, slots=True)
class ReadAir(Read):
    """Host to probe: read temperature, humidity, or both."""

    @property
    def meaning(self) -> str:
        return f"{self.to}: read {ASKED[self.address, self.count]}"


@dataclass(frozen=True, slots=True)
class Air(Registers):
    """Probe to host: temperature and humidity."""

    celsius: float
    humidity: float

    @property
    def meaning(self) -> str:
        return f"probe {self.card}: {self.celsius} °C, {self.humidity} % humidity"


@dataclass(frozen=True, slots=True)
class OneOfAir(Registers):
    """Probe to host: temperature or humidity; which of them, only the question tells."""

    measured: float

    @property
    def meaning(self) -> str:
        return f"probe {self.card}: {self.measured} °C or % humidity, whichever was asked for"


def read_frame(frame: bytes, sender: Sender | None = None) -> Frame:
    """What a frame means between host and probe; ``ValueError``: nothing, or what no probe can measure."""
    told = read_modbus(frame, sender)
    if told.function != READ_INPUT_REGISTERS:
        return told
    if isinstance(told, Read) and (told.address, told.count) in ASKED:
        return ReadAir(told.card, told.function, told.address, told.count)
    if isinstance(told, Registers) and len(told.values) in (1, 2):
        return _air(told)
    return told


def _air(told: Registers) -> Air | OneOfAir:
    first, last = signed(told.values[0]) / 10, told.values[-1] / 10
    if len(told.values) == 1:
        _within("temperature or humidity", first, COLDEST, WETTEST)
        return OneOfAir(told.card, told.function, told.values, first)
    _within("celsius", first, COLDEST, WARMEST)
    _within("humidity", last, 0.0, WETTEST)
    return Air(told.card, told.function, told.values, first, last)


def _within(what: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"{what} {value} is not between {least} and {most}")


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
        if not (COLDEST <= celsius <= WARMEST and humidity <= WETTEST):
            reason = f"{celsius} °C and {humidity} % humidity"
            raise ImpossibleReading(self.bus.line.address, self.name, done.received, reason)
        return AirReading(self.name, celsius, humidity, done.sent_at)


def signed(word: int) -> int:
    """A register as two's complement."""
    return word - 0x10000 if word & 0x8000 else word
