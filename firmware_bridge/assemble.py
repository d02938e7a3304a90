"""From a cabinet file to opened hardware: one wire per bus and reader, one driver per board."""

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from config.cabinet import Bus, Cabinet, Input, Reader
from config.cabinet import Indicator as Wired
from config.cabinet import Thermometer as Probe
from config.cabinet.families import plug_in
from firmware_bridge import (
    lock_8a80,
    lock_dingchang,
    lock_gpio,
    lock_kerong_cu16,
    lock_kerong_cu24,
    lock_kerong_cu48,
    lock_modbus,
    lock_winnsen,
    lock_wkly,
    scan_gm65,
    scan_rdm6300,
    scan_ssi,
    scan_text,
    scan_trigger,
    scan_wedge,
)
from firmware_bridge.climate_registers import ClimateRegisters
from firmware_bridge.climate_xymd02 import ClimateXymd02
from firmware_bridge.device import LockDevice
from firmware_bridge.errors import BoardError, BridgeError, PortError, WrongUse
from firmware_bridge.guard import Guard
from firmware_bridge.indicator_modbus import IndicatorModbus, LampBus
from firmware_bridge.input_modbus import InputModbus
from firmware_bridge.line import Line, Plug, Trace, Wire
from firmware_bridge.modbus import ModbusBus
from firmware_bridge.ports import Indicator, LockBoard, Port, Scale, SignalInputs, Thermometer
from firmware_bridge.scale_registers import ScaleRegisters
from firmware_bridge.serial_reader import SerialReader
from firmware_bridge.signal_gpio import IndicatorGpio, InputGpio, SignalPins

DEVICES = {
    device.family.kind: device
    for device in (
        lock_8a80.DEVICE,
        lock_wkly.DEVICE,
        lock_kerong_cu16.DEVICE,
        lock_kerong_cu24.DEVICE,
        lock_kerong_cu48.DEVICE,
        lock_winnsen.DEVICE,
        lock_dingchang.DEVICE,
        lock_modbus.DEVICE,
        lock_gpio.DEVICE,
    )
}
"""Our own families, by the kind that a cabinet file names."""
SCANNERS = {
    device.family.kind: device
    for device in (
        scan_text.DEVICE,
        scan_gm65.DEVICE,
        scan_trigger.DEVICE,
        scan_ssi.DEVICE,
        scan_rdm6300.DEVICE,
        scan_wedge.DEVICE,
    )
}
"""Every family of readers, likewise."""
DARK_SECONDS = 3.0
"""Lamps whose card does not answer hold up no end for longer."""


def device(kind: str) -> LockDevice:
    """The family of this kind, ours or an installed package's; ``WrongUse`` says why there is none."""
    if kind in DEVICES:
        return DEVICES[kind]
    try:
        found = plug_in(kind)
    except ValueError as error:
        raise WrongUse(kind, str(error)) from error
    if not isinstance(found, LockDevice):
        raise WrongUse(kind, f"its package brings no LockDevice, but {found!r}")
    return found


@dataclass(frozen=True, slots=True)
class Flagged:
    """Something that did not answer at start: ``part`` as the cabinet file names it, and why."""

    part: str
    error: BridgeError

    def __str__(self) -> str:
        return f"{self.part}: {self.error}"


