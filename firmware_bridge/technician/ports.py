"""``tuangui bridge ports``: where an adapter was plugged in, and who has it."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from firmware_bridge.line.listing import SerialPort, described, serial_ports
from firmware_bridge.technician.typed import AsJson, fail, show


def ports(
    port: Annotated[list[str] | None, typer.Argument(help="only these, by any of their names")] = None,
    as_json: AsJson = False,
) -> None:
    """List the serial ports of this computer: their names that stay, and the programs that hold them.

    Write the name that stays into the cabinet file: it follows the adapter when it comes back under another
    number. Programs of other users are seen by root only.

    Example: ./tuangui bridge ports
    """
    found = serial_ports() if not port else [_described(each) for each in port]
    if as_json:
        print(json.dumps({"ports": [asdict(each) for each in found]}))
    elif found:
        rows = [(each.device, each.stable or "-", each.title or "-", _use(each)) for each in found]
        show(("port", "name that stays", "what it is", "in use by"), rows)
    else:
        print("this computer has no serial port; is the adapter plugged in?")


def _described(port: str) -> SerialPort:
    try:
        return described(port)
    except OSError as error:
        fail(f"{port}: {error.strerror or error}")
    except ValueError as error:
        fail(str(error))


def _use(port: SerialPort) -> str:
    if port.held_by is None:
        return "not told here"
    return ", ".join(map(str, port.held_by)) or "nobody"
