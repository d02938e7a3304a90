"""The cabinet file to go by: the one that was given or, where that one is no good, the last one that was.

A file that was accepted is kept beside the records, whole, with its digest. It describes the hardware as it
was then. A file that is refused and wires any door otherwise says that somebody has changed the hardware: the
copy could open a wrong door, so nothing is gone by.
"""

import hashlib
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from config.cabinet import Cabinet, load, parse
from config.problems import BadFile, Problem, one
from controller.floor import sync_folder

log = structlog.get_logger(__name__)

NAME = "cabinet.good"
HEAD = "# accepted; sha256 "
TIMING = {"baud", "parity", "stopbits", "pulse_ms"}
"""Of buses and boards: may be wrong without a door being another one."""
DOOR = ("label", "board", "channel", "switch_channel")
"""Of a compartment: which output opens it, and which input tells of it."""


@dataclass(frozen=True, slots=True)
class Settled:
    """``refused``: what is wrong with the file that was given; then ``cabinet`` is the last good one."""

    cabinet: Cabinet
    refused: tuple[Problem, ...] = ()


def settle(file: Path, folder: Path) -> Settled:
    """The cabinet to run. ``BadFile`` with every problem when the file is no good and the copy no way out."""
    try:
        return Settled(load(file))
    except BadFile as bad:
        given = bad
    copy = folder / NAME
    if not copy.exists():
        raise given
    try:
        text = _kept(copy)
        cabinet = parse(tomllib.loads(text), str(copy))
    except BadFile as bad:
        raise BadFile([*given.problems, *bad.problems]) from bad
    if _is_wired_otherwise(file, text):
        reason = f"doors are wired otherwise than in {copy}, so that is no way out; put this file right"
        raise BadFile([*given.problems, Problem(str(file), "-", reason)])
    for problem in given.problems:
        log.error("cabinet file refused", file=problem.file, key=problem.key, reason=problem.reason)
    log.error("the last good cabinet file is in force", copy=str(copy), problems=len(given.problems))
    return Settled(cabinet, tuple(given.problems))


def keep(file: Path, cabinet: Cabinet, folder: Path) -> None:
    """``cabinet``, read from this file, has been accepted. A disk that takes no copy keeps nobody waiting."""
    copy = folder / NAME
    try:
        text = file.read_text(encoding="utf-8")
        whole = f"{HEAD}{_digest(text)}\n{text}"
        if parse(tomllib.loads(text)) != cabinet or (copy.exists() and copy.read_text("utf-8") == whole):
            return
        _write(copy, whole)
    except (OSError, ValueError) as error:
        log.error("the cabinet file could not be kept", copy=str(copy), error=str(error))


def _write(copy: Path, text: str) -> None:
    """Whole or not at all."""
    part = copy.with_name(copy.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    part.replace(copy)
    sync_folder(copy.parent)


def _kept(copy: Path) -> str:
    try:
        head, _, text = copy.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise one(copy, "-", f"the last good copy cannot be read: {error}") from error
    if head != HEAD + _digest(text):
        raise one(copy, "-", "the last good copy does not fit its digest")
    return text


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_wired_otherwise(file: Path, good: str) -> bool:
    """As far as the file can be read at all: one that is no TOML says nothing about the hardware."""
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return _wiring(given) != _wiring(tomllib.loads(good))


def _wiring(raw: dict[str, Any]) -> list[Any]:
    """Whose cabinet it is and what hangs where, without looking at whether it makes sense."""
    about = raw.get("cabinet")
    return [
        about.get("id") if isinstance(about, dict) else None,
        [{key: bus[key] for key in bus.keys() - TIMING} for bus in _parts(raw, "bus")],
        [{key: board[key] for key in board.keys() - TIMING} for board in _parts(raw, "board")],
        [{key: door.get(key) for key in DOOR} for door in _parts(raw, "compartment")],
    ]


def _parts(raw: dict[str, Any], name: str) -> list[dict[str, Any]]:
    parts = raw.get(name)
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
