"""What frames of measuring devices mean to somebody who has no register map yet: every number they could be.

Whether 0000 41A0 is 20.0 or 16800 no frame tells; seen side by side with what lies on the scale, it shows.
"""

from dataclasses import dataclass

from firmware_bridge.frames import Sender
from firmware_bridge.modbus.frames import (
    Frame,
    NeverSent,
    Off,
    Read,
    Registers,
    TimedPulse,
    WriteRegister,
    WriteRegisters,
)
from firmware_bridge.modbus.reading import read_frame as read_modbus
from firmware_bridge.registers import number


@dataclass(frozen=True, slots=True)
class Ask(Read):
    """Host to device: read registers, of which nobody knows what they hold."""

    @property
    def meaning(self) -> str:
        return f"{self.to}: read {self.span}"


@dataclass(frozen=True, slots=True)
class Tell(WriteRegister):
    """Host to device, and its echo: one register, likewise."""

    @property
    def meaning(self) -> str:
        return f"{self.to}: set register 0x{self.address:04x} to {self.value}"


@dataclass(frozen=True, slots=True)
class Number(Registers):
    """Device to host: one number, in one register or in two."""

    @property
    def meaning(self) -> str:
        found = _words_apart(self.values) if len(self.values) == 2 else _all_types(self.values, "")
        words = " ".join(f"{value:04x}" for value in self.values)
        return f"device {self.card}: {words}, which is {found}"


def read_frame(frame: bytes, sender: Sender | None = None) -> Frame:
    """What a frame means between host and measuring device; ``ValueError``: nothing."""
    told = read_modbus(frame, sender)
    if isinstance(told, Registers) and len(told.values) in (1, 2):
        return Number(told.card, told.function, told.values)
    if isinstance(told, Read) and told.function in (0x03, 0x04):
        return Ask(told.card, told.function, told.address, told.count)
    if isinstance(told, NeverSent | Off | TimedPulse | WriteRegister):
        return _written(told)
    return told


def _written(told: NeverSent | Off | TimedPulse | WriteRegister) -> Frame:
    """A register of such a device is no relay."""
    if told.function == 0x06 and isinstance(told.value, int):
        return Tell(told.card, told.function, told.address, told.value)
    if told.function == 0x10 and isinstance(told.value, tuple):
        return WriteRegisters(told.card, told.function, told.address, told.value)
    return told


def _words_apart(values: tuple[int, ...]) -> str:
    return "; ".join(f"{_all_types(values, order)} with its {order} word first" for order in ("high", "low"))


def _all_types(values: tuple[int, ...], order: str) -> str:
    types = ("int32", "uint32", "float32") if len(values) == 2 else ("int16", "uint16")
    found = {type_: number(type_, values, "low" if order == "low" else "high") for type_ in types}
    if found[types[0]] == found[types[1]]:  # its sign bit is not set
        del found[types[1]]
    return ", ".join(
        f"{value if isinstance(value, int) else format(value, '.7g')} ({type_})"
        for type_, value in found.items()
    )
