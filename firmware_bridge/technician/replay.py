"""``tuangui bridge replay``: what the drivers make of recorded bytes. No port is opened."""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from config.cabinet import Cabinet
from config.problems import BadFile
from firmware_bridge.assemble import Hardware, assemble
from firmware_bridge.line import End
from firmware_bridge.ports import CodeReader
from firmware_bridge.recording import About, Line, read_trace
from firmware_bridge.technician.doors import print_doors
from firmware_bridge.technician.opening import check_label, print_opening
from firmware_bridge.technician.parts import ports_of, without
from firmware_bridge.technician.trace import check_traceable, do
from firmware_bridge.technician.typed import AsJson, File, fail, loaded, run, show
from firmware_bridge.virtual import FarSide, Parted

HEARD_OUT_SECONDS = 0.3
"""A scan without a suffix is whole when its reader has been silent for a while."""


@dataclass(frozen=True, slots=True)
class _Replayed:
    """What the drivers made of a trace, and where they part from it."""

    told: dict[str, Any]
    parted: list[Parted]


def replay(
    file: File,
    recorded: Annotated[Path, typer.Argument(help="what trace wrote")],
    as_json: AsJson = False,
) -> None:
    """Do again what a trace was recorded of, with the recorded answers in place of the boards.

    Takes as long as it took then. Exit code 1: driver and trace part ways; the line is named. From there on
    nothing answers.

    Example: ./tuangui bridge replay cabinet.toml seen.jsonl
    """
    cabinet = loaded(file)
    try:
        about, lines = read_trace(recorded)
    except BadFile as problems:
        fail(str(problems))
    _check(file, recorded, cabinet, about)
    replayed = run(_replayed(cabinet, about, lines))
    if as_json:
        parted = [asdict(each) for each in replayed.parted]
        print(json.dumps(replayed.told | {"parted": parted}, ensure_ascii=False))
    else:
        _print(cabinet, about, replayed.told)
    for each in replayed.parted:
        print(each, file=sys.stderr)
    raise typer.Exit(1 if replayed.parted else 0)


def _check(file: Path, recorded: Path, cabinet: Cabinet, about: About) -> None:
    if about.cabinet != cabinet.id:
        fail(f"{recorded} was recorded at {about.cabinet}; {file} is {cabinet.id}")
    known = ports_of(cabinet).keys()
    if about.ports.keys() != known:
        others = ", ".join(sorted(about.ports.keys() ^ known))
        fail(f"{recorded} and {file} have not the same buses and readers: {others}")
    twice = sorted(
        {address for address in about.ports.values() if [*about.ports.values()].count(address) > 1}
    )
    if twice:
        fail(f"{recorded}: line 1: ports: {', '.join(twice)} is the address of more than one")
    if about.doing == "open":
        check_label(file, cabinet, about.label)
    if about.doing != "listen":
        check_traceable(cabinet)


async def _replayed(cabinet: Cabinet, about: About, lines: list[Line]) -> _Replayed:
    far = {name: FarSide(name, [line for line in lines if line.piece.port == name]) for name in about.ports}
    named = {address: name for name, address in about.ports.items()}

    async def plug(address: str) -> End:
        return far[named[address]].plug()

    if about.doing == "listen":
        pins = [bus.name for bus in cabinet.bus if bus.kind == "gpio"]
        part, ports = without(cabinet, about.ports, leave_out=pins)
        lasts = lines[-1].piece.at if lines else 0.0
        async with assemble(part, ports, plug=plug) as hardware:
            told = await _heard(hardware, lasts + HEARD_OUT_SECONDS)
    else:
        async with assemble(cabinet, about.ports, plug=plug) as hardware:
            told = await do(cabinet, hardware, about.label or None)
    for side in far.values():
        side.end()
    return _Replayed(told, [side.parted for side in far.values() if side.parted is not None])


async def _heard(hardware: Hardware, seconds: float) -> dict[str, Any]:
    scans: list[dict[str, str]] = []

    async def gather(reader: CodeReader) -> None:
        async for scan in reader:
            scans.append({"reader": scan.reader, "text": scan.text})

    gathering = [asyncio.create_task(gather(reader)) for reader in hardware.readers.values()]
    await asyncio.sleep(seconds)
    for task in gathering:
        task.cancel()
    refused = {name: reader.refused for name, reader in hardware.readers.items() if reader.refused}
    return {"scans": scans, "refused": refused}


def _print(cabinet: Cabinet, about: About, told: dict[str, Any]) -> None:
    if about.doing == "doors":
        print_doors(cabinet, told, as_json=False)
    elif about.doing == "open":
        print_opening(told, as_json=False)
    else:
        show(("reader", "code"), [(scan["reader"], scan["text"]) for scan in told["scans"]])
        for name, refused in told["refused"].items():
            print(f"reader {name}: {refused} that were no code", file=sys.stderr)
