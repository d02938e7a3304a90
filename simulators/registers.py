"""A measuring device on Modbus, byte for byte as its register map says; each kind says what it measures."""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from config.cabinet.registers import Command, Quantity, RegisterMap
from simulators.faults import Cause, Faults
from simulators.lock_modbus import (
    EXCEPTION,
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    damaged,
    requests,
    with_crc,
)

INTEGERS = {"int16": (2, True), "uint16": (2, False), "int32": (4, True), "uint32": (4, False)}
"""Bytes, and whether there is a sign."""
DECIMALS = 1
"""A device that tells its decimals has so many."""


class Refused(Exception):
    """Answered by an exception with this code."""

    def __init__(self, code: int) -> None:
        self.code = code


@dataclass(slots=True)
class RegisterDevice:
    """One device on a bus; each kind says what its registers hold, and what it does when it is told."""

    name: str
    address: int
    map: RegisterMap
    faults: Faults = field(default_factory=Faults)

    def measures_now(self) -> dict[str, float]:
        """By key of the map, in its unit."""
        raise NotImplementedError

    def flags_now(self) -> dict[str, bool]:
        """By key of the map."""
        return {}

    def obey(self, key: str) -> None:
        """Do what a command of the map says."""

    def split(self, received: bytes) -> tuple[list[bytes], bytes]:
        return requests(received)

    def hear(self, frame: bytes, address: int) -> bytes | None:
        """Answer a request; broadcasts and frames for others get silence."""
        if frame[0] != address:
            return None
        function, body = frame[1], frame[2:-2]
        try:
            answer = bytes([function]) + self._act(function, body)
        except Refused as refusal:
            answer = bytes([function | EXCEPTION, refusal.code])
        return with_crc(frame[:1] + answer)

    def damage_check(self, answer: bytes, address: int | None) -> bytes:
        return damaged(answer, address)

    def power_off(self) -> None:
        """It holds nothing."""

    def _act(self, function: int, body: bytes) -> bytes:
        first, second = struct.unpack(">HH", body[:4])
        match function:
            case 0x03 | 0x04:
                return self._read(function, first, second)
            case 0x06:
                self._write(function, first, [second])
                return body
            case 0x10:
                self._write(function, first, [word for (word,) in struct.iter_unpack(">H", body[5:])])
                return body[:4]
        raise Refused(ILLEGAL_FUNCTION)

    def _read(self, function: int, first: int, count: int) -> bytes:
        held = self._registers()
        wanted = [(function, register) for register in range(first, first + count)]
        if not 1 <= count <= 125 or any(place not in held for place in wanted):
            raise Refused(ILLEGAL_ADDRESS)
        words = b"".join(held[place].to_bytes(2, "big") for place in wanted)
        return bytes([len(words)]) + words

    def _write(self, function: int, first: int, words: list[int]) -> None:
        if first == self.map.address_register and (function, len(words)) == (6, 1):
            self._move_to(words[0])
            return
        mine = {key: each for key, each in self.map.commands.items() if each.address == first}
        if not mine:
            raise Refused(ILLEGAL_ADDRESS)
        for key, command in mine.items():
            if (command.function, _of_command(command)) == (function, words):
                self.obey(key)
                return
        raise Refused(ILLEGAL_VALUE)

    def _move_to(self, address: int) -> None:
        if not 1 <= address <= 247:
            raise Refused(ILLEGAL_VALUE)
        self.address = address

    def _registers(self) -> dict[tuple[int, int], int]:
        held: dict[tuple[int, int], int] = {}
        if self.map.address_register is not None:
            held[3, self.map.address_register] = self.address
        measured = self.measures_now()
        for key, quantity in self.map.quantities.items():
            held |= self._number(quantity, measured[key])
        flags = self.flags_now()
        for key, flag in self.map.flags.items():
            bit = (flags[key] == bool(flag.value)) << flag.bit
            held[flag.place] = held.get(flag.place, 0) | bit
        return held

    def _number(self, quantity: Quantity, measured: float) -> Mapping[tuple[int, int], int]:
        decimals = 0 if quantity.decimals_address is None else DECIMALS
        words = words_of(quantity, measured, decimals)
        if len(words) == 2 and self.faults.at(Cause.WORDS_SWAPPED, self.name):
            words.reverse()
        found: dict[tuple[int, int], int] = {}
        found |= {(quantity.function, quantity.address + n): word for n, word in enumerate(words)}
        if quantity.decimals_address is not None:
            found[quantity.function, quantity.decimals_address] = decimals
        return found


def words_of(quantity: Quantity, measured: float, decimals: int = 0) -> list[int]:
    """Its registers while it measures this; what the type cannot hold stays at its end."""
    steps = measured / quantity.scale * 10**decimals
    if quantity.type == "float32":
        packed = struct.pack(">f", steps)
    else:
        size, signed = INTEGERS[quantity.type]
        lowest = -(1 << 8 * size - 1) if signed else 0
        highest = (1 << 8 * size - signed) - 1
        whole = highest if math.isnan(steps) else round(min(max(steps, lowest), highest))
        packed = whole.to_bytes(size, "big", signed=signed)
    words = [word for (word,) in struct.iter_unpack(">H", packed)]
    return words[::-1] if quantity.word_order == "low" else words


def _of_command(command: Command) -> list[int]:
    if command.type == "uint16":
        return [command.value]
    high, low = divmod(command.value, 0x10000)
    return [low, high] if command.word_order == "low" else [high, low]
