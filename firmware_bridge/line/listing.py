"""The serial ports of this computer, and which programs hold them. Nothing is opened: that moves DTR.

An adapter that is pulled out comes back under another number. Names that stay are links that the system
keeps, by the adapter's id or by the socket it is put into, and ``usb:VID:PID`` or ``usb:VID:PID:SERIAL``,
which is looked up whenever the port is opened.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serial.tools import list_ports

from config.cabinet.parts import USB_NAME

BY_ID = Path("/dev/serial/by-id")
"""Where Linux keeps names that follow an adapter, whichever socket it is put into."""
BY_PATH = Path("/dev/serial/by-path")
"""Names that stay with a socket, whichever adapter is put into it: for adapters that cannot be told apart."""
USB = "usb:"
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
    return [described(device, title) for device, title in sorted(found.items())]


def described(name: str, title: str = "") -> SerialPort:
    """One port by any of its names; ``OSError`` where there is none, ``ValueError`` where it is no port."""
    device = Path(device_of(name))
    real = device.resolve(strict=True)
    if not stat.S_ISCHR(real.stat().st_mode):
        raise ValueError(f"{device} is no serial port")
    return SerialPort(str(real), _stable_name(real), "" if title == "n/a" else title, holders(real))


def device_of(name: str) -> str:
    """The device that the name of a port stands for right now.

    ``OSError`` where a name that begins with ``usb:`` stands for no adapter, or for several; it says which
    there are.
    """
    if not name.startswith(USB):
        return name
    wanted = USB_NAME.fullmatch(name)
    if wanted is None:
        raise OSError("expected usb:VID:PID or usb:VID:PID:SERIAL, as in usb:1a86:7523")
    there = _adapters()
    found = [port for port in there if _is_meant(port, *wanted.groups())]
    if len(found) == 1:
        return str(found[0].device)
    if found:
        shown = ", ".join(_shown(port) for port in found)
        raise OSError(f"{len(found)} adapters are that: {shown}; name one by {BY_PATH}/…, or by its serial")
    shown = ", ".join(_shown(port) for port in there) or "no USB adapter at all"
    raise OSError(f"no such adapter is plugged in; there is {shown}")


def holders(device: Path) -> tuple[Holder, ...] | None:
    """The programs that have it open, as far as this system tells."""
    if not PROCESSES.is_dir():
        return None
    found = []
    for process in PROCESSES.glob("[0-9]*"):
        try:
            if any(os.readlink(held) == str(device) for held in (process / "fd").iterdir()):  # noqa: PTH115
                found.append(Holder(int(process.name), (process / "comm").read_text().strip()))
        except OSError:
            continue  # it ended while we looked, or is another user's
    return tuple(sorted(found, key=lambda holder: holder.pid))


def _adapters() -> list[Any]:
    return sorted(port for port in list_ports.comports() if port.vid is not None)


def _is_meant(port: Any, vendor: str, product: str, serial: str | None) -> bool:
    is_kind = (port.vid, port.pid) == (int(vendor, 16), int(product, 16))
    return is_kind and serial in (None, port.serial_number)


def _usb_name(port: Any) -> str:
    serial = f":{port.serial_number}" if port.serial_number else ""
    return f"{USB}{port.vid:04x}:{port.pid:04x}{serial}"


def _shown(port: Any) -> str:
    return f"{_usb_name(port)} ({port.device})"


def _stable_name(real: Path) -> str:
    """The link by id; by socket where there is another adapter of the same id; or what it says by USB."""
    adapters = {port.device: _usb_name(port) for port in _adapters()}
    mine = adapters.get(str(real), "")
    if list(adapters.values()).count(mine) > 1:  # a link by id is that of whichever was plugged in last
        return next(iter(_links(BY_PATH, real)), "")
    names = (*_links(BY_ID, real), mine, *_links(BY_PATH, real))
    return next(filter(None, names), "")


def _links(folder: Path, real: Path) -> list[str]:
    names = sorted(folder.iterdir()) if folder.is_dir() else []
    return [str(name) for name in names if name.resolve() == real]
