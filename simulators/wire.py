"""The far end of a serial wire: a pty or a TCP port that passes bytes no faster than its baud rate would.

A pty has no baud rate, so both ways are paced here: a request is heard when its last byte would have arrived,
and each byte of an answer leaves at the end of its own time.
"""

import asyncio
import contextlib
import os
import socket
import tty
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

REMEMBERED_CROSSINGS = 5_000


@dataclass(frozen=True, slots=True)
class Crossing:
    """Bytes seen at the boards' end: when the host's left the host, or ours were handed to it."""

    at: float
    to_host: bool
    data: bytes


class FarEnd(Protocol):
    """Where the host plugs in."""

    arrived: Callable[[bytes], None]

    @property
    def address(self) -> str: ...

    def write(self, data: bytes) -> None: ...
    def cut(self) -> None: ...
    async def restore(self) -> None: ...


class Wire:
    """One wire. ``heard`` gets each chunk of the host's bytes when the last of them has arrived."""

    def __init__(self, far_end: FarEnd, *, baud: int = 9600, bits_per_byte: int = 10) -> None:
        self.byte_seconds = bits_per_byte / baud
        self.heard: Callable[[bytes], None] = lambda data: None
        self.merged = False
        self.bytes_in = 0
        self.bytes_out = 0
        self.is_cut = True
        self.crossings: deque[Crossing] = deque(maxlen=REMEMBERED_CROSSINGS)
        self._far_end = far_end
        far_end.arrived = self.arrived
        self._host_free_at = 0.0
        self._board_free_at = 0.0
        self._outgoing: list[tuple[float, int]] = []
        self._pump: asyncio.TimerHandle | None = None
        self._hearing_since: float | None = None

    @property
    def address(self) -> str:
        """What the cabinet file would name as this wire's port."""
        return self._far_end.address

    async def restore(self) -> None:
        """Plug the wire in, under the same address as before."""
        if self.is_cut:
            await self._far_end.restore()
            self.is_cut = False

    def cut(self) -> None:
        """Pull the wire out; bytes under way are lost."""
        self.is_cut = True
        self._outgoing.clear()
        self._far_end.cut()

    def send(self, data: bytes, after: float = 0.0) -> None:
        """Send towards the host, beginning ``after`` so many seconds or when earlier bytes have left."""
        now = self._hearing_since or asyncio.get_running_loop().time()
        begin = max(now + after, self._board_free_at)
        self._board_free_at = begin + len(data) * self.byte_seconds
        for number, byte in enumerate(data, start=1):
            at = self._board_free_at if self.merged else begin + number * self.byte_seconds
            self._outgoing.append((at, byte))
        self._wake()

    def arrived(self, data: bytes) -> None:
        """The far end read these bytes; the boards hear them when they would have crossed the wire."""
        loop = asyncio.get_running_loop()
        self.bytes_in += len(data)
        self.crossings.append(Crossing(loop.time(), False, data))
        self._host_free_at = max(loop.time(), self._host_free_at) + len(data) * self.byte_seconds
        loop.call_at(self._host_free_at, self._hear, data, self._host_free_at)

    def _hear(self, data: bytes, at: float) -> None:
        if self.is_cut:
            return
        # What this program takes to think is not part of the wire: an answer is reckoned from the last byte.
        self._hearing_since = at
        self.heard(data)
        self._hearing_since = None

    def _wake(self) -> None:
        if self._pump is None and self._outgoing:
            self._pump = asyncio.get_running_loop().call_at(self._outgoing[0][0], self._send_due)

    def _send_due(self) -> None:
        self._pump = None
        now = asyncio.get_running_loop().time()
        due = bytes(byte for at, byte in self._outgoing if at <= now)
        del self._outgoing[: len(due)]
        if due and not self.is_cut:
            self.bytes_out += len(due)
            self._far_end.write(due)
            self.crossings.append(Crossing(asyncio.get_running_loop().time(), True, due))
        self._wake()


class PtyEnd:
    """A pty whose other side stands under a stable name, ``link``."""

    def __init__(self, link: Path) -> None:
        self.arrived: Callable[[bytes], None] = lambda data: None
        self._link = link
        self._ours: int | None = None
        self._theirs: int | None = None

    @property
    def address(self) -> str:
        return str(self._link)

    async def restore(self) -> None:
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        asyncio.get_running_loop().add_reader(self._ours, self._read)
        fresh = self._link.with_name(f".{self._link.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(self._theirs))
        fresh.replace(self._link)

    def cut(self) -> None:
        # The name goes first: the kernel gives the number of a closed pty to the next program that asks.
        self._link.unlink(missing_ok=True)
        if self._ours is not None and self._theirs is not None:
            asyncio.get_running_loop().remove_reader(self._ours)
            os.close(self._ours)
            os.close(self._theirs)
        self._ours = self._theirs = None

    def write(self, data: bytes) -> None:
        assert self._ours is not None
        # When nobody reads the other side its buffer fills up; as on a wire, the bytes are lost.
        with contextlib.suppress(BlockingIOError):
            os.write(self._ours, data)

    def _read(self) -> None:
        assert self._ours is not None
        try:
            data = os.read(self._ours, 4096)
        except OSError:
            return
        if data:
            self.arrived(data)


class TcpEnd:
    """A TCP port, as a serial-to-network gateway offers one; the last one to connect has the wire."""

    scheme = "socket"

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.arrived: Callable[[bytes], None] = lambda data: None
        self._host, self._port = host, port
        self._server: asyncio.Server | None = None
        self._connection: asyncio.StreamWriter | None = None

    @property
    def address(self) -> str:
        return f"{self.scheme}://{self._host}:{self._port}"

    def forget(self) -> None:
        """Nobody waits any more for what was asked before."""

    def heard(self, data: bytes) -> None:
        """The host's bytes, as they came."""
        self.arrived(data)

    async def restore(self) -> None:
        self._server = await asyncio.start_server(self._connected, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._connection is not None:
            self._connection.transport.abort()
        self._server = self._connection = None
        self.forget()

    def write(self, data: bytes) -> None:
        if self._connection is not None:
            self._connection.write(data)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._connection is not None:
            self._connection.transport.abort()
        self._connection = writer
        self.forget()
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while data := await reader.read(4096):
                self.heard(data)
        except ConnectionError:
            pass  # a hard close is how the host withdraws an opening
        finally:
            writer.close()
            if self._connection is writer:
                self._connection = None
