"""Makes the edge a service of this computer: the systemd unit, and the clock before anything needs it."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from config.cabinet import Cabinet
from controller.floor import Floor

ROOT = Path(__file__).resolve().parent.parent
UNIT = ROOT / "config" / "deploy" / "tuangui-edge.service"
UNITS = Path("/etc/systemd/system")
STATE = Path("/var/lib/tuangui")
"""Where systemd keeps what StateDirectory=tuangui names."""


class CannotInstall(Exception):
    """Something has to be settled by a person first; the message says what."""


def unit_text(file: Path, cabinet: Cabinet, folder: Path = STATE) -> str:
    """The unit for one cabinet file, with this checkout and the Python that runs now."""
    given = {
        "CABINET": cabinet.id, "CHECKOUT": _plain(ROOT), "PYTHON": _quoted(Path(sys.executable)),
        "FILE": _quoted(file.resolve()), "FOLDER": _quoted(folder),
    }  # fmt: skip
    text = UNIT.read_text(encoding="utf-8")
    for name, value in given.items():
        text = text.replace(f"@{name}@", value)
    return text


def install(text: str, units: Path = UNITS) -> Path:
    """Write the unit, whole or not at all, and have systemd start it at every boot; which file it is."""
    if os.geteuid() != 0:
        raise CannotInstall(f"writing into {units} needs root: start it with sudo, or add --dry-run to look.")
    if shutil.which("systemctl") is None:
        raise CannotInstall("this computer has no systemd; --dry-run prints the unit to be adapted.")
    unit = units / UNIT.name
    part = unit.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(unit)
    for asked in (["daemon-reload"], ["enable", unit.name]):
        done = subprocess.run(["systemctl", *asked], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CannotInstall(f"systemctl {' '.join(asked)} failed: {done.stderr.strip()}")
    return unit


def clock_behind_ms(folder: Path) -> int:
    """By how many milliseconds the computer's clock is behind a time that has certainly passed; 0: it is not.

    That time is the cabinet's floor, which the cloud's answers and signatures have raised.
    """
    level = Floor(folder).read()
    floor_ms = int(level.kept.get("floor_ms", 0)) if level is not None else 0
    return max(0, floor_ms - int(time.time() * 1000))


def set_clock(behind_ms: int) -> None:
    """Put the computer's clock forward. ``CannotInstall`` without the right to."""
    try:
        time.clock_settime(time.CLOCK_REALTIME, time.time() + behind_ms / 1000)
    except PermissionError as error:
        raise CannotInstall("setting the clock needs root: start it with sudo.") from error


def _plain(path: Path) -> str:
    """As systemd reads a path: a percent sign would begin a specifier."""
    return str(path).replace("%", "%%")


def _quoted(path: Path) -> str:
    """One word of a command line of systemd, whatever the path holds."""
    escaped = _plain(path).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"'
