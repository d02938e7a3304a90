"""``tuangui bridge open``: one pulse, the only thing here that moves."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from config.cabinet import Cabinet
from firmware_bridge.assemble import Hardware, assemble
from firmware_bridge.errors import BridgeError
from firmware_bridge.ports import SETTLES_SECONDS, PulseAnswer
from firmware_bridge.technician.doors import in_word
from firmware_bridge.technician.typed import AsJson, File, Port, fail, loaded, ports_given, run, show


def open_door(file: File, label: str, port: Port = None, as_json: AsJson = False) -> None:
    """Send one timed pulse to the lock of compartment LABEL, then say what the switch shows.

    Exit code 1: the switch does not show it open, or the card did not let the lock go by itself.

    Example: ./tuangui bridge open config/cabinets/locker-8a80.toml 07 --port rs485=/dev/ttyUSB0
    """
    cabinet, ports = loaded(file), ports_given(port)
    check_label(file, cabinet, label)

    async def opened() -> dict[str, Any]:
        async with assemble(cabinet, ports) as hardware:
            return await pulse_once(cabinet, hardware, label)

    told = run(opened())
    print_opening(told, as_json=as_json)
    raise typer.Exit(0 if told["door"] == "open" and "stays_on" not in told else 1)


def check_label(file: Path, cabinet: Cabinet, label: str) -> None:
    """End the command where the cabinet has no such compartment."""
    if label not in {c.label for c in cabinet.compartment}:
        fail(f"{file}: there is no compartment {label}")


async def pulse_once(cabinet: Cabinet, hardware: Hardware, label: str) -> dict[str, Any]:
    """One pulse on the lock of a compartment; what the board said, and its switch when the pulse is over."""
    compartment = cabinet.compartment_named(label)
    board = hardware.boards[compartment.board]
    pulse = await board.open(compartment.channel, lambda: True)
    if pulse.answer is PulseAnswer.NO_ANSWER or pulse.ends_at is None:
        return {"label": label, "answer": pulse.answer.value, "door": "unknown"}
    await asyncio.sleep(pulse.ends_at + SETTLES_SECONDS - asyncio.get_running_loop().time())
    told = {"label": label, "answer": pulse.answer.value, "door": "unknown"}
    try:
        readings = await board.doors()
    except BridgeError:
        return told
    told["door"] = in_word(readings.doors.get(compartment.switch))
    return told | ({"stays_on": readings.stays_on} if readings.stays_on else {})


def print_opening(told: Mapping[str, Any], *, as_json: bool) -> None:
    """The opening as data or as a table."""
    if as_json:
        print(json.dumps(told))
    else:
        show(("door", "the board's answer", "the switch"), [(told["label"], told["answer"], told["door"])])
    if "stays_on" in told:
        print(f"{told['stays_on']}: take its locks off their supply", file=sys.stderr)
