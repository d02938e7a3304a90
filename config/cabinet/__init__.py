"""One cabinet file: what hangs on which wire, and what lies behind which door.

A cabinet file is TOML. It describes hardware passively: buses, boards, readers, sensors, zones and
compartments. ``load`` checks each value by itself and then what only shows when they are held
against each other (two doors on one output, a chilled zone without a thermometer, …). All problems are
reported at once.
"""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.cabinet.checks import findings
from config.cabinet.parts import (
    Board,
    Bus,
    Cabinet,
    Compartment,
    Officer,
    Reader,
    Scale,
    Thermometer,
    Zone,
)
from config.cabinet.registers import RegisterMap
from config.cabinet.signals import Indicator, Input
from config.problems import BadFile, Problem, one

__all__ = [
    "Board",
    "Bus",
    "Cabinet",
    "Compartment",
    "Indicator",
    "Input",
    "Officer",
    "Reader",
    "RegisterMap",
    "Scale",
    "Thermometer",
    "Zone",
    "load",
    "parse",
]


def load(path: Path | str) -> Cabinet:
    """Read and check a cabinet file; ``BadFile`` tells every problem with file, key and reason."""
    file = Path(path)
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise one(file, "-", f"cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise one(file, "-", f"is not TOML: {error}") from error
    return parse(raw, str(file))


def parse(raw: dict[str, Any], file: str = "cabinet") -> Cabinet:
    """The checked cabinet from already decoded TOML; ``file`` is only for the messages."""
    try:
        cabinet = Cabinet.model_validate(raw)
    except ValidationError as error:
        raise BadFile([Problem(file, _key(e["loc"]), _reason(e)) for e in _leaves(error)]) from error
    problems = [Problem(file, key, reason) for key, reason in findings(cabinet)]
    if problems:
        raise BadFile(problems)
    return cabinet


def _leaves(error: ValidationError) -> list[Any]:
    """Without the errors that only say that a part of theirs is wrong."""
    found = error.errors()
    return [e for e in found if not any(o["loc"][: len(e["loc"])] == e["loc"] for o in found if o is not e)]


def _key(loc: tuple[int | str, ...]) -> str:
    path = ""
    for step in loc:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path or "-"


def _reason(error: Any) -> str:
    kind, given = error["type"], error.get("input")
    if kind == "extra_forbidden":
        return "unknown key"
    if kind == "missing":
        return "is missing"
    return f"{error['msg']} (given: {given!r})"