@dataclass(slots=True)
class Hardware:
    """Everything that one cabinet file names, by name."""

    boards: dict[str, LockBoard] = field(default_factory=dict)
    thermometers: dict[str, Thermometer] = field(default_factory=dict)
    scales: dict[str, Scale] = field(default_factory=dict)
    inputs: dict[str, SignalInputs] = field(default_factory=dict)
    """By their card."""
    indicators: dict[str, Indicator] = field(default_factory=dict)
    readers: dict[str, SerialReader] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    wires: dict[str, Port] = field(default_factory=dict)
    flagged: list[Flagged] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Open every port, then turn all outputs off, then read every board once.

        What fails is ``flagged`` and nothing stops: ports are tried again by themselves, and a board that
        answers later works from then on.
        """
        await asyncio.gather(*(self._open(name) for name in self.wires))
        await asyncio.gather(*(self._release(board) for board in self.boards.values()))
        await asyncio.gather(*(self._look(board) for board in self.boards.values()))
        await asyncio.gather(*(self._try(f"input card {n}", c.read()) for n, c in self.inputs.items()))
        await self._all_dark()
        for reader in self.readers.values():
            reader.start()

    async def close(self) -> None:
        """Turn lamps and buzzers off, and let go of all ports."""
        for reader in self.readers.values():
            reader.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_dark(), DARK_SECONDS)
        await asyncio.gather(*(wire.close() for wire in self.wires.values()))

    async def _open(self, name: str) -> None:
        try:
            await self.wires[name].open()
        except PortError as error:
            part = "reader" if name in self.readers else "bus"
            self.flagged.append(Flagged(f"{part} {name}", error))

    async def _all_dark(self) -> None:
        cards: dict[str, list[Indicator]] = {}
        for each in self.indicators.values():
            cards.setdefault(each.card, []).append(each)
        await asyncio.gather(*(self._dark(card, outputs) for card, outputs in cards.items()))

    async def _dark(self, card: str, outputs: Sequence[Indicator]) -> None:
        """One after the other: a card that was silent just now fails the rest of them at once."""
        for each in outputs:
            await self._try(f"card {card}", each.show(False))

    async def _release(self, board: LockBoard) -> None:
        await self._try(f"board {board.name}", board.release())

    async def _look(self, board: LockBoard) -> None:
        await self._try(f"board {board.name}", board.doors())

    async def _try(self, part: str, work: Awaitable[object]) -> None:
        try:
            await work
        except BoardError as error:
            if not any(flag.part == part for flag in self.flagged):
                self.flagged.append(Flagged(part, error))
        except PortError:
            pass  # its bus is flagged already


def assemble(
    cabinet: Cabinet,
    ports: Mapping[str, str] | None = None,
    trace: Trace | None = None,
    plug: Plug | None = None,
) -> Hardware:
    """Build the drivers of a cabinet, without opening anything.

    ``ports`` puts other addresses in place of the file's, by bus or reader name; ``WrongUse`` names one that
    the file does not have, or that is pins of this computer. ``plug`` opens the ports; by default those of
    this computer and TCP.
    """
    other = dict(ports or {})
    hardware = Hardware()
    buses: dict[str, Line | ModbusBus | Guard | SignalPins] = {}
    for bus in cabinet.bus:
        mine = [board for board in cabinet.board if board.bus == bus.name]
        if any(board.is_guarded for board in mine):
            if bus.kind != "gpio":
                bus = bus.model_copy(update={"port": other.pop(bus.name, bus.port)})
            hardware.wires[bus.name] = buses[bus.name] = Guard(bus, mine)
            continue
        if bus.kind == "gpio":
            hardware.wires[bus.name] = buses[bus.name] = _signal_pins(bus, cabinet)
            continue
        wire = _bus_wire(bus, other.pop(bus.name, bus.port), trace, plug)
        owner = buses[bus.name] = _owner(bus, wire, cabinet)
        hardware.wires[bus.name] = wire
        hardware.lines[bus.name] = owner.line if isinstance(owner, ModbusBus) else owner
    for board in cabinet.board:
        beams = [c.beam_input for c in cabinet.compartment if c.board == board.name and c.beam_input]
        hardware.boards[board.name] = device(board.kind).drive(board, buses[board.bus], tuple(beams))
    for probe in cabinet.thermometer:
        hardware.thermometers[probe.name] = _thermometer(cabinet, probe, _modbus(buses[probe.bus]))
    for scale in cabinet.scale:
        bus_of_scale, of_its_make = _modbus(buses[scale.bus]), cabinet.register_maps[scale.map]
        hardware.scales[scale.name] = ScaleRegisters(scale.name, bus_of_scale, scale.address, of_its_make)
    for card, contacts in _by_card(cabinet.input).items():
        hardware.inputs[card] = _input_card(buses[contacts[0].bus], contacts)
    for each in cabinet.indicator:
        hardware.indicators[each.name] = _indicator(buses[each.bus], each)
    for reader in cabinet.reader:
        wire = _reader_wire(reader, other.pop(reader.name, reader.port), trace, plug)
        hardware.wires[reader.name] = wire
        hardware.readers[reader.name] = SCANNERS[reader.kind].drive(reader, wire)
    if other:
        raise WrongUse(cabinet.id, f"has no bus or reader named {', '.join(sorted(other))}")
    return hardware


def _thermometer(cabinet: Cabinet, probe: Probe, bus: ModbusBus) -> Thermometer:
    if probe.map is None:
        return ClimateXymd02(probe.name, bus, probe.address)
    return ClimateRegisters(probe.name, bus, probe.address, cabinet.register_maps[probe.map])


def _modbus(bus: object) -> ModbusBus:
    assert isinstance(bus, ModbusBus)  # the cabinet file's cross checks say so
    return bus


def _owner(bus: Bus, wire: Wire, cabinet: Cabinet) -> Line | ModbusBus:
    if bus.kind != "modbus":
        return Line(wire)
    has_locks = any(board.bus == bus.name for board in cabinet.board)
    has_lamps = any(each.bus == bus.name for each in cabinet.indicator)
    return LampBus(wire) if has_lamps and not has_locks else ModbusBus(wire)


def _signal_pins(bus: Bus, cabinet: Cabinet) -> SignalPins:
    inputs = [each for each in cabinet.input if each.bus == bus.name]
    return SignalPins(bus, inputs, [each for each in cabinet.indicator if each.bus == bus.name])


def _input_card(bus: object, contacts: Sequence[Input]) -> SignalInputs:
    if isinstance(bus, SignalPins):
        return InputGpio(bus, contacts)
    assert contacts[0].address is not None  # the cabinet file's cross checks say so
    return InputModbus(_modbus(bus), contacts[0].address, contacts)


def _indicator(bus: object, wired: Wired) -> Indicator:
    if isinstance(bus, SignalPins):
        return IndicatorGpio(bus, wired)
    if not isinstance(bus, LampBus):
        raise WrongUse(wired.name, f"its output may stay on, and bus {wired.bus} has lock boards")
    return IndicatorModbus(bus, wired)


def _by_card(inputs: Sequence[Input]) -> dict[str, list[Input]]:
    found: dict[str, list[Input]] = {}
    for each in inputs:
        found.setdefault(each.card, []).append(each)
    return found


def _bus_wire(bus: Bus, address: str, trace: Trace | None, plug: Plug | None) -> Wire:
    return Wire(address, baud=bus.baud, parity=bus.parity, stopbits=bus.stopbits, trace=trace, plug=plug)


def _reader_wire(reader: Reader, address: str, trace: Trace | None, plug: Plug | None) -> Wire:
    if plug is None and not address.startswith("socket://"):
        plug = SCANNERS[reader.kind].plug
    return Wire(address, baud=reader.baud, trace=trace, plug=plug)
