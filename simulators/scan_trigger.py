"""Honeywell and Newland scanners: they type what they see, all the time or when they are told to."""

import asyncio

from firmware_bridge.scan_trigger import ACKNOWLEDGEMENTS, COMMANDS
from simulators.code_reader import CodeReader
from simulators.faults import Cause, Faults
from simulators.wire import Wire

READS_SECONDS = 5.0
"""So long a triggered scanner looks out for a code."""
ACK = ACKNOWLEDGEMENTS[:1]


class TriggeredReader(CodeReader):
    """``make`` says which bytes it knows; ``acknowledges``: its firmware answers them."""

    def __init__(
        self, name: str, wire: Wire, make: str, faults: Faults | None = None, *, triggered: bool = False
    ) -> None:
        super().__init__(name, wire, faults)
        self.make, self.triggered = make, triggered
        self.acknowledges = False
        self.done: list[str] = []
        """What it was told to do, and did."""
        self._held: str | None = None
        self._reads_until = 0.0
        self._received = b""

    def show(self, text: str) -> None:
        """Hold a code there until it is read: at once, or when the host has it read."""
        self._held = text
        if not self.triggered or asyncio.get_running_loop().time() < self._reads_until:
            self._read()

    def hear(self, data: bytes) -> None:
        """Commands of its make, wherever they stand; it takes no notice of anything else."""
        super().hear(data)
        self._received = (self._received + data)[-64:]
        while found := self._next_command():
            does, end = found
            self._received = self._received[end:]
            self._obey(does)

    def _next_command(self) -> tuple[str, int] | None:
        places = [
            (at, does, at + len(frame))
            for (make, does), frame in COMMANDS.items()
            if make == self.make and (at := self._received.find(frame)) >= 0
        ]
        return min(places)[1:] if places else None

    def _obey(self, does: str) -> None:
        self.done.append(does)
        if self.acknowledges:
            self.wire.send(ACK)
        now = asyncio.get_running_loop().time()
        match does:
            case "trigger":
                self._reads_until = now + READS_SECONDS
                self._read()
            case "stop":
                self._reads_until = now
            case "read continuously":
                self.triggered = False

    def _read(self) -> None:
        if self._held is not None:
            suffix = b"" if self.has(Cause.SUFFIX_MISSING) else b"\r"
            self.wire.send(self._held.encode() + suffix)
            self._held, self._reads_until = None, 0.0
