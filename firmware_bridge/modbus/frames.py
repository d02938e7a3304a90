"""The frames of Modbus cards, each with what it means; on a serial wire and as Modbus TCP.

A card counts its coils and inputs from 0; Eletechsup cards count their outputs, which are registers, from 1.
A frame that leaves an output on, on whatever make of card, is ``NeverSent``.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from firmware_bridge.frames import in_hex
from firmware_bridge.modbus import tcp
from firmware_bridge.modbus.crc import with_crc

EXCEPTION = 0x80
EXCEPTIONS = {
    1: "illegal function",
    2: "illegal address",
    3: "illegal value",
    4: "device failure",
    5: "accepted, and takes long",
    6: "busy",
    8: "memory parity error",
    10: "the gateway has no path to it",
    11: "the gateway heard nothing from it",
}
THINGS = {
    0x01: "relay",
    0x02: "input",
    0x03: "holding register",
    0x04: "input register",
    0x0F: "relay",
    0x10: "holding register",
}
"""What a function reads or writes."""
KNOWN_REGISTERS = {
    0x0000: "the address of an LCTECH card",
    0x03E8: "the baud code of an LCTECH card",
    0x2000: "the baud code of a Waveshare card",
    0x4000: "the address of a Waveshare card",
    0x8000: "the software version of a Waveshare card",
}


@dataclass(frozen=True, slots=True)
class _Frame:
    card: int
    function: int
    transaction: int | None = field(default=None, kw_only=True)
    """Of Modbus TCP; None on a serial wire."""

    @property
    def to(self) -> str:
        """Whom a request is for."""
        return f"card {self.card}" if self.card else "every card"


@dataclass(frozen=True, slots=True)
class _Makeable(_Frame):
    def body(self) -> bytes:
        """What follows the function."""
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        return self._around(self.function)

    def _around(self, function: int) -> bytes:
        frame = with_crc(bytes([self.card, function]) + self.body())
        return frame if self.transaction is None else tcp.sealed(self.transaction, frame)


@dataclass(frozen=True, slots=True)
class _Span(_Makeable):
    address: int
    count: int

    def body(self) -> bytes:
        return struct.pack(">HH", self.address, self.count)

    @property
    def span(self) -> str:
        thing, first, last = THINGS[self.function], self.address, self.address + self.count - 1
        if "register" in thing:
            return f"{thing} 0x{first:04x}" if first == last else f"{thing}s 0x{first:04x} to 0x{last:04x}"
        return f"{thing} {first}" if first == last else f"{thing}s {first} to {last}"


@dataclass(frozen=True, slots=True)
class _WriteOne(_Makeable):
    address: int
    value: int

    def body(self) -> bytes:
        return struct.pack(">HH", self.address, self.value)


@dataclass(frozen=True, slots=True)
class Read(_Span):
    """Host to card: read coils (function 1), inputs (2), holding (3) or input registers (4)."""

    @property
    def meaning(self) -> str:
        known = KNOWN_REGISTERS.get(self.address) if self.function == 3 else None
        return f"{self.to}: read {self.span}" + (f" (0x{self.address:04x}: {known})" if known else "")


@dataclass(frozen=True, slots=True)
class Bits(_Makeable):
    """Card to host: relays or inputs, the lowest bit of the first byte first."""

    bits: bytes

    @property
    def meaning(self) -> str:
        on = ", ".join(str(n) for n in numbers_on(self.bits))
        which = f"{on} on, counted from the first one asked for" if on else "all off"
        return f"card {self.card}, answer to reading {THINGS[self.function]}s: {which}"

    def body(self) -> bytes:
        return bytes([len(self.bits)]) + self.bits


@dataclass(frozen=True, slots=True)
class Registers(_Makeable):
    """Card to host: registers, unsigned."""

    values: tuple[int, ...]

    @property
    def meaning(self) -> str:
        values = ", ".join(f"{value} (0x{value:04x})" for value in self.values)
        return f"card {self.card}, answer to reading {THINGS[self.function]}s: {values}"

    def body(self) -> bytes:
        return bytes([2 * len(self.values)]) + _words(self.values)


@dataclass(frozen=True, slots=True)
class TimedPulse(_WriteOne):
    """Host to card, and its echo: one output on, and off again by the card's own clock."""

    relay: int
    seconds: float

    @property
    def meaning(self) -> str:
        return f"{self.to}: relay {self.relay} on for {self.seconds:g} s, timed by the card"


