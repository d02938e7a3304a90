"""``tuangui bridge temperature``: what the probes measure. Boards on the same wires are asked nothing."""

import json
import sys
from typing import Any

import typer

from config.cabinet import Cabinet
from firmware_bridge.assemble import assemble
from firmware_bridge.errors import BridgeError
from firmware_bridge.technician.parts import ports_of, without
from firmware_bridge.technician.typed import AsJson, File, Port, fail, loaded, ports_given, run, show


def temperature(file: File, port: Port = None, as_json: AsJson = False) -> None:
    """Read every thermometer of a cabinet once.

    Exit code 1: one of them does not answer, or says what cannot be.

    Example: ./tuangui bridge temperature config/cabinets/locker-modbus.toml --port relays=/dev/ttyUSB0
    """
    cabinet, ports = loaded(file), ports_given(port)
    if not cabinet.thermometer:
        fail(f"{file}: there is no thermometer in this cabinet")
    told, flagged = run(_measured(cabinet, ports))
    if as_json:
        print(json.dumps({"thermometers": told, "flagged": flagged}))
    else:
        show(
            ("thermometer", "°C", "humidity %"),
            [(name, air["celsius"], _or_dash(air["humidity"])) for name, air in told.items()],
        )
    for sentence in flagged:
        print(sentence, file=sys.stderr)
    raise typer.Exit(1 if flagged else 0)


def _or_dash(humidity: float | None) -> float | str:
    return "-" if humidity is None else humidity


async def _measured(cabinet: Cabinet, ports: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    probed = {probe.bus for probe in cabinet.thermometer}
    others = ports_of(cabinet).keys() - probed
    part, mine = without(cabinet, ports, leave_out=others)
    told: dict[str, Any] = {}
    async with assemble(part, mine) as hardware:
        flagged = [str(flag) for flag in hardware.flagged]
        for name, probe in hardware.thermometers.items():
            try:
                air = await probe.air()
            except BridgeError as error:
                flagged.append(str(error))
            else:
                told[name] = {"celsius": air.celsius, "humidity": air.humidity}
    return told, flagged
