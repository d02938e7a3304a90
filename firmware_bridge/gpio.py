"""Pins of this computer, as a board of locks or with contacts and lamps: through gpiozero, or gpiod off a Pi.

Pins of locks are opened by the guard's process alone, the others by the controller's. The cabinet file names
the way: ``gpiozero:lgpio`` (or ``rpigpio``, ``native``, ``pigpio``), or ``gpiod:/dev/gpiochip0``; nothing is
guessed, because gpiozero's own guess fails late and in unclear words on a computer that is no Raspberry Pi.
"""

import contextlib
import importlib
import importlib.metadata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gpiozero import (  # type: ignore[import-untyped]
    DigitalInputDevice,
    DigitalOutputDevice,
    GPIOZeroError,
)
from gpiozero.pins import Factory  # type: ignore[import-untyped]

from config.cabinet import Board, Bus, Indicator, Input
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
    switches = tuple(_zero_input(pin, board.pull, factory) for pin in board.switch_pins)
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
    config = dict.fromkeys(board.lock_pins, _chip_output(board.active_high))
    config |= dict.fromkeys(board.switch_pins, _chip_input(board.pull))
    lines = gpiod.request_lines(chip, consumer=f"tuangui {board.name}", config=config)
    return ChipOutputs(
        port, lines, board.lock_pins, board.switch_pins, line.Value.ACTIVE, line.Value.INACTIVE
    )


@dataclass(frozen=True, slots=True)
class ZeroSignals:
    """Contacts and lamps on pins, through gpiozero; by their names."""

    port: str
    factory: Factory
    contacts: Mapping[str, DigitalInputDevice]
    lamps: Mapping[str, DigitalOutputDevice]

    def levels(self) -> Mapping[str, bool]:
        """Of the contacts. ``PortGone``."""
        try:
            return {name: bool(pin.value) != bool(pin.pull_up) for name, pin in self.contacts.items()}
        except (GPIOZeroError, OSError) as error:
            raise PortGone(self.port, str(error)) from error

    def light(self, name: str, on: bool) -> None:
        """``PortGone``."""
        try:
            self.lamps[name].value = on
        except (GPIOZeroError, OSError) as error:
            raise PortGone(self.port, str(error)) from error

    def close(self) -> None:
        """Everything off, and let go."""
        with contextlib.suppress(GPIOZeroError, OSError):
            for lamp in self.lamps.values():
                lamp.off()
        _let_go(self.factory, (*self.lamps.values(), *self.contacts.values()))


@dataclass(frozen=True, slots=True)
class ChipSignals:
    """The same on lines of a GPIO character device, through gpiod."""

    port: str
    lines: Any
    contacts: Mapping[str, int]
    lamps: Mapping[str, int]
    on_value: Any
    off_value: Any

    def levels(self) -> Mapping[str, bool]:
        """Of the contacts. ``PortGone``."""
        try:
            values = self.lines.get_values(list(self.contacts.values()))
        except OSError as error:
            raise PortGone(self.port, str(error)) from error
        return {name: value == self.on_value for name, value in zip(self.contacts, values, strict=True)}

    def light(self, name: str, on: bool) -> None:
        """``PortGone``."""
        try:
            self.lines.set_value(self.lamps[name], self.on_value if on else self.off_value)
        except OSError as error:
            raise PortGone(self.port, str(error)) from error

    def close(self) -> None:
        """Everything off, and let go."""
        with contextlib.suppress(OSError):
            for line in self.lamps.values():
                self.lines.set_value(line, self.off_value)
            self.lines.release()


def open_signals(
    bus: Bus, inputs: Sequence[Input], indicators: Sequence[Indicator]
) -> ZeroSignals | ChipSignals:
    """Take hold of the pins of these contacts and lamps, all lamps off. ``PortUnavailable``."""
    way, _, name = bus.port.partition(":")
    try:
        if way == "gpiod":
            return _chip_signals(bus.port, name, inputs, indicators)
        return _zero_signals(bus.port, _factory(bus.port, name), inputs, indicators)
    except (GPIOZeroError, OSError, ImportError) as error:
        raise PortUnavailable(bus.port, f"{type(error).__name__}: {error}") from error


def _zero_signals(
    port: str, factory: Factory, inputs: Sequence[Input], indicators: Sequence[Indicator]
) -> ZeroSignals:
    lamps: dict[str, DigitalOutputDevice] = {}
    contacts: dict[str, DigitalInputDevice] = {}
    try:
        for lamp in indicators:
            lamps[lamp.name] = DigitalOutputDevice(
                lamp.pin, active_high=lamp.active_high, initial_value=False, pin_factory=factory
            )
        for each in inputs:
            contacts[each.name] = _zero_input(each.pin, each.pull, factory)
    except (GPIOZeroError, OSError):
        _let_go(factory, (*lamps.values(), *contacts.values()))  # they are tried again
        raise
    return ZeroSignals(port, factory, contacts, lamps)


def _let_go(factory: Factory, devices: Iterable[Any]) -> None:
    with contextlib.suppress(GPIOZeroError, OSError):
        for device in devices:
            device.close()
        factory.close()


def _zero_input(pin: int | None, pull: str, factory: Factory) -> DigitalInputDevice:
    # A pin without a pull of its own has to be told which level is its active one.
    active = True if pull == "none" else None
    return DigitalInputDevice(pin, pull_up=PULL[pull], active_state=active, pin_factory=factory)


def _chip_signals(
    port: str, chip: str, inputs: Sequence[Input], indicators: Sequence[Indicator]
) -> ChipSignals:
    line = importlib.import_module("gpiod.line")
    contacts = {each.name: _pin(each) for each in inputs}
    lamps = {each.name: _pin(each) for each in indicators}
    config = {_pin(each): _chip_output(each.active_high) for each in indicators}
    config |= {_pin(each): _chip_input(each.pull) for each in inputs}
    lines = importlib.import_module("gpiod").request_lines(chip, consumer="tuangui", config=config)
    return ChipSignals(port, lines, contacts, lamps, line.Value.ACTIVE, line.Value.INACTIVE)


def _pin(each: Input | Indicator) -> int:
    assert each.pin is not None  # the cabinet file's cross checks say so
    return each.pin


def _chip_output(active_high: bool) -> Any:
    """Off when it is taken hold of."""
    line = importlib.import_module("gpiod.line")
    return importlib.import_module("gpiod").LineSettings(
        direction=line.Direction.OUTPUT, active_low=not active_high, output_value=line.Value.INACTIVE
    )


def _chip_input(pull: str) -> Any:
    line = importlib.import_module("gpiod.line")
    bias = {"up": line.Bias.PULL_UP, "down": line.Bias.PULL_DOWN, "none": line.Bias.DISABLED}[pull]
    return importlib.import_module("gpiod").LineSettings(direction=line.Direction.INPUT, bias=bias)
