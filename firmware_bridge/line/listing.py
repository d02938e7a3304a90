"""The serial ports of this computer, and which programs hold them. Nothing is opened: that moves DTR."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports

BY_ID = Path("/dev/serial/by-id")
"""Where Linux keeps names that follow an adapter, whichever socket it is put into."""
PROCESSES = Path("/proc")


@dataclass(frozen=True, slots=True)
class Holder:
    """A program that has a port open."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.pid})"


@dataclass(frozen=True, slots=True)
class SerialPort:
    """One port; ``stable`` is what a cabinet file should say, "" where it has no such name."""

    device: str
    stable: str
    title: str
    held_by: tuple[Holder, ...] | None
    """None where this system does not tell. Programs of other users are seen by root only."""


def serial_ports() -> list[SerialPort]:
    """All of them, by name."""
    found = {port.device: port.description for port in list_ports.comports()}
    return [described(Path(device), title) for device, title in sorted(found.items())]


def described(device: Path, title: str = "") -> SerialPort:
    """One port by any of its names; ``OSError`` where there is none, ``ValueError`` where it is no port."""
    real = device.resolve(strict=True)
    if not stat.S_ISCHR(real.stat().st_mode):
        raise ValueError(f"{device} is no serial port")
    stable = str(device) if device.parent == BY_ID else _stable_name(real)
    return SerialPort(str(real), stable, "" if title == "n/a" else title, _holders(real))


def _stable_name(real: Path) -> str:
    names = sorted(BY_ID.iterdir()) if BY_ID.is_dir() else []
    return next((str(name) for name in names if name.resolve() == real), "")


def _holders(real: Path) -> tuple[Holder, ...] | None:
    if not PROCESSES.is_dir():
        return None
    found = []
    for process in PROCESSES.glob("[0-9]*"):
        try:
            if any(os.readlink(held) == str(real) for held in (process / "fd").iterdir()):  # noqa: PTH115
                found.append(Holder(int(process.name), (process / "comm").read_text().strip()))
        except OSError:
            continue  # it ended while we looked, or is another user's
    return tuple(sorted(found, key=lambda holder: holder.pid))
