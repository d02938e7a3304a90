"""Giving one Modbus device another address, where its maker says how.

Reads before it writes, and gives up where more than one device could be meant. A broadcast is never sent. Two
devices with one address that give the same answers cannot be told apart on a wire: then both move.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from config.cabinet.registers import RegisterMap
from firmware_bridge.errors import AddressKept, BadFrame, BoardRefused, BoardSilent, WrongUse
from firmware_bridge.frames import in_hex
from firmware_bridge.modbus import (
    FROM_GATEWAYS,
    HOLDING,
    INPUTS,
    ModbusBus,
    read_frame,
    read_inputs,
    read_registers,
    read_tcp_frame,
)
from firmware_bridge.modbus.frames import Refusal
from firmware_bridge.registers import Span, spans

TIMES_ASKED = 3
"""Two devices that answer at once collide in some answers and not in others."""
LOOKS = 8
"""A device may start anew under its new address; so often, some two seconds long, it is looked for."""
GATEWAY_WAITS_SECONDS = 1.2
"""So long a gateway listens for a device that does not answer, and passes nothing else on."""

_names = count(1)


@dataclass(frozen=True, slots=True)
class Movable:
    """One sort of device whose address can be written."""

    title: str
    register: int
    differs: Span
    """What one such device hardly says as another does; function 2 counts inputs."""


# "Register 4000: the device address, 1 to 255", function 06; the doors of two cards seldom stand alike.
WAVESHARE = Movable("Waveshare card", 0x4000, (INPUTS, 0, 8))
# "Holding register 0101: the device address."
XYMD02 = Movable("XY-MD02", 0x0101, (4, 1, 2))


def by_map(device: RegisterMap) -> Movable:
    """A device of this make. ``WrongUse``: its map has no ``address_register``."""
    if device.address_register is None:
        raise WrongUse(f"register map {device.name}", "has no address_register: nobody said where it is")
    measured = {place for quantity in device.quantities.values() for place in quantity.places}
    return Movable(f"device of map {device.name}", device.address_register, spans(measured)[0])


class Moved(StrEnum):
    """What became of it."""

    NOW = "now"
    """It answers at its new address, and nothing at the old one."""
    AFTER_POWER = "after_power"
    """It has taken the new address and answers at the old one until its power was off."""


class Move:
    """From one address to another, on a bus that nobody else uses. ``WrongUse``: no such addresses."""

    def __init__(self, bus: ModbusBus, device: Movable, old: int, new: int) -> None:
        for address in (old, new):
            if not 1 <= address <= 247:
                raise WrongUse(device.title, f"one device answers to 1 to 247, not to {address}")
        if old == new:
            raise WrongUse(device.title, f"has address {old} already")
        self._bus, self._device, self._old, self._new = bus, device, old, new

    async def make(self) -> Moved:
        """``AddressKept`` says why nothing was written, or what came of it; ``PortError``."""
        for _ in range(TIMES_ASKED):
            await self._is_alone()
        for _ in range(TIMES_ASKED):
            await self._is_free()
        await self._write()
        return await self._look()

    async def _is_alone(self) -> None:
        told, old = await self._ask(self._old), f"what answers at address {self._old}"
        if told is None:
            raise self._kept("nothing answers there")
        if isinstance(told, BoardRefused):
            where = f"register 0x{self._device.register:04x}"
            raise self._kept(f"{old} has no {where} (code {told.code}): it is no {self._device.title}")
        if isinstance(told, int) and told != self._old:
            raise self._kept(
                f"{old} says that it has {told}: it waits for its power to be off, or is another device"
            )
        garbled = told if isinstance(told, bytes) else await self._garbled()
        if garbled:
            raise self._kept(f"its answers are broken ({in_hex(garbled[:16])}): two devices seem to share it")

    async def _is_free(self) -> None:
        if await self._ask(self._new) is not None:
            raise self._kept(f"address {self._new} answers already")

    async def _write(self) -> None:
        try:
            await self._bus.write(
                self._old, self._device.register, [self._new], function=6, board=_name(), urgent=True
            )
        except BoardRefused as refusal:
            raise self._kept(f"it refuses the new address, with code {refusal.code}") from refusal
        except (BoardSilent, BadFrame):
            pass  # some answer from the new address at once, some not at all: reading it back tells

    async def _look(self) -> Moved:
        for _ in range(LOOKS):
            if await self._ask(self._new) == self._new:
                if await self._ask(self._old) is not None:
                    raise self._kept(f"a device moved to {self._new}, and another one answers there still")
                return Moved.NOW
            if await self._ask(self._old) == self._new:
                return Moved.AFTER_POWER
        raise self._kept(await self._failed())

    async def _failed(self) -> str:
        if await self._ask(self._old) == self._old:
            return "it was written to, and kept the address that it had"
        return f"it answers neither there nor at {self._new} any more: switch its power off and on"

    async def _ask(self, address: int) -> int | bytes | BoardRefused | None:
        """Its address register; broken bytes; a refusal; or nothing at all."""
        register = self._device.register
        try:
            done = await self._bus.registers(
                address, register, 1, function=HOLDING, board=_name(), urgent=True
            )
        except BoardSilent:
            if self._bus.line.wire.is_remote:
                await asyncio.sleep(GATEWAY_WAITS_SECONDS)
            return None
        except BoardRefused as refusal:
            return refusal
        except BadFrame as error:
            return _heard(error, read_registers(address, register, 1, HOLDING)) or None
        assert isinstance(done.answer, list)
        return done.answer[0]

    async def _garbled(self) -> bytes:
        """What came where one device would have told what it measures; nothing when that was whole."""
        function, first, how_many = self._device.differs
        try:
            if function == INPUTS:
                await self._bus.inputs(self._old, how_many, board=_name())
            else:
                await self._bus.registers(self._old, first, how_many, function=function, board=_name())
        except BadFrame as error:
            inputs = read_inputs(self._old, how_many)
            registers = read_registers(self._old, first, how_many, function)
            return _heard(error, inputs if function == INPUTS else registers)
        except (BoardSilent, BoardRefused):
            pass  # a card without inputs
        return b""

    def _kept(self, reason: str) -> AddressKept:
        return AddressKept(self._bus.line.address, self._old, reason)


def _name() -> str:
    # One for each question: a line leaves boards alone that failed under the same name.
    return f"question-{next(_names)}"


def _heard(error: BadFrame, request: bytes) -> bytes:
    """What some device said: neither our own bytes, nor a gateway's word that it heard nothing."""
    heard = error.frame.replace(request, b"")
    for read in (read_frame, read_tcp_frame):
        with suppress(ValueError):
            told = read(heard)
            if isinstance(told, Refusal) and told.code in FROM_GATEWAYS:
                return b""
    return heard
