"""A serial cable in memory: the host's end for the drivers, the far end for the simulated boards."""

import asyncio
from collections.abc import Callable

from simulators.scenario.virtual import VirtualLoop


class Cable:
    """The far end of one wire. See ``simulators.wire.FarEnd``."""

    def __init__(self, name: str) -> None:
        self.arrived: Callable[[bytes], None] = lambda data: None
        self.address = f"memory://{name}"
        self._is_cut = True
        self._host: HostEnd | None = None

    def plug(self) -> "HostEnd":
        """The host opens the port; ``OSError`` while the wire is cut."""
        if self._is_cut:
            raise OSError("there is no such port")
        self._host = HostEnd(self)
        return self._host

    def write(self, data: bytes) -> None:
        """Towards the host; lost when nobody has the port open."""
        if self._host is not None:
            self._host.take(data)

    def from_host(self, data: bytes) -> None:
        if not self._is_cut:
            self.arrived(data)

    def cut(self) -> None:
        """The port vanishes for the host."""
        self._is_cut = True
        if self._host is not None:
            self._host.hang_up()
        self._host = None

    async def restore(self) -> None:
        self._is_cut = False

    def let_go(self, host: "HostEnd") -> None:
        if self._host is host:
            self._host = None


class HostEnd:
    """What a driver reads and writes. See ``firmware_bridge.line.End``."""

    def __init__(self, cable: Cable) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self._loop, self._cable = loop, cable
        self._number = loop.new_pipe()
        self._received = b""
        self._hung_up = False

    @property
    def is_closed(self) -> bool:
        return self._hung_up

    def fileno(self) -> int:
        return self._number

    def read(self) -> bytes:
        data, self._received = self._received, b""
        if not data and self._hung_up:
            raise OSError("hung up")
        return data

    def write(self, frame: bytes) -> None:
        if self._hung_up:
            raise OSError("hung up")
        self._cable.from_host(frame)

    def close(self) -> None:
        self._hung_up = True
        self._cable.let_go(self)

    def take(self, data: bytes) -> None:
        if self._hung_up:
            return
        self._received += data
        self._loop.readable(self._number)

    def hang_up(self) -> None:
        self._hung_up = True
        self._loop.readable(self._number)
