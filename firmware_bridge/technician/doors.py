"""``tuangui bridge doors``: what every door switch says."""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any

import typer

from config.cabinet import Cabinet
from firmware_bridge.assemble import Flagged, Hardware, assemble
from firmware_bridge.errors import BadFrame, BoardSilent, BridgeError
from firmware_bridge.ports import LockBoard
from firmware_bridge.technician.typed import AsJson, File, Port, loaded, ports_given, run, show


def doors(file: File, port: Port = None, as_json: AsJson = False) -> None:
    """Read every door switch and print which doors stand open.

    Exit code 1: something does not answer.

    Example: ./tuangui bridge doors config/cabinets/locker-8a80.toml --port rs485=/dev/ttyUSB0
    """
    cabinet, ports = loaded(file), ports_given(port)

    async def read() -> dict[str, Any]:
        async with assemble(cabinet, ports) as hardware:
            return await read_doors(cabinet, hardware)

    told = run(read())
    print_doors(cabinet, told, as_json=as_json)
    raise typer.Exit(1 if told["flagged"] else 0)


async def read_doors(cabinet: Cabinet, hardware: Hardware) -> dict[str, Any]:
    """Under "doors" what each switch says by label, under "flagged" what did not answer at start."""
    states: dict[str, str] = {}
    flagged = {flag.part: flag for flag in hardware.flagged}
    for name, board in hardware.boards.items():
        part = f"board {name}"
        if part in flagged and isinstance(flagged[part].error, BadFrame):
            readings, error = await _garbled(board)
            flagged[part] = Flagged(part, error or flagged[part].error)
        else:
            readings, _ = await _once(board)
        states |= {c.label: in_word(readings.get(c.switch)) for c in cabinet.compartment if c.board == name}
    return {"doors": states, "flagged": [str(flag) for flag in flagged.values()]}


Read = tuple[Mapping[int, bool], BridgeError | None]


async def _once(board: LockBoard) -> Read:
    try:
        return (await board.doors()).doors, None
    except BridgeError as error:
        return {}, error


async def _garbled(board: LockBoard) -> Read:
    """Of a board that sent garbage at start; the more of it comes, the more can be said about it."""
    readings, error = await _once(board)
    if isinstance(error, BoardSilent):
        await asyncio.sleep(error.retry_after)
        return await _once(board)
    return readings, error


def print_doors(cabinet: Cabinet, told: Mapping[str, Any], *, as_json: bool) -> None:
    """The doors as data or as a table, and what is flagged on standard error."""
    if as_json:
        print(json.dumps({"doors": told["doors"], "flagged": told["flagged"]}))
    else:
        wired = {c.label: (c.board, c.switch) for c in cabinet.compartment}
        rows = [(label, state, *wired[label]) for label, state in told["doors"].items()]
        show(("door", "state", "board", "switch"), rows)
    for sentence in told["flagged"]:
        print(sentence, file=sys.stderr)


def in_word(is_open: bool | None) -> str:
    """A switch reading, as the commands print it."""
    return "unknown" if is_open is None else "open" if is_open else "closed"
