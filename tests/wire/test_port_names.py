"""Names of ports that stay: an adapter that comes back under another number is found again."""

import asyncio
import os
import sys
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo
from typer.testing import CliRunner

from config.cabinet import parse
from config.cabinet.one_board import one_board
from config.problems import BadFile
from firmware_bridge.__main__ import app
from firmware_bridge.errors import PortUnavailable
from firmware_bridge.line import Wire, listing

run = CliRunner().invoke


class Tty:
    """One serial port of this computer, and what is plugged into it."""

    def __init__(self) -> None:
        self.far, self._near = os.openpty()
        tty.setraw(self._near)
        os.set_blocking(self.far, False)
        self.device = os.ttyname(self._near)

    def heard(self) -> bytes:
        try:
            return os.read(self.far, 100)
        except BlockingIOError:
            return b""

    def pull_out(self) -> None:
        for end in (self.far, self._near):
            os.close(end)
        self.far = self._near = -1


@pytest.fixture
def tty_() -> Iterator[Callable[[], Tty]]:
    made: list[Tty] = []

    def make() -> Tty:
        made.append(Tty())
        return made[-1]

    yield make
    for each in made:
        if each.far >= 0:
            each.pull_out()


class Adapters:
    """What pyserial would say is plugged in: the one thing here that no test can plug in."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.there: list[ListPortInfo] = []
        monkeypatch.setattr(listing.list_ports, "comports", lambda: list(self.there))

    def plug_in(self, device: str, vid: int = 0x1A86, pid: int = 0x7523, serial: str | None = None) -> None:
        port = ListPortInfo(device)
        port.vid, port.pid, port.serial_number, port.description = vid, pid, serial, "USB Serial"
        self.there.append(port)


@pytest.fixture
def adapters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Adapters:
    monkeypatch.setattr(listing, "BY_ID", tmp_path / "by-id")
    monkeypatch.setattr(listing, "BY_PATH", tmp_path / "by-path")
    return Adapters(monkeypatch)


async def test_a_link_that_points_to_another_port_now_is_followed(tty_, tmp_path, wait_until):
    before, after, link = tty_(), tty_(), tmp_path / "usb-1a86_USB_Serial-if00-port0"
    link.symlink_to(before.device)
    wire = Wire(str(link))
    await wire.open()
    wire.write(b"1")
    await wait_until(lambda: before.heard() == b"1")
    link.unlink()
    before.pull_out()
    await wait_until(lambda: not wire.is_open)
    link.symlink_to(after.device)
    await wait_until(lambda: wire.is_open, seconds=3)
    wire.write(b"2")
    await wait_until(lambda: after.heard() == b"2")
    assert wire.address == str(link)
    await wire.close()


async def test_an_adapter_that_comes_back_under_another_number_is_found_by_its_id(tty_, adapters, wait_until):
    before, after, other = tty_(), tty_(), tty_()
    adapters.plug_in(other.device, 0x0403, 0x6001)
    adapters.plug_in(before.device)
    wire = Wire("usb:1A86:7523")
    await wire.open()
    adapters.there.pop()
    before.pull_out()
    await wait_until(lambda: isinstance(wire.fault, PortUnavailable), seconds=3)
    assert str(wire.fault) == (
        "port usb:1A86:7523 cannot be opened: no such adapter is plugged in; "
        f"there is usb:0403:6001 ({other.device})"
    )
    adapters.plug_in(after.device)
    await wait_until(lambda: wire.is_open, seconds=3)
    wire.write(b"2")
    await wait_until(lambda: after.heard() == b"2")
    await wire.close()


async def test_adapters_that_are_alike_are_told_apart_by_serial_or_not_at_all(tty_, adapters):
    one, two = tty_(), tty_()
    adapters.plug_in(one.device, serial="A1")
    adapters.plug_in(two.device, serial="A2")
    assert listing.device_of("usb:1a86:7523:A2") == two.device
    wire = Wire("usb:1a86:7523")
    with pytest.raises(PortUnavailable) as told:
        await wire.open()
    await wire.close()
    first, second = sorted((f"usb:1a86:7523:A{n} ({each.device})" for n, each in ((1, one), (2, two))))
    for shown in (first, second, "2 adapters are that", "/by-path/"):
        assert shown in str(told.value)
    with pytest.raises(OSError, match="no such adapter is plugged in"):
        listing.device_of("usb:1a86:7523:A3")
    adapters.there.clear()
    with pytest.raises(OSError, match="there is no USB adapter at all"):
        listing.device_of("usb:1a86:7523")


@pytest.mark.parametrize("name", ["usb:", "usb:1a86", "usb:1a86:752", "usb:1a86:7523:", "usb:wxyz:0000"])
def test_a_name_that_is_none_is_refused_in_the_file_and_on_the_command_line(name):
    with pytest.raises(BadFile, match="is no usb:VID:PID or usb:VID:PID:SERIAL"):
        parse(one_board("lock_8a80", 1, 8, 9600, port=name))
    told = run(app, ["ports", name])
    assert (told.exit_code, told.stderr.strip()) == (
        2, f"{name}: expected usb:VID:PID or usb:VID:PID:SERIAL, as in usb:1a86:7523"
    )  # fmt: skip


def test_the_name_to_write_into_the_file_is_the_one_that_stays(tty_, adapters, tmp_path):
    one, two = tty_(), tty_()
    by_id, by_path = tmp_path / "by-id", tmp_path / "by-path"
    adapters.plug_in(one.device)
    assert listing.described(one.device).stable == "usb:1a86:7523"
    for folder in (by_id, by_path):
        folder.mkdir()
        (folder / "one").symlink_to(one.device)
    assert listing.described(one.device).stable == str(by_id / "one")
    assert listing.described("usb:1a86:7523").device == one.device
    # A second one of the same id: the link by id is that of whichever came last.
    adapters.plug_in(two.device)
    assert listing.described(one.device).stable == str(by_path / "one")
    assert listing.described(two.device).stable == ""
    (by_path / "two").symlink_to(two.device)
    told = run(app, ["ports", two.device, "--json"])
    assert f'"stable": "{by_path / "two"}"' in told.stdout


async def test_one_device_is_not_opened_twice_under_two_names(tty_, adapters, tmp_path):
    port, link = tty_(), tmp_path / "link"
    link.symlink_to(port.device)
    adapters.plug_in(port.device)
    names = (port.device, str(link), "usb:1a86:7523")
    for mine in names:
        first = Wire(mine)
        await first.open()
        for name in names:
            second = Wire(name)
            with pytest.raises(PortUnavailable, match="it is in use already"):
                await second.open()
            await second.close()
        await first.close()


HOLDS = "import sys, serial; port = serial.Serial(sys.argv[1], exclusive=True); print(1, flush=True); input()"


async def test_the_program_that_has_a_port_under_another_name_is_named(tty_, tmp_path):
    port, link = tty_(), tmp_path / "link"
    link.symlink_to(port.device)
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDS, port.device,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        await other.stdout.readline()
        wire = Wire(str(link))
        with pytest.raises(PortUnavailable, match=rf"another program has it: \S+ \({other.pid}\)"):
            await wire.open()
        await wire.close()
    finally:
        await other.communicate(b"\n")
