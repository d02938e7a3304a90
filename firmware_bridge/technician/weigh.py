"""``tuangui bridge weigh``: what the scales say, and telling one of them what counts as nothing."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from config.cabinet import Cabinet
from firmware_bridge.assemble import Hardware, assemble
from firmware_bridge.errors import BridgeError, SwappedWords
from firmware_bridge.ports import Scale, WeightReading
from firmware_bridge.technician.parts import ports_of, without
from firmware_bridge.technician.typed import AsJson, File, Port, fail, loaded, ports_given, run, show

WATCHED_EVERY_SECONDS = 0.5
RESTS_WITHIN_SECONDS = 5.0
LOOKED_AT_EVERY_SECONDS = 0.05
STABLE = {True: "stable", False: "moving", None: "not told"}


def weigh(
    file: File,
    scale: Annotated[str | None, typer.Option(help="only this one")] = None,
    tare: Annotated[bool, typer.Option("--tare", help="what lies on it counts as nothing")] = False,
    zero: Annotated[bool, typer.Option("--zero", help="nothing lies on it: that is zero")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="go on until Ctrl-C")] = False,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Read every scale of a cabinet. Lock boards on the same wires are asked nothing.

    --tare and --zero tell one scale, once, when its load rests, and show what it says before and afterwards.
    A weight that cannot be, and could be with its words in the other order, is shown in both. --watch with
    --json prints one object a reading. Exit code 1: a scale does not answer, or says what cannot be.

    Example: ./tuangui bridge weigh cabinet.toml --scale pan --tare
    """
    cabinet, ports = loaded(file), ports_given(port)
    names = [each.name for each in cabinet.scale]
    if not names:
        fail(f"{file}: there is no scale in this cabinet")
    if scale is not None and scale not in names:
        fail(f"{file}: there is no scale {scale}, only {', '.join(names)}")
    if tare + zero + watch > 1:
        fail("--tare, --zero and --watch: one at a time")
    wanted = names if scale is None else [scale]
    if tare or zero:
        if len(wanted) > 1:
            fail(f"{file} has the scales {', '.join(names)}: name one by --scale")
        told = run(_tell(cabinet, ports, wanted[0], "tare" if tare else "zero"))
    elif watch:
        _watch(cabinet, ports, wanted, as_json=as_json)
        raise typer.Exit(0)
    else:
        told = run(_weigh(cabinet, ports, wanted))
    told.print(as_json=as_json)
    raise typer.Exit(1 if told.flagged else 0)


@dataclass(slots=True)
class _Told:
    """What scales said. ``rows`` are the same for a table."""

    answer: dict[str, Any]
    rows: list[tuple[str, str, str]] = field(default_factory=list)
    flagged: list[str] = field(default_factory=list)

    def weighed(self, what: str, read: WeightReading) -> dict[str, Any]:
        self.rows.append((what, f"{read.grams:.1f}", STABLE[read.stable]))
        return _as_data(read)

    def refused(self, what: str, error: BridgeError) -> None:
        self.flagged.append(str(error))
        if isinstance(error, SwappedWords):
            reading = error.reading.removeprefix("weight ")
            self.answer.setdefault("words_swapped", {})[what] = {
                error.own_order: reading, error.word_order: error.swapped, "fits": error.word_order,
            }  # fmt: skip
            self.rows.append((what, reading, f"{error.own_order} word first, as the map has it"))
            self.rows.append((what, error.swapped, f"{error.word_order} word first, which could be"))

    def print(self, *, as_json: bool) -> None:
        if as_json:
            print(json.dumps(self.answer | {"flagged": self.flagged}))
        elif self.rows:
            show(("scale", "g", ""), self.rows)
        for sentence in self.flagged:
            print(sentence, file=sys.stderr)


async def _weigh(cabinet: Cabinet, ports: dict[str, str], wanted: list[str]) -> _Told:
    told = _Told({"scales": {}})
    async with _scales(cabinet, ports, wanted) as hardware:
        told.flagged += [str(flag) for flag in hardware.flagged]
        for name in wanted:
            try:
                told.answer["scales"][name] = told.weighed(name, await hardware.scales[name].weigh())
            except BridgeError as error:
                told.refused(name, error)
    return told


async def _tell(cabinet: Cabinet, ports: dict[str, str], name: str, what: str) -> _Told:
    told = _Told({"scale": name, "told": what})
    async with _scales(cabinet, ports, [name]) as hardware:
        told.flagged += [str(flag) for flag in hardware.flagged]
        scale = hardware.scales[name]
        try:
            told.answer["before"] = told.weighed(f"{name} before", await _at_rest(scale))
            await (scale.tare() if what == "tare" else scale.zero())
            told.answer["after"] = told.weighed(f"{name} after", await _at_rest(scale))
        except BridgeError as error:
            told.refused(name, error)
    return told


async def _at_rest(scale: Scale) -> WeightReading:
    """What it says when its load rests, or when that takes too long."""
    until = time.monotonic() + RESTS_WITHIN_SECONDS
    while True:
        read = await scale.weigh()
        if read.stable is not False or time.monotonic() > until:
            return read
        await asyncio.sleep(LOOKED_AT_EVERY_SECONDS)


def _watch(cabinet: Cabinet, ports: dict[str, str], wanted: list[str], *, as_json: bool) -> None:
    with suppress(KeyboardInterrupt):
        run(_look_on(cabinet, ports, wanted, as_json=as_json))


async def _look_on(cabinet: Cabinet, ports: dict[str, str], wanted: list[str], *, as_json: bool) -> None:
    async with _scales(cabinet, ports, wanted) as hardware:
        for flag in hardware.flagged:
            print(flag, file=sys.stderr)
        while True:
            for name in wanted:
                await _look(hardware.scales[name], as_json=as_json)
            await asyncio.sleep(WATCHED_EVERY_SECONDS)


async def _look(scale: Scale, *, as_json: bool) -> None:
    try:
        read = await scale.weigh()
    except BridgeError as error:
        print(error, file=sys.stderr)
        return
    if as_json:
        print(json.dumps({"scale": read.scale} | _as_data(read)), flush=True)
    else:
        print(f"{read.scale:>12} {read.grams:>12.1f} g  {STABLE[read.stable]}", flush=True)


def _as_data(read: WeightReading) -> dict[str, Any]:
    return {"grams": read.grams, "stable": read.stable}


@asynccontextmanager
async def _scales(cabinet: Cabinet, ports: dict[str, str], wanted: list[str]) -> AsyncIterator[Hardware]:
    """The buses of these scales, without anything else that hangs there."""
    buses = {each.bus for each in cabinet.scale if each.name in wanted}
    part, mine = without(cabinet, ports, leave_out=ports_of(cabinet).keys() - buses)
    async with assemble(part, mine) as hardware:
        yield hardware
