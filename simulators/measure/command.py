"""``tuangui measure``: prints the machine, a table, and whether each goal is met."""

import asyncio
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from simulators.control import ControlRefused
from simulators.demo.place import CannotStart
from simulators.demo.service import ServiceRefused
from simulators.demo.supervisor import NotReady
from simulators.demo.visits import LostPatience
from simulators.measure.bus import BOARDS, P3_GOAL, SILENT_GOAL_S, SILENT_OF, Costs, Polling
from simulators.measure.bus import measure as measure_bus
from simulators.measure.commit import measure as commits
from simulators.measure.pickup import UNLOCK_BYTES, Bench, Family, Row, measure

NOT_MEASURED = (CannotStart, ControlRefused, LostPatience, NotReady, ServiceRefused, TimeoutError)
BAUDS = (9600, 19200, 115200)
POLLED = (0, 1, 4, 8)
TIMES = ("exchange", "fsync", "first_byte", "reply", "added", "reply_p99")


def pickup(
    families: Sequence[Family], bauds: Sequence[int], polled: Sequence[int], rounds: int, seed: int,
    file: Path | None,
) -> int:  # fmt: skip
    """Run rows P1 and P2; 0: every goal is met, 1: one is missed, 2: it could not be measured."""
    benches = [
        Bench(family, baud, boards)
        for family in families
        for baud in bauds or BAUDS
        for boards in polled or POLLED
    ]
    console = Console(width=None if sys.stdout.isatty() else 100)
    try:
        machine, rows = asyncio.run(
            measure(benches, rounds, seed, lambda text: print(text, file=sys.stderr, flush=True))
        )
    except NOT_MEASURED as error:
        print(f"not measured: {error}", file=sys.stderr)
        return 2
    console.print(machine)
    console.print(_table(rows))
    if file is not None:
        data = {"machine": machine, "seed": seed, "rows": [row.as_data() for row in rows]}
        file.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    missed = [row for row in rows if not row.is_met]
    console.print(f"{len(rows) - len(missed)} of {len(rows)} goals met")
    return 1 if missed else 0


def bus(
    families: Sequence[Family], bauds: Sequence[int], blocks: int, pickups: int, file: Path | None
) -> int:
    """Run row P3 and what stands beside it, and rows P1 and P2; exit codes as ``pickup``."""
    console = Console(width=None if sys.stdout.isatty() else 100)
    codes = [pickup(families, bauds, (), pickups, 1, None)] if pickups else []
    try:
        machine, rows, costs, silent = asyncio.run(
            measure_bus(
                families, bauds or BAUDS, blocks, lambda text: print(text, file=sys.stderr, flush=True)
            )
        )
    except NOT_MEASURED as error:
        print(f"not measured: {error}", file=sys.stderr)
        return 2
    console.print(machine)
    for row in rows:
        console.print(
            f"P3: {row.family} at {row.baud}: {statistics.median(row.rounds) * 1000:.1f} ms a round of "
            f"{BOARDS} boards, the wire {row.limit * 1000:.1f} ms, ratio {row.ratio:.3f} (goal {P3_GOAL})",
            style="green" if row.is_met else "red", soft_wrap=True,
        )  # fmt: skip
    console.print(_costs(costs), soft_wrap=True)
    console.print(
        f"O8: one of {SILENT_OF} boards is silent: p99 of the others' answers {silent.p99 * 1000:.0f} ms "
        f"(goal {SILENT_GOAL_S * 1000:.0f} ms)",
        style="green" if silent.is_met else "red", soft_wrap=True,
    )  # fmt: skip
    if file is not None:
        polling = [_polling(row) for row in rows]
        figures = {"polling": polling, "costs": asdict(costs), "silent_p99": round(silent.p99, 4)}
        file.write_text(json.dumps({"machine": machine, **figures}, indent=1) + "\n", encoding="utf-8")
    return max([*codes, 0 if silent.is_met and all(row.is_met for row in rows) else 1])


def _polling(row: Polling) -> dict[str, Any]:
    told = {"row": "P3", "family": row.family, "baud": row.baud, "ratio": round(row.ratio, 3)}
    return told | {"limit": round(row.limit, 4), "rounds": [round(each, 4) for each in row.rounds]}


def _costs(costs: Costs) -> str:
    ours, bare = statistics.median(costs.ours), statistics.median(costs.pyserial)
    told = (
        f"one Modbus exchange, processor time: ours {ours:.0f} µs, "
        f"bare pyserial {bare:.0f} µs ({ours / bare:.2f} ×)"
    )
    if costs.libmodbus:
        c = statistics.median(costs.libmodbus)
        return f"{told}, libmodbus in C {c:.0f} µs ({ours / c:.2f} ×)"
    return f"{told}; libmodbus not measured: {costs.missing}"


def commit(blocks: int, folder: Path | None, file: Path | None) -> int:
    """Run row P4; 0 when the goal is met."""
    console = Console()
    machine, found = commits(blocks, folder, lambda text: print(text, file=sys.stderr, flush=True))
    told = found.as_data()
    console.print(machine)
    console.print(
        f"P4: edge {told['edge']} ms, bare sqlite3 {told['bare']} ms, ratio {told['ratio']}"
        f" (goal {told['goal']}); longest {told['longest']} ms, bare {told['bare_longest']} ms",
        style="green" if found.is_met else "red", soft_wrap=True,
    )  # fmt: skip
    if file is not None:
        file.write_text(json.dumps({"machine": machine, "rows": [told]}, indent=1) + "\n", encoding="utf-8")
    return 0 if found.is_met else 1


def family(name: str) -> Family:
    """Of this name; ``ValueError`` when there is no such family."""
    for known in UNLOCK_BYTES:
        if known == name:
            return known
    raise ValueError(f"there are no measurements of {name}")


def _table(rows: Sequence[Row]) -> Table:
    table = Table(
        title="From the last byte of the scan, ms, offline",
        title_justify="left",
        box=SIMPLE,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    names = ("row", "boards", "baud", "n", "wire", "fsync", "first", "reply", "added", "p99", "ratio", "goal")
    for name in names:
        table.add_column(name, justify="left" if name in ("row", "boards") else "right", no_wrap=True)
    for row in rows:
        told = row.as_data()
        colour = "green" if row.is_met else "red"
        boards = f"{told['family'].removeprefix('lock_')} " + (
            f"×{told['polled']}" if told["polled"] else "idle"
        )
        times = (f"{told[name]:.2f}" for name in TIMES)
        ratio = f"[{colour}]{told['ratio']:.2f}[/{colour}]"
        told_as = (told["row"], boards, str(told["baud"]), str(told["pickups"]))
        table.add_row(*told_as, *times, ratio, f"{told['goal']:.2f}")
    table.caption = "first, reply: of the unlock frame. P1: median over (wire + fsync). P2: p99 over wire."
    return table
