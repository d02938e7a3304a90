"""``tuangui bridge read-code``: what the code readers send."""

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from config.cabinet import Cabinet
from firmware_bridge.assemble import Hardware, assemble
from firmware_bridge.errors import PortError
from firmware_bridge.ports import CodeReader, Scan
from firmware_bridge.technician.parts import without
from firmware_bridge.technician.typed import File, Port, fail, loaded, ports_given, run

LOOK_AGAIN_SECONDS = 0.1
"""So soon a scan that was refused is told of; readers only count them."""


def read_code(
    file: File,
    reader: Annotated[str | None, typer.Option(help="only this one")] = None,
    count: Annotated[int | None, typer.Option("-n", min=1, help="end after so many codes")] = None,
    port: Port = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object a code")] = False,
) -> None:
    """Print each code that is held before a reader, until Ctrl-C. What is no code is told on standard error.

    Example: ./tuangui bridge read-code config/cabinets/locker-8a80.toml --port qr=/dev/ttyACM0 -n 1
    """
    cabinet, ports = loaded(file), ports_given(port)
    names = [each.name for each in cabinet.reader]
    if not names:
        fail(f"{file}: there is no reader in this cabinet")
    if reader is not None and reader not in names:
        fail(f"{file}: there is no reader {reader}, only {', '.join(names)}")
    try:
        run(_read(cabinet, ports, reader, _Printed(as_json, count)))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


async def _read(cabinet: Cabinet, ports: dict[str, str], only: str | None, printed: "_Printed") -> None:
    others = [reader.name for reader in cabinet.reader if only not in (None, reader.name)]
    part, mine = without(cabinet, ports, leave_out=[*(bus.name for bus in cabinet.bus), *others])
    async with assemble(part, mine) as hardware:
        check_ports(hardware)
        told = [asyncio.create_task(_tell(reader, printed)) for reader in hardware.readers.values()]
        told += [asyncio.create_task(_tell_refused(reader)) for reader in hardware.readers.values()]
        try:
            await printed.enough.wait()
        finally:
            for task in told:
                task.cancel()


def check_ports(hardware: Hardware) -> None:
    """Whoever waits for codes is told at once that a port is missing; ``PortError``."""
    for flag in hardware.flagged:
        if isinstance(flag.error, PortError):
            raise flag.error


@dataclass(slots=True)
class _Printed:
    as_json: bool
    left: int | None
    enough: asyncio.Event

    def __init__(self, as_json: bool, count: int | None) -> None:
        self.as_json, self.left, self.enough = as_json, count, asyncio.Event()

    def tell(self, scan: Scan) -> None:
        if self.enough.is_set():
            return
        told = {"reader": scan.reader, "text": scan.text}
        print(json.dumps(told, ensure_ascii=False) if self.as_json else scan.text, flush=True)
        if self.left is not None:
            self.left -= 1
            if not self.left:
                self.enough.set()


async def _tell(reader: CodeReader, printed: _Printed) -> None:
    async for scan in reader:
        printed.tell(scan)


async def _tell_refused(reader: CodeReader) -> None:
    told = 0
    while True:
        if reader.refused > told:
            told = reader.refused
            why = getattr(reader, "last_refusal", None) or f"reader {reader.name}: a scan was refused"
            print(why, file=sys.stderr, flush=True)
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
