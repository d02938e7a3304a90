"""Measuring devices that a register map describes: what is read, which number it makes, whether that can be.

Knows nothing of any make: ``config/cabinet/registers.py`` has what a map says.
"""

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from config.cabinet.registers import Command, Flag, Quantity, RegisterMap, WordOrder
from firmware_bridge.errors import ImpossibleReading, SwappedWords, WrongUse
from firmware_bridge.modbus import ModbusBus

Place = tuple[int, int]
"""Function and register."""
Span = tuple[int, int, int]
"""Function, first register and how many."""

FORMATS = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f"}
SIGNS = {"celsius": "°C", "percent": "%"}
SMALLEST = 1e-15
"""A float closer to 0, and not 0, is no measurement but half of another number: 20.0 is 41A0 0000, and with
its words swapped 2.3e-41, which would pass for an empty scale."""
MOST_DECIMALS = 9
OTHER_ORDER: Mapping[WordOrder | None, WordOrder] = {"high": "low", "low": "high"}


def number(type_: str, words: Sequence[int], order: WordOrder | None) -> int | float:
    """The number in these registers, which stand as on the wire."""
    ordered = reversed(words) if order == "low" else words
    packed = b"".join(word.to_bytes(2, "big") for word in ordered)
    found: int | float = struct.unpack(FORMATS[type_], packed)[0]
    return found


def words_of(command: Command) -> list[int]:
    """What is written, register by register."""
    words = [command.value >> 16 * n & 0xFFFF for n in range(command.words)]
    return words if command.word_order == "low" else words[::-1]


def is_set(flag: Flag, registers: Mapping[Place, int]) -> bool:
    """Whether it says yes."""
    return registers[flag.place] >> flag.bit & 1 == flag.value


def value(
    quantity: Quantity, words: Sequence[int], decimals: int = 0, order: WordOrder | None = None
) -> Decimal:
    """In the quantity's unit. ``ValueError``, which says only the value and its unit: that cannot be."""
    raw = number(quantity.type, words, order or quantity.word_order)
    if not math.isfinite(raw) or 0 < abs(raw) < SMALLEST:
        raise ValueError(in_words(quantity, raw))
    found = Decimal(raw) * _exact(quantity.scale) * Decimal(10) ** -decimals
    if not _exact(quantity.least) <= found <= _exact(quantity.most):
        raise ValueError(in_words(quantity, found))
    return found


def in_words(quantity: Quantity, found: Decimal | float) -> str:
    """As sentences say it: "20.5 g"."""
    return f"{float(found):.8g} {SIGNS.get(quantity.unit, quantity.unit)}"


def spans(places: Iterable[Place]) -> list[Span]:
    """What has to be requested: registers that touch are asked for together.

    A gap is not read over: many devices refuse a request with a register that they do not have.
    """
    found: list[Span] = []
    for function, register in sorted(set(places)):
        if found and found[-1][0] == function and sum(found[-1][1:]) == register:
            found[-1] = (function, found[-1][1], found[-1][2] + 1)
        else:
            found.append((function, register, 1))
    return found


def covered(span: Span) -> set[Place]:
    """The registers of one request."""
    function, first, count = span
    return {(function, first + n) for n in range(count)}


@dataclass(frozen=True, slots=True)
class Held:
    """What some registers of one device held."""

    values: Mapping[Place, int]
    asked_at: float
    """When the first of them was asked for."""
    received: bytes


@dataclass(slots=True)
class RegisterDevice:
    """One device on a bus, and the map of its make."""

    name: str
    bus: ModbusBus
    address: int
    map: RegisterMap

    def __post_init__(self) -> None:
        if not 1 <= self.address <= 247:
            raise WrongUse(self.name, f"Modbus devices answer to 1 to 247, not {self.address}")

    def places(self, quantity: Quantity) -> set[Place]:
        """All that has to be read to know it."""
        if quantity.decimals_address is None:
            return quantity.places
        return quantity.places | {(quantity.function, quantity.decimals_address)}

    async def read(self, places: Iterable[Place]) -> Held:
        """Raises as ``ModbusBus.registers``. At least one place."""
        values: dict[Place, int] = {}
        asked_at, received = math.inf, b""
        for function, first, count in spans(places):
            done = await self.bus.registers(self.address, first, count, function=function, board=self.name)
            assert isinstance(done.answer, list)
            assert done.sent_at is not None
            values |= {(function, first + n): word for n, word in enumerate(done.answer)}
            asked_at, received = min(asked_at, done.sent_at), received + done.received
        return Held(values, asked_at, received)

    def measured(self, key: str, quantity: Quantity, read: Held) -> Decimal:
        """In the quantity's unit; ``ImpossibleReading``, or ``SwappedWords``, names it by ``key``."""
        words = [read.values[quantity.function, quantity.address + n] for n in range(quantity.words)]
        decimals = self._decimals(quantity, read)
        try:
            return value(quantity, words, decimals)
        except ValueError as error:
            raise self._judged(f"{key} {error}", quantity, words, decimals, read) from error

    def impossible(self, reading: str, read: Held) -> ImpossibleReading:
        return ImpossibleReading(self.bus.line.address, self.name, read.received, reading)

    def _decimals(self, quantity: Quantity, read: Held) -> int:
        if quantity.decimals_address is None:
            return 0
        decimals = read.values[quantity.function, quantity.decimals_address]
        if decimals > MOST_DECIMALS:
            raise self.impossible(f"{decimals} decimals", read)
        return decimals

    def _judged(
        self, reading: str, quantity: Quantity, words: Sequence[int], decimals: int, read: Held
    ) -> ImpossibleReading:
        order = OTHER_ORDER.get(quantity.word_order)
        if order is None:
            return self.impossible(reading, read)
        try:
            swapped = in_words(quantity, value(quantity, words, decimals, order))
        except ValueError:
            return self.impossible(reading, read)
        where = self.bus.line.address
        return SwappedWords(where, self.name, read.received, reading, swapped=swapped, word_order=order)


def _exact(given: float) -> Decimal:
    """The number as it was written, not as a binary fraction has it."""
    return Decimal(repr(given))
