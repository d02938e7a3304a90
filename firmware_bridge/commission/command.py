"""``tuangui bridge commission``: the walk with a technician at the terminal."""

import asyncio
import json
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from config.cabinet import Cabinet, parse
from firmware_bridge.assemble import assemble
from firmware_bridge.commission import file, walk
from firmware_bridge.commission.sheet import sheet
from firmware_bridge.commission.wiring import Wiring

NONE = "-"


class GaveUp(Exception):
    """Nobody answers any more: nothing is written."""


class Technician:
    """Asks on standard error, so that standard output is the result's; reads lines from standard input."""

    def __init__(self, labels: Collection[str]) -> None:
        self._labels = labels

    async def all_shut(self) -> None:
        await _asked("Shut every door of the cabinet, then press Enter.")

    async def which_opened(self, expected: str) -> tuple[str, ...]:
        question = f"Which door opened? Enter: {expected}; {NONE}: none; others: their labels."
        while True:
            said = (await _asked(question)).upper().replace(",", " ").split()
            unknown = [label for label in said if label not in self._labels and label != NONE]
            if not unknown:
                return tuple(label for label in said if label != NONE) if said else (expected,)
            question = f"There is no door {', '.join(unknown)}. Which one opened?"

    async def let_go(self, label: str) -> bool:
        question = f"Did the lock of {label} let go by itself, and does it not hum? Enter: yes; n: no."
        if (await _asked(question)).lower() not in ("n", "no"):
            return True
        print("Take its locks off their supply at once.", file=sys.stderr)
        return False

    async def shut_again(self, labels: Sequence[str]) -> None:
        print(f"Shut {', '.join(labels)}.", file=sys.stderr)


async def commission(plan: Cabinet, ports: dict[str, str]) -> Wiring:
    """Walk through a cabinet with whoever sits at the terminal. ``GaveUp``, ``CoilHeld``."""
    async with assemble(plan, ports) as hardware:
        return await walk(plan, hardware, Technician({c.label for c in plan.compartment}))


def write(wiring: Wiring, out: Path, labels: Path | None) -> None:
    """The cabinet file, and the sheet of labels where one is wanted; ``OSError``."""
    file.write(wiring, out)
    if labels is not None:
        labels.write_text(sheet(parse(wiring.cabinet)), encoding="utf-8")


def as_json(wiring: Wiring, out: Path) -> str:
    """What was found, for programs."""
    found: list[dict[str, Any]] = [asdict(finding) for finding in wiring.findings]
    return json.dumps({"file": str(out), "findings": found, "left_out": wiring.left_out}, ensure_ascii=False)


async def _asked(question: str) -> str:
    print(question, file=sys.stderr, flush=True)
    line: str = await asyncio.to_thread(sys.stdin.readline)
    if not line:
        raise GaveUp("nobody answers: nothing was written")
    return line.strip()