@dataclass(frozen=True, slots=True)
class Off(_WriteOne):
    """Host to card, and its echo: one output off, or all of them (``relay`` is None)."""

    relay: int | None

    @property
    def meaning(self) -> str:
        return f"{self.to}: {'all relays' if self.relay is None else f'relay {self.relay}'} off"


@dataclass(frozen=True, slots=True)
class ManyOff(_Span):
    """Host to card: outputs off, many at once."""

    @property
    def meaning(self) -> str:
        return f"{self.to}: {self.span} off"

    def body(self) -> bytes:
        size = (self.count + 7) // 8
        return struct.pack(">HHB", self.address, self.count, size) + bytes(size)


@dataclass(frozen=True, slots=True)
class Written(_Span):
    """Card to host: it wrote so many coils or registers."""

    @property
    def meaning(self) -> str:
        return f"card {self.card}, answer to writing: {self.span} written"


@dataclass(frozen=True, slots=True)
class WriteRegister(_WriteOne):
    """Host to card, and its echo: one register of a card's settings."""

    @property
    def meaning(self) -> str:
        known = KNOWN_REGISTERS.get(self.address) if self.address else None
        return f"{self.to}: set register 0x{self.address:04x}{f', {known},' if known else ''} to {self.value}"


@dataclass(frozen=True, slots=True)
class WriteRegisters(_Makeable):
    """Host to card: several registers of its settings."""

    address: int
    values: tuple[int, ...]

    @property
    def meaning(self) -> str:
        values = ", ".join(str(value) for value in self.values)
        return f"{self.to}: set the registers from 0x{self.address:04x} on to {values}"

    def body(self) -> bytes:
        count = len(self.values)
        return struct.pack(">HHB", self.address, count, 2 * count) + _words(self.values)


@dataclass(frozen=True, slots=True)
class Refusal(_Makeable):
    """Card to host: an exception. ``function`` is what was asked, and not done."""

    code: int

    @property
    def meaning(self) -> str:
        why = EXCEPTIONS.get(self.code, "for a reason of its own")
        return f"card {self.card} refuses function {self.function:02x}: {why} (code {self.code})"

    def body(self) -> bytes:
        return bytes([self.code])

    def to_bytes(self) -> bytes:
        return self._around(self.function | EXCEPTION)


@dataclass(frozen=True, slots=True)
class OtherFrame(_Makeable):
    """A function that no card here has."""

    rest: bytes

    @property
    def meaning(self) -> str:
        return f"card {self.card}, function {self.function:02x}, which no card here has: {in_hex(self.rest)}"

    def body(self) -> bytes:
        return self.rest


@dataclass(frozen=True, slots=True)
class NeverSent(_Frame):
    """Host to card, or its echo: an output on that no clock turns off in time. Can be read, not made."""

    address: int
    value: int | bytes | tuple[int, ...]
    relay: int | None
    """None: more than one."""
    does: str

    @property
    def meaning(self) -> str:
        return f"{self.to}: {self.does}; never sent by this program"


Frame = (
    Read
    | Bits
    | Registers
    | TimedPulse
    | Off
    | ManyOff
    | Written
    | WriteRegister
    | WriteRegisters
    | Refusal
    | OtherFrame
    | NeverSent
)


def _words(values: Iterable[int]) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def numbers_on(bits: bytes) -> list[int]:
    """Which bits are set, the lowest of the first byte being 0."""
    return [n for n in range(8 * len(bits)) if bits[n // 8] >> n % 8 & 1]
