"""``tuangui bridge address``: another address for one Modbus device, where its maker says how."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from config.cabinet import Cabinet
from config.cabinet.registers import RegisterMap, shipped
from firmware_bridge.errors import AddressKept
from firmware_bridge.line import Wire
from firmware_bridge.modbus import ModbusBus
from firmware_bridge.new_address import WAVESHARE, XYMD02, Movable, Move, Moved, by_map
from firmware_bridge.technician.typed import AsJson, Port, fail, loaded, ports_given, run, show

WHEN = {Moved.NOW: "now", Moved.AFTER_POWER: "when its power was off and on"}
OF_THEIR_OWN = {"lock_modbus": WAVESHARE, "climate_xymd02": XYMD02}
BY_MAP = ("climate_registers", "scale_registers")
KINDS = ", ".join((*OF_THEIR_OWN, *BY_MAP))


def address(
    target: Annotated[str, typer.Argument(help="cabinet file (….toml), or a port: /dev/tty…, socket://…")],
    old: Annotated[int, typer.Option("--from", help="the address that it has")],
    new: Annotated[int, typer.Option("--to", help="the address that it is to have")],
    bus: Annotated[
        str | None, typer.Option(help="in a file: which one, where several could be meant")
    ] = None,
    kind: Annotated[str | None, typer.Option(help=f"at a port: {KINDS}")] = None,
    map_: Annotated[str | None, typer.Option("--map", help="at a port: the register map of its make")] = None,
    baud: Annotated[int, typer.Option(help="at a port: its speed")] = 9600,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Give one Modbus device another address, and say what the cabinet file has to say then.

    Works for Waveshare cards (lock_modbus), XY-MD02 probes, and devices whose register map names its
    address_register. A cabinet file knows the device by its old address, or by the new one. Nothing is
    written where the new address answers already, or where the old one is answered by something else, or by
    more than one device; and nothing ever to all at once. Two devices that answer alike look like one: power
    one at a time. Exit code 1: it was not moved.

    Example: ./tuangui bridge address /dev/ttyUSB0 --kind climate_xymd02 --from 1 --to 21
    """
    if Path(target).suffix == ".toml":
        asked = _in_file(loaded(Path(target)), bus, old, new, ports_given(port))
    else:
        asked = _Asked(_at_port(kind, map_), ("address",), Wire(target, baud=baud))
    moved = run(_move(asked, old, new))
    if isinstance(moved, AddressKept):
        print(moved, file=sys.stderr)
        raise typer.Exit(1)
    write = [f"{key} = {new}" for key in asked.keys]
    if as_json:
        told = {"device": asked.device.title, "from": old, "to": new, "moved": moved.value, "write": write}
        print(json.dumps(told))
    else:
        show(("device", "from", "to", "moves"), [(asked.device.title, old, new, WHEN[moved])])
        print("in the cabinet file:", ", ".join(write))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be moved: ``keys`` are where the cabinet file has its address."""

    device: Movable
    keys: tuple[str, ...]
    wire: Wire


@dataclass(frozen=True, slots=True)
class _Holder:
    """Who has an address in a cabinet file; ``device`` is None where nobody says how that is changed."""

    key: str
    name: str
    bus: str
    address: int
    device: Movable | None


async def _move(asked: _Asked, old: int, new: int) -> Moved | AddressKept:
    move = Move(ModbusBus(asked.wire), asked.device, old, new)
    await asked.wire.open()
    try:
        return await move.make()
    except AddressKept as kept:
        return kept
    finally:
        await asked.wire.close()


def _at_port(kind: str | None, its_map: str | None) -> Movable:
    if kind in OF_THEIR_OWN:
        if its_map is not None:
            fail(f"--map: {kind} has registers of its own")
        return OF_THEIR_OWN[kind]
    if kind not in BY_MAP:
        fail(f"--kind: at a port one of {KINDS}")
    if its_map is None or its_map not in shipped():
        fail(f"--map: at a port one of {', '.join(shipped())}; for a map of your own name the cabinet file")
    return by_map(shipped()[its_map])


def _in_file(cabinet: Cabinet, only: str | None, old: int, new: int, ports: dict[str, str]) -> _Asked:
    known = {bus.name for bus in cabinet.bus}
    if unknown := sorted({*ports, *([] if only is None else [only])} - known):
        fail(f"there is no bus named {', '.join(unknown)}")
    modbus = {bus.name: bus for bus in cabinet.bus if bus.kind == "modbus" and only in (None, bus.name)}
    meant = _meant([holder for holder in _holders(cabinet) if holder.bus in modbus], old, new)
    device, bus = meant[0].device, modbus[meant[0].bus]
    if device is None:
        fail(f"nobody says how {meant[0].name} is given another address")
    port = ports.get(bus.name, bus.port)
    wire = Wire(port, baud=bus.baud, parity=bus.parity, stopbits=bus.stopbits)
    return _Asked(device, tuple(holder.key for holder in meant), wire)


def _meant(holders: list[_Holder], old: int, new: int) -> list[_Holder]:
    """Those with the old address; or the one that the file gives the new address, where none has the old."""
    of_old, of_new = ([each for each in holders if each.address == number] for number in (old, new))
    meant = of_old or of_new
    if not meant:
        fail(f"nothing in the cabinet file has address {old} or {new}")
    if len(buses := sorted({holder.bus for holder in meant})) > 1:
        names = " and ".join(holder.name for holder in meant)
        fail(f"{names} are on {' and '.join(buses)}: name one of them by --bus")
    for other in of_new:
        if other not in meant and other.bus == meant[0].bus:
            fail(f"address {new} on bus {other.bus} belongs to {other.name}")
    return meant


def _holders(cabinet: Cabinet) -> Iterator[_Holder]:
    for at, board in enumerate(cabinet.board):
        card = WAVESHARE if board.dialect == "waveshare" else None
        yield _Holder(f"board[{at}].address", board.name, board.bus, board.address, card)
        if board.inputs_address is not None:
            key = f"board[{at}].inputs_address"
            yield _Holder(key, f"the inputs of {board.name}", board.bus, board.inputs_address, card)
    maps = cabinet.register_maps
    for at, probe in enumerate(cabinet.thermometer):
        device = XYMD02 if probe.map is None else _movable(maps[probe.map])
        yield _Holder(f"thermometer[{at}].address", probe.name, probe.bus, probe.address, device)
    for at, scale in enumerate(cabinet.scale):
        yield _Holder(f"scale[{at}].address", scale.name, scale.bus, scale.address, _movable(maps[scale.map]))


def _movable(its_map: RegisterMap) -> Movable | None:
    return None if its_map.address_register is None else by_map(its_map)
