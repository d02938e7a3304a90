"""The last frames on the buses, in memory, for whoever has to find out why a door did not open.

Readers are left out: what they read are codes. Whoever wants the frames asks by a file and finds them in one.
"""

import json
from collections import deque
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from firmware_bridge.line import Direction, Wire

FRAMES = 4000
"""Some minutes of a busy bus."""
NAME = "bus-trace.jsonl"
WANTED = "bus-trace.wanted"


class BusTrace:
    """A ring of frames: bus, moment (seconds of the monotonic clock), direction, bytes."""

    def __init__(self, folder: Path, buses: Mapping[str, Wire]) -> None:
        self._folder = folder
        self._frames: deque[tuple[str, float, Direction, bytes]] = deque(maxlen=FRAMES)
        for name, wire in buses.items():
            wire.trace = partial(self._heard, name)

    def _heard(self, bus: str, at: float, direction: Direction, frame: bytes) -> None:
        self._frames.append((bus, at, direction, frame))

    def answer(self) -> None:
        """Write the frames down if somebody has asked for them."""
        wanted = self._folder / WANTED
        if wanted.exists():
            self.write()
            wanted.unlink(missing_ok=True)

    def write(self) -> None:
        """All frames that are still known, whole or not at all. ``OSError`` when the disk fails."""
        part = self._folder / (NAME + ".part")
        lines = [
            json.dumps({"bus": bus, "at": round(at, 4), "way": direction.value, "hex": frame.hex()}) + "\n"
            for bus, at, direction, frame in list(self._frames)
        ]
        part.write_text("".join(lines), encoding="ascii")
        part.replace(self._folder / NAME)
