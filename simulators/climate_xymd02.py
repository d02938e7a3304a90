"""XY-MD02 probes, byte for byte: input registers 0001 and 0002."""

from collections.abc import Callable
from dataclasses import dataclass

from simulators.lock_modbus import EXCEPTION, ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, damaged, requests, with_crc

REGISTERS = 2


@dataclass(slots=True)
class ClimateXymd02:
    """One probe in the air of a zone."""

    name: str
    address: int
    celsius: float = 21.0
    humidity: float = 55.0
    measures: Callable[[], float] | None = None
    """The air that it hangs in; without one ``celsius`` is what somebody's hand says."""

    def split(self, received: bytes) -> tuple[list[bytes], bytes]:
        return requests(received)

    def hear(self, frame: bytes, address: int) -> bytes | None:
        """Answer a reading; other functions and registers get an exception."""
        if frame[0] != address:
            return None
        function = frame[1]
        first, count = int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")
        if function != 0x04:
            return with_crc(bytes([address, function | EXCEPTION, ILLEGAL_FUNCTION]))
        if first < 1 or count < 1 or first + count > REGISTERS + 1:
            return with_crc(bytes([address, function | EXCEPTION, ILLEGAL_ADDRESS]))
        if self.measures is not None:
            self.celsius = self.measures()
        words = [round(self.celsius * 10) & 0xFFFF, round(self.humidity * 10)][first - 1 :][:count]
        body = b"".join(word.to_bytes(2, "big") for word in words)
        return with_crc(bytes([address, function, len(body)]) + body)

    def damage_check(self, answer: bytes, address: int | None) -> bytes:
        return damaged(answer, address)

    def power_off(self) -> None:
        """A probe holds nothing."""
