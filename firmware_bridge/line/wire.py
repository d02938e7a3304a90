"""One port, kept open: a tty, a pty or ``socket://host:port``; it comes back by itself when the port does.

A name that is a link, or ``usb:VID:PID``, is followed anew each time: the port may have come back elsewhere.

``modbus-tcp://host:port`` is a socket as well; who frames what runs on it knows the difference.
"""

import asyncio
import contextlib
import errno
import os
import socket
import struct
import termios
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import serial

from firmware_bridge.errors import PortError, PortGone, PortUnavailable
from firmware_bridge.line.listing import USB, device_of, holders

REOPEN_SECONDS = 0.5
"""A vanished port is tried again this often."""
CONNECT_SECONDS = 2.0
REMOTE = ("socket://", "modbus-tcp://")


class Direction(StrEnum):
    """Which way traced bytes went."""

    SENT = "sent"
    RECEIVED = "received"


Trace = Callable[[float, Direction, bytes], None]


class End(Protocol):
    """This side of an open port; its ``fileno`` is what the event loop watches."""

    def fileno(self) -> int: ...
    def read(self) -> bytes:
        """What is there, or b"" when nothing is; ``OSError`` when the other side is gone."""
        ...

    def write(self, frame: bytes) -> None: ...
    def close(self) -> None:
        """Let go, and destroy the bytes that were not delivered yet."""
        ...


class _SerialEnd:
    def __init__(self, address: str, baud: int, parity: str, stopbits: int) -> None:
        self._serial = serial.Serial(
            address, baud, parity=parity, stopbits=stopbits, timeout=0, exclusive=True
        )
        self._fd: int = self._serial.fileno()
        # pyserial sets VMIN to 0, which makes "nothing to read" look like "the port is gone".
        attributes = termios.tcgetattr(self._fd)
        attributes[6][termios.VMIN] = 1
        termios.tcsetattr(self._fd, termios.TCSANOW, attributes)

    def fileno(self) -> int:
        return self._fd

    def read(self) -> bytes:
        try:
            data = os.read(self._fd, 4096)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError("hung up")
        return data

    def write(self, frame: bytes) -> None:
        if os.write(self._fd, frame) != len(frame):
            raise OSError("the port took only a part of the frame")

    def close(self) -> None:
        # A tty otherwise delivers what it still holds for up to 30 s after it was closed.
        with contextlib.suppress(termios.error):
            termios.tcflush(self._fd, termios.TCIOFLUSH)
        with contextlib.suppress(OSError):
            self._serial.close()


def _taken(device: str) -> str:
    others = [str(each) for each in holders(Path(device).resolve()) or () if each.pid != os.getpid()]
    return f"another program has it: {', '.join(others)}" if others else "it is in use already"


class _SocketEnd:
    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> bytes:
        try:
            data = self._socket.recv(4096)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError("closed by the other side")
        return data

    def write(self, frame: bytes) -> None:
        if self._socket.send(frame) != len(frame):
            raise OSError("the connection took only a part of the frame")

    def close(self) -> None:
        # Without this the kernel delivers an unlock when the cable is put back, minutes later.
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


Plug = Callable[[str], Awaitable[End]]
"""Opens the port of this address; ``OSError`` when that fails."""


async def _connect(address: str, undelivered_seconds: float) -> _SocketEnd:
    scheme, _, place = address.partition("://")
    host, _, port = place.rpartition(":")
    if not host or not port.isdigit():
        raise OSError(f"expected {scheme}://host:port")
    made = socket.socket(socket.AF_INET6 if host.startswith("[") else socket.AF_INET, socket.SOCK_STREAM)
    made.setblocking(False)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(undelivered_seconds * 1000))
    try:
        loop = asyncio.get_running_loop()
        await asyncio.wait_for(loop.sock_connect(made, (host.strip("[]"), int(port))), CONNECT_SECONDS)
    except BaseException:
        made.close()
        raise
    return _SocketEnd(made)


