"""Pins of this computer as the outputs and inputs of a board: through gpiozero, or gpiod off a Raspberry Pi.

Only the guard's process opens them. The cabinet file names the way: ``gpiozero:lgpio`` (or ``rpigpio``,
``native``, ``pigpio``), or ``gpiod:/dev/gpiochip0``; nothing is guessed, because gpiozero's own guess fails
late and in unclear words on a computer that is no Raspberry Pi.
"""

import importlib
import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gpiozero import (  # type: ignore[import-untyped]
    DigitalInputDevice,
    DigitalOutputDevice,
    GPIOZeroError,
)
from gpiozero.pins import Factory  # type: ignore[import-untyped]

from config.cabinet import Board, Bus
from firmware_bridge.errors import PortGone, PortUnavailable

PULL = {"up": True, "down": False, "none": None}


@dataclass(frozen=True, slots=True)
class ZeroOutputs:
    """One board's pins through gpiozero."""

    port: str
    locks: tuple[DigitalOutputDevice, ...]
    switches: tuple[DigitalInputDevice, ...]
    pulled_up: bool
    """gpiozero turns the value of a pulled-up pin round."""

    async def on(self, channel: int, permit: Callable[[], bool]) -> bool:
        """Switch it on; False when the permit said no."""
        if not permit():
            return False
        try:
            self.locks[channel - 1].on()
            return True
        except (GPIOZeroError, OSError) as error:
            raise PortGone(self.port, str(error)) from error

    async def off(self, channel: int) -> bool:
        """Turn it off and read it back."""
        try:
            self.locks[channel - 1].off()
            return not self.locks[channel - 1].value
        except (GPIOZeroError, OSError) as error:
            raise PortGone(self.port, str(error)) from error

    async def levels(self) -> Mapping[int, bool]:
        try:
            return {ch: bool(pin.value) != self.pulled_up for ch, pin in enumerate(self.switches, start=1)}
        except (GPIOZeroError, OSError) as error:
            raise PortGone(self.port, str(error)) from error


@dataclass(frozen=True, slots=True)
class ChipOutputs:
    """One board's lines of a GPIO character device, requested through gpiod."""

    port: str
    lines: Any
    locks: tuple[int, ...]
    switches: tuple[int, ...]
    on_value: Any
    off_value: Any

    async def on(self, channel: int, permit: Callable[[], bool]) -> bool:
        """Switch it on; False when the permit said no."""
        if not permit():
            return False
        self._set(channel, self.on_value)
        return True

    async def off(self, channel: int) -> bool:
        """Turn it off and read it back."""
        self._set(channel, self.off_value)
        return bool(self._get([self.locks[channel - 1]])[0] == self.off_value)

    async def levels(self) -> Mapping[int, bool]:
        values = self._get(list(self.switches))
        return {channel: value == self.on_value for channel, value in enumerate(values, start=1)}

    def _set(self, channel: int, value: Any) -> None:
        try:
            self.lines.set_value(self.locks[channel - 1], value)
        except OSError as error:
            raise PortGone(self.port, str(error)) from error

    def _get(self, offsets: list[int]) -> list[Any]:
        try:
            return list(self.lines.get_values(offsets))
        except OSError as error:
            raise PortGone(self.port, str(error)) from error


def open_pins(bus: Bus, boards: Sequence[Board]) -> dict[str, ZeroOutputs | ChipOutputs]:
    """Take hold of the pins of these boards and turn all outputs off. ``PortUnavailable``."""
    way, _, name = bus.port.partition(":")
    try:
        if way == "gpiod":
            return {board.name: _chip_outputs(bus.port, name, board) for board in boards}
        factory = _factory(bus.port, name)
        return {board.name: zero_outputs(bus.port, factory, board) for board in boards}
    except (GPIOZeroError, OSError, ImportError) as error:
        raise PortUnavailable(bus.port, f"{type(error).__name__}: {error}") from error


def zero_outputs(port: str, factory: Factory, board: Board) -> ZeroOutputs:
    """The pins of one board, outputs off; from a factory of gpiozero's."""
    locks = tuple(
        DigitalOutputDevice(pin, active_high=board.active_high, initial_value=False, pin_factory=factory)
        for pin in board.lock_pins
    )
    # A pin without a pull of its own has to be told which level is its active one.
    active = True if board.pull == "none" else None
    switches = tuple(
        DigitalInputDevice(pin, pull_up=PULL[board.pull], active_state=active, pin_factory=factory)
        for pin in board.switch_pins
    )
    return ZeroOutputs(port, locks, switches, board.pull == "up")


def _factory(port: str, name: str) -> Factory:
    known = {entry.name: entry for entry in importlib.metadata.entry_points(group="gpiozero_pin_factories")}
    if name not in known:
        raise PortUnavailable(port, f"gpiozero knows {', '.join(sorted(known))}")
    made: Factory = known[name].load()()
    return made


def _chip_outputs(port: str, chip: str, board: Board) -> ChipOutputs:
    gpiod = importlib.import_module("gpiod")
    line = importlib.import_module("gpiod.line")
    bias = {"up": line.Bias.PULL_UP, "down": line.Bias.PULL_DOWN, "none": line.Bias.DISABLED}[board.pull]
    output = gpiod.LineSettings(
        direction=line.Direction.OUTPUT, active_low=not board.active_high, output_value=line.Value.INACTIVE
    )
    an_input = gpiod.LineSettings(direction=line.Direction.INPUT, bias=bias)
    config = dict.fromkeys(board.lock_pins, output) | dict.fromkeys(board.switch_pins, an_input)
    lines = gpiod.request_lines(chip, consumer=f"tuangui {board.name}", config=config)
    return ChipOutputs(
        port, lines, board.lock_pins, board.switch_pins, line.Value.ACTIVE, line.Value.INACTIVE
    )
