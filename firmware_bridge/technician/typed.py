"""What the commands have in common: what is typed after them, and how a mistake is told (exit code 2)."""

import asyncio
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from config.cabinet import Cabinet, load
from config.problems import BadFile
from firmware_bridge.errors import BridgeError

T = TypeVar("T")

File = Annotated[Path, typer.Argument(help="cabinet file")]
Port = Annotated[list[str] | None, typer.Option(help="NAME=ADDRESS: another port for a bus or reader")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object")]


def loaded(file: Path) -> Cabinet:
    """The cabinet that a file describes."""
    try:
        return load(file)
    except BadFile as problems:
        fail(str(problems))


def ports_given(given: Sequence[str] | None) -> dict[str, str]:
    """Addresses by the name of their bus or reader."""
    ports = {}
    for pair in given or []:
        name, equals, address = pair.partition("=")
        if not (name and equals and address):
            fail(f"--port {pair}: expected NAME=ADDRESS")
        ports[name] = address
    return ports


def run(work: Coroutine[Any, Any, T]) -> T:
    """What the work comes to; its errors end the command."""
    try:
        return asyncio.run(work)
    except BridgeError as error:
        fail(str(error))


def show(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; nothing is cut off where the terminal is narrow."""
    table = Table(*headings, box=box.SIMPLE_HEAD)
    for column in table.columns:
        column.overflow = "fold"
    for row in rows:
        table.add_row(*map(str, row))
    Console(markup=False, highlight=False).print(table)


def fail(sentence: str) -> NoReturn:
    """Say what was wrong with what was typed, and end."""
    print(sentence, file=sys.stderr)
    raise typer.Exit(2)
