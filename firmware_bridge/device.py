"""What makes a family of boards known to the rest: its limits and its driver."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from config.cabinet import Board
from config.cabinet.families import LockFamily
from firmware_bridge.ports import LockBoard


@dataclass(frozen=True, slots=True)
class LockDevice:
    """One family of lock boards."""

    family: LockFamily
    drive: Callable[[Board, Any, tuple[int, ...]], LockBoard]
    """The driver of one board of a cabinet file, on its opened bus (a ``Line``, or a ``ModbusBus`` where the
    family sits on one), with the inputs of the light beams that are wired to it."""
