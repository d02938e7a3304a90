"""The far side of a recorded port: it answers what was asked then as it was answered then, and nothing else.

The drivers meet it where a real port would be. Once a driver asks something else than the trace has, that
port stays silent, and ``parted`` says at which line.
"""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from firmware_bridge.line import Direction, End
from firmware_bridge.recording import Line


@dataclass(frozen=True, slots=True)
class Parted:
    """Where driver and trace part ways; ``line`` is None behind the last line of the port."""

    port: str
    line: int | None
    recorded: str
    asked: str

    def __str__(self) -> str:
        if self.line is None:
            return f"port {self.port}: behind its last line the driver sends {self.asked}"
        if not self.asked:
            return f"line {self.line}: the driver never sends {self.recorded} to {self.port}"
        return f"line {self.line}: to {self.port} the driver sends {self.asked}, not {self.recorded}"


class FarSide:
    """One recorded port."""

    def __init__(self, name: str, lines: Sequence[Line]) -> None:
        self.name = name
        self.parted: Parted | None = None
        self._left = list(lines)
        self._began = False
        self._end: _RecordedEnd | None = None

    def plug(self) -> End:
        """This side's end of the port. What came before the first request comes by itself."""
        self._end = _RecordedEnd(self)
        if not self._began:
            self._began = True
            self._deliver(since=0.0)
        return self._end

    def asked(self, request: bytes) -> None:
        """The driver wrote this."""
        if self.parted is not None:
            return
        if not self._left:
            self.parted = Parted(self.name, None, "", request.hex(" "))
        elif self._left[0].piece.data != request:
            line = self._left[0]
            self.parted = Parted(self.name, line.number, line.piece.data.hex(" "), request.hex(" "))
        else:
            self._deliver(since=self._left.pop(0).piece.at)

    def end(self) -> None:
        """Nothing more will be asked; what the trace has left is a parting too."""
        if self.parted is None and self._left:
            line = self._left[0]
            self.parted = Parted(self.name, line.number, line.piece.data.hex(" "), "")

    def _deliver(self, since: float) -> None:
        """Have all that was received before the next request arrive when it did."""
        loop = asyncio.get_running_loop()
        while self._left and self._left[0].piece.direction is Direction.RECEIVED:
            piece = self._left.pop(0).piece
            loop.call_later(max(0.0, piece.at - since), self._arrive, piece.data)

    def _arrive(self, data: bytes) -> None:
        if self._end is not None:
            self._end.arrive(data)


class _RecordedEnd:
    """A pair of sockets, because an event loop watches file descriptors."""

    def __init__(self, far_side: FarSide) -> None:
        self._far_side = far_side
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self._far.setblocking(False)

    def fileno(self) -> int:
        return self._near.fileno()

    def read(self) -> bytes:
        try:
            return self._near.recv(4096)
        except BlockingIOError:
            return b""

    def write(self, frame: bytes) -> None:
        self._far_side.asked(frame)

    def close(self) -> None:
        self._near.close()
        self._far.close()

    def arrive(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # the driver has closed its port, or reads no more
            self._far.send(data)
