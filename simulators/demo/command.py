"""``tuangui demo``: a place that is up until Ctrl-C, or one evening that plays by itself."""

import asyncio
import contextlib
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from config.neighbourhood import load_neighbourhood
from config.problems import BadFile
from simulators.demo.account import show
from simulators.demo.evening import Evening, play
from simulators.demo.open_house import OpenHouse, what_to_try
from simulators.demo.place import BrokerKind, CannotStart, Place
from simulators.demo.service import Service, ServiceRefused
from simulators.demo.supervisor import ROOT, NotReady
from simulators.demo.visits import LostPatience
from simulators.own_folder import own_folder

NEIGHBOURHOOD = ROOT / "config" / "cabinets" / "neighbourhood.toml"
CANNOT = (BadFile, NotReady, CannotStart, ServiceRefused, LostPatience, OSError)
STOPPED = 130

T = TypeVar("T")


class Interrupted(Exception):
    """Somebody pressed Ctrl-C, or told us to end."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for on the command line."""

    broker: BrokerKind = "nats"
    folder: Path | None = None
    people: bool = False
    seed: int = 1
    json: str | None = None
    """Where to write the outcome as data; ``-`` is the standard output."""
    neighbourhood: Path = NEIGHBOURHOOD


def stay(wanted: Wanted) -> int:
    """Run until Ctrl-C; the exit code."""

    async def serve(place: Place, say: Callable[[str], None]) -> int:
        async with Service(place.cloud_url, place.api_key) as service:
            house = OpenHouse(place, service, say)
            await house.prepare()
            if wanted.json is None:
                print(what_to_try(house), flush=True)
            else:
                _write(wanted.json, house.told())
            await house.keep(people=wanted.people, seed=wanted.seed)
        return 0

    return _run(wanted, serve)


def once(wanted: Wanted) -> int:
    """Play one evening; 0 when it all adds up."""
    played: list[Evening] = []

    async def evening(place: Place, say: Callable[[str], None]) -> int:
        played.append(await play(place, say))
        return 0

    code = _run(wanted, evening)
    for one in played:
        if wanted.json != "-":
            show(one, Console())
        if wanted.json is not None:
            _write(wanted.json, one.as_data())
        return 0 if one.ok else 1
    return code


def _run(wanted: Wanted, act: Callable[[Place, Callable[[str], None]], Coroutine[Any, Any, int]]) -> int:
    folder = wanted.folder or own_folder("demo")
    try:
        return asyncio.run(_with_place(wanted, folder, act))
    except Interrupted:
        return STOPPED
    except CANNOT as error:
        print(f"tuangui demo: {error}", file=sys.stderr)
        return 2
    finally:
        if wanted.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


async def _with_place(
    wanted: Wanted, folder: Path, act: Callable[[Place, Callable[[str], None]], Coroutine[Any, Any, int]]
) -> int:
    """Everything up, the act, everything down; also when told to end in the middle of any of these."""
    say = _narrator()
    place = Place(folder, load_neighbourhood(wanted.neighbourhood), say, broker=wanted.broker)

    async def whole() -> int:
        await place.start()
        return await act(place, say)

    try:
        return await _until_interrupted(whole())
    finally:
        say("stopping")
        await place.stop()


async def _until_interrupted(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(work)
    asked: list[int] = []

    def end(number: int) -> None:
        asked.append(number)
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
    with contextlib.suppress(asyncio.CancelledError):
        return await task
    raise Interrupted


def _write(file: str, told: dict[str, Any]) -> None:
    text = json.dumps(told, ensure_ascii=False)
    if file == "-":
        print(text, flush=True)
    else:
        Path(file).write_text(text + "\n", encoding="utf-8")


def _narrator() -> Callable[[str], None]:
    """Progress goes beside what is asked for, with the seconds since the start."""
    began = time.monotonic()
    return lambda sentence: print(
        f"{time.monotonic() - began:5.1f} s  {sentence}", file=sys.stderr, flush=True
    )
