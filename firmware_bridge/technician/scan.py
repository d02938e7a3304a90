"""``tuangui bridge scan``: which boards answer on a wire. Doors are read, nothing else is ever sent."""

import json
import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from config.cabinet import Cabinet, parse
from config.cabinet.families import LONGEST_PULSE_MS, LockFamily, family
from config.cabinet.one_board import one_board
from config.cabinet.relays import UNTIMED_CARDS
from config.problems import BadFile
from firmware_bridge.search import TIMES_SILENT, Search, Searched
from firmware_bridge.technician.typed import AsJson, fail, run, show

USUAL_CHANNELS = 8


def scan(
    port: Annotated[str, typer.Argument(help="/dev/tty…, socket://host:port, modbus-tcp://host:port")],
    kind: Annotated[str, typer.Option(help="family of the boards")] = "lock_8a80",
    baud: Annotated[list[int] | None, typer.Option(help="speeds to try; default: 9600")] = None,
    addresses: Annotated[str | None, typer.Option(help="FIRST-LAST; default: all of the family")] = None,
    channels: Annotated[int | None, typer.Option(min=1, help="doors to read of each board")] = None,
    profile: Annotated[str, typer.Option(help="dialect of the family")] = "",
    as_json: AsJson = False,
) -> None:
    """Ask every address of a family for its doors, and say which boards answer. Nothing is opened.

    Addresses that were silent are asked once more when all have been asked.

    Two boards with one address are told of when their answers collide or differ; while all their doors stand
    alike they answer as one. Exit code 1: no board answers, or something is wrong.

    Example: ./tuangui bridge scan /dev/ttyUSB0 --kind lock_8a80 --baud 9600 --baud 19200
    """
    sort = _scannable(kind)
    span = _span(addresses, sort)
    most = channels or min(USUAL_CHANNELS, sort.most_channels)
    files = [_one(kind, span[0], most, speed, port, profile) for speed in baud or [9600]]
    searched = run(_searched(files, span))
    if as_json:
        print(json.dumps(_as_data(port, kind, searched)))
    else:
        _print(searched)
    raise typer.Exit(1 if searched.wrong else 0)


async def _searched(files: list[Cabinet], span: range) -> Searched:
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("asking", total=len(files) * len(span) * TIMES_SILENT)

        def asked(baud: int, address: int) -> None:
            progress.update(bar, advance=1, description=f"{baud} baud, address {address}")

        return await Search(files, span, asked).search()


def _scannable(kind: str) -> LockFamily:
    try:
        found = family(kind)
    except ValueError as error:
        fail(f"--kind: {error}")
    if found.bus == "gpio":
        fail(f"--kind {kind}: {found.title} have no addresses to ask")
    return found


def _span(given: str | None, sort: LockFamily) -> range:
    first, last = sort.addresses
    if given is not None:
        begin, _, end = given.partition("-")
        if not (begin.isdecimal() and (end or begin).isdecimal()):
            fail(f"--addresses {given}: expected FIRST-LAST, as in 1-8")
        first, last = int(begin), int(end or begin)
    if first > last or not (sort.has_address(first) and sort.has_address(last)):
        fail(f"--addresses {given}: {sort.title} answer to {sort.address_span}")
    return range(first, last + 1)


def _one(kind: str, address: int, channels: int, baud: int, port: str, profile: str) -> Cabinet:
    # The longest pulse is one that all dialects can be set to; no scan ever makes one.
    board = {"profile": profile, "pulse_ms": family(kind).fixed_pulse_ms or LONGEST_PULSE_MS}
    if profile in UNTIMED_CARDS:
        fail(
            f"--profile {profile}: such cards belong to their guard; any other profile reads their doors too"
        )
    try:
        return parse(one_board(kind, address, channels, baud, port=port, board=board), "scan")
    except BadFile as problems:
        fail(str(problems))


def _print(searched: Searched) -> None:
    if searched.boards:
        rows = [
            (found.baud, found.address, found.state, ", ".join(map(str, found.open)) or "none")
            for found in searched.boards
        ]
        show(("baud", "address", "state", "doors that stand open"), rows)
    for sentence in searched.sentences:
        print(sentence, file=sys.stderr)


def _as_data(port: str, kind: str, searched: Searched) -> dict[str, Any]:
    boards = [asdict(found) for found in searched.boards]
    return {"port": port, "kind": kind, "boards": boards, "sentences": searched.sentences}
