"""A part of a cabinet: for commands that are to leave the lock boards alone."""

from collections.abc import Collection, Mapping

from config.cabinet import Cabinet
from firmware_bridge.errors import WrongUse


def ports_of(cabinet: Cabinet) -> dict[str, str]:
    """The addresses in a cabinet file, by name of bus or reader."""
    buses = {bus.name: bus.port for bus in cabinet.bus}
    return buses | {reader.name: reader.port for reader in cabinet.reader}


def without(
    cabinet: Cabinet, ports: Mapping[str, str], *, leave_out: Collection[str]
) -> tuple[Cabinet, dict[str, str]]:
    """The cabinet without lock boards, contacts, lamps, these buses and readers; the ports of what is left.

    Starting hardware turns every output off first; what has no boards writes nothing. ``WrongUse``: a port
    is given for what the whole cabinet does not have.
    """
    if unknown := sorted(ports.keys() - ports_of(cabinet).keys()):
        raise WrongUse(cabinet.id, f"has no bus or reader named {', '.join(unknown)}")
    part = cabinet.model_copy(
        update={
            "board": (),
            "compartment": (),
            "bus": tuple(bus for bus in cabinet.bus if bus.name not in leave_out),
            "reader": tuple(reader for reader in cabinet.reader if reader.name not in leave_out),
            "thermometer": tuple(probe for probe in cabinet.thermometer if probe.bus not in leave_out),
            "scale": tuple(scale for scale in cabinet.scale if scale.bus not in leave_out),
            "indicator": (),
            "input": (),
        }
    )
    return part, {name: address for name, address in ports.items() if name not in leave_out}
