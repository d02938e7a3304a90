"""XY-MD02 probes, byte for byte: input registers 0001 and 0002, and the holding registers of its settings."""

from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.lock_modbus import (
    EXCEPTION,
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    damaged,
    requests,
    with_crc,
)

TEMPERATURE, HUMIDITY = 0x0001, 0x0002
ADDRESS, BAUD, CORRECTION, HUMIDITY_CORRECTION = 0x0101, 0x0102, 0x0103, 0x0104
SETTINGS = {ADDRESS: 1, BAUD: 9600, CORRECTION: 0, HUMIDITY_CORRECTION: 0}


@dataclass(slots=True)
class ClimateXymd02:
    """One probe in the air of a zone. A new address counts from its next power-up on."""

    name: str
    address: int
    celsius: float = 21.0
    humidity: float = 55.0
    measures: Callable[[], float] | None = None
    """The air that it hangs in; without one ``celsius`` is what somebody's hand says."""
    settings: dict[int, int] = field(default_factory=lambda: dict(SETTINGS))

    def __post_init__(self) -> None:
        self.settings[ADDRESS] = self.address

    def split(self, received: bytes) -> tuple[list[bytes], bytes]:
        return requests(received)

    def hear(self, frame: bytes, address: int) -> bytes | None:
        """Answer a reading or a setting; other functions and registers get an exception."""
        if frame[0] != address:
            return None
        function, body = frame[1], frame[2:-2]
        first, second = int.from_bytes(body[:2], "big"), int.from_bytes(body[2:4], "big")
        match function:
            case 0x03 | 0x04:
                answer = self._read(function, first, second)
            case 0x06:
                answer = self._write(first, second) or body
            case _:
                answer = ILLEGAL_FUNCTION
        if isinstance(answer, int):
            return with_crc(bytes([address, function | EXCEPTION, answer]))
        return with_crc(bytes([address, function]) + answer)

    def damage_check(self, answer: bytes, address: int | None) -> bytes:
        return damaged(answer, address)

    def power_off(self) -> None:
        """A probe holds nothing; it comes back under the address that it was given."""
        self.address = self.settings[ADDRESS]

    def _read(self, function: int, first: int, count: int) -> bytes | int:
        held = self._measured() if function == 0x04 else self.settings
        wanted = range(first, first + count)
        if not wanted or any(register not in held for register in wanted):
            return ILLEGAL_ADDRESS
        words = b"".join((held[register] & 0xFFFF).to_bytes(2, "big") for register in wanted)
        return bytes([len(words)]) + words

    def _write(self, register: int, value: int) -> int:
        """The code of a refusal, or 0."""
        if register not in self.settings:
            return ILLEGAL_ADDRESS
        if register == ADDRESS and not 1 <= value <= 247:
            return ILLEGAL_VALUE
        self.settings[register] = value
        return 0

    def _measured(self) -> dict[int, int]:
        if self.measures is not None:
            self.celsius = self.measures()
        return {TEMPERATURE: round(self.celsius * 10), HUMIDITY: round(self.humidity * 10)}
