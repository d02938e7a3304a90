"""What makes a family of boards or readers known to the rest: limits, driver, frames and simulation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from config.cabinet import Board, Reader
from config.cabinet.families import LockFamily
from config.cabinet.readers import ReaderFamily
from firmware_bridge.frames import ReadFrame
from firmware_bridge.line import Plug, Wire
from firmware_bridge.ports import LockBoard
from firmware_bridge.serial_reader import SerialReader


@dataclass(frozen=True, slots=True)
class LockDevice:
    """One family of lock boards."""

    family: LockFamily
    drive: Callable[[Board, Any, tuple[int, ...]], LockBoard]
    """The driver of one board of a cabinet file, on its opened bus (a ``Line``, or a ``ModbusBus`` where the
    family sits on one), with the inputs of the light beams that are wired to it."""
    read_frame: ReadFrame | None = None
    """How ``bridge decode`` explains its frames. Our own families stand in ``firmware_bridge/decode.py``."""
    simulate: Callable[[Board, Any], Sequence[Any]] | None = None
    """The boards that stand on a simulated wire for one of a cabinet file, and what is wired to them; see
    ``simulators/lock_board.py`` (``Wired``) and ``simulators/bus.py`` (``Board``). Ours stand in
    ``simulators/serve.py``."""


@dataclass(frozen=True, slots=True)
class ReaderDevice:
    """One family of readers."""

    family: ReaderFamily
    drive: Callable[[Reader, Wire], SerialReader]
    """The driver of one reader of a cabinet file, on its wire."""
    plug: Plug | None = None
    """How its port is opened, if it is no serial one."""
