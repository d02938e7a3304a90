"""Served boards in the test's own process, and the technician's commands as processes beside them."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import tomli_w

from config.cabinet import parse
from config.cabinet.one_board import one_board
from simulators.serve import Served

BAUD = 57600


def raw_bench(**more: Any) -> dict[str, Any]:
    """Two 8A/80 boards with four doors each and a reader; ``more`` are further parts."""
    raw = one_board("lock_8a80", 1, 4, BAUD, board={"pulse_ms": 150})
    left, right = raw["board"][0] | {"name": "left"}, raw["board"][0] | {"name": "right", "address": 2}
    raw["board"] = [left, right]
    raw["compartment"] = [
        {"label": f"{board['name'][0].upper()}{n}", "size": "M", "board": board["name"], "channel": n}
        for board in raw["board"]
        for n in range(1, 5)
    ]
    return raw | {"reader": [{"name": "qr", "port": "qr", "baud": 57600}]} | more


@asynccontextmanager
async def served(raw: dict[str, Any], folder: Path) -> AsyncIterator[tuple[Served, Path]]:
    """The far side, and a cabinet file that names its ports."""
    far = Served(parse(raw), folder)
    ports = await far.plug_in()
    for part in (*raw["bus"], *raw.get("reader", ())):
        part["port"] = ports[part["name"]]
    file = folder / "cabinet.toml"
    file.write_text(tomli_w.dumps(raw))
    try:
        yield far, file
    finally:
        far.unplug()


async def bridge(*words: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command."""
    process = await starts(*words)
    stdout, stderr = await process.communicate()
    assert process.returncode is not None
    return process.returncode, stdout.decode(), stderr.decode()


async def starts(*words: object) -> asyncio.subprocess.Process:
    """A command that is still running."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "firmware_bridge", *map(str, words),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


def energised(far: Served) -> list[str]:
    """The doors whose coils had current at any time."""
    return [label for label in far.cabinet.labels() if far.cabinet.compartment(label).energised]