class Wire:
    """One port. ``heard`` gets every byte that arrives, ``lost`` is told when the port vanishes."""

    def __init__(
        self,
        address: str,
        *,
        baud: int = 9600,
        parity: str = "N",
        stopbits: int = 1,
        undelivered_seconds: float = 0.2,
        trace: Trace | None = None,
        plug: Plug | None = None,
    ) -> None:
        self.address = address
        self.baud = baud
        self.byte_seconds = (1 + 8 + (parity != "N") + stopbits) / baud
        self.heard: Callable[[bytes], None] = lambda data: None
        self.lost: Callable[[PortError], None] = lambda error: None
        self.trace = trace
        self.last_sent_at: float | None = None
        self.last_received_at: float | None = None
        self.fault: PortError | None = PortUnavailable(address, "it was not opened yet")
        self._settings = (baud, parity, stopbits)
        self._undelivered_seconds = undelivered_seconds
        self._plug = plug if plug is not None else self._plug_in
        self._end: End | None = None
        self._reopening: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._end is not None

    @property
    def is_remote(self) -> bool:
        """Whether a network lies between: what was sent into a cut cable arrives when it is put back."""
        return self.address.startswith(REMOTE)

    async def open(self) -> None:
        """Open the port. ``PortUnavailable`` when that fails; it is then tried again until ``close``."""
        try:
            await self._open()
        except PortUnavailable:
            self._try_again()
            raise

    async def close(self) -> None:
        """Let go of the port, and of what it had not delivered."""
        if self._reopening is not None:
            self._reopening.cancel()
            await asyncio.gather(self._reopening, return_exceptions=True)
        self._shut(PortGone(self.address, "it was closed"))

    def write(self, frame: bytes) -> None:
        """Hand a frame to the port; ``PortError`` when there is none."""
        if self._end is None:
            raise self.fault or PortGone(self.address, "it is closed")
        try:
            self._end.write(frame)
        except OSError as error:
            raise self._vanish(error) from error
        self.last_sent_at = asyncio.get_running_loop().time()
        if self.trace is not None:
            self.trace(self.last_sent_at, Direction.SENT, frame)

    def drain(self) -> None:
        """Throw away what has arrived and was not asked for."""
        if self._end is not None:
            self._receive()

    def reopen(self, reason: str) -> None:
        """Close the port now, and whatever it still had to deliver; open it again at once."""
        self._shut(PortGone(self.address, reason))
        self._try_again(first_after=0.0)

    async def _open(self) -> None:
        try:
            self._end = await self._plug(self.address)
        except (OSError, ValueError, termios.error, TimeoutError) as error:
            self.fault = PortUnavailable(self.address, _reason(error))
            raise self.fault from error
        self.fault = None
        asyncio.get_running_loop().add_reader(self._end.fileno(), self._receive)

    async def _plug_in(self, address: str) -> End:
        if self.is_remote:
            return await _connect(address, self._undelivered_seconds)
        device = await asyncio.to_thread(device_of, address) if address.startswith(USB) else address
        try:
            return _SerialEnd(device, *self._settings)
        except OSError as error:
            if error.errno != errno.EAGAIN:  # the lock is the device's, whatever name it was opened by
                raise
            raise OSError(await asyncio.to_thread(_taken, device)) from error

    def _receive(self) -> None:
        assert self._end is not None
        try:
            data = self._end.read()
        except OSError as error:
            self._vanish(error)
            return
        if data:
            self.last_received_at = asyncio.get_running_loop().time()
            if self.trace is not None:
                self.trace(self.last_received_at, Direction.RECEIVED, data)
            self.heard(data)

    def _vanish(self, error: OSError) -> PortGone:
        gone = PortGone(self.address, _reason(error))
        self._shut(gone)
        self._try_again()
        return gone

    def _shut(self, why: PortError) -> None:
        if self._end is None:
            return
        end, self._end, self.fault = self._end, None, why
        asyncio.get_running_loop().remove_reader(end.fileno())
        end.close()
        self.lost(why)

    def _try_again(self, first_after: float = REOPEN_SECONDS) -> None:
        if self._reopening is None or self._reopening.done():
            self._reopening = asyncio.create_task(self._keep_trying(first_after))

    async def _keep_trying(self, first_after: float) -> None:
        await asyncio.sleep(first_after)
        while True:
            try:
                await self._open()
                return
            except PortUnavailable:
                await asyncio.sleep(REOPEN_SECONDS)


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no connection in time"
    number = getattr(error, "errno", None)  # pyserial's own words repeat the address
    return os.strerror(number) if number else str(error) or type(error).__name__
