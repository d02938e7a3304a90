"""A GM65 scanner, byte for byte: 256 bytes of memory, a trigger, and scans between its answers."""

import asyncio

from firmware_bridge.scan_gm65 import ANSWER, COMMAND, TRIGGER_ZONE, Answer, Command, Does, Heartbeat, Scanned
from simulators.code_reader import CodeReader
from simulators.faults import Cause, Faults
from simulators.wire import Wire

MODE_ZONE, BAUD_ZONE = 0x0000, 0x002A
BY_COMMAND, CONTINUOUS = 1, 2
TURN_ROUND_SECONDS = 0.004
READS_SECONDS = 5.0
"""So long a triggered scanner looks out for a code."""


class Gm65(CodeReader):
    """``counted``: scans go behind their length, not before a CR. ``aim``: put in front of each code."""

    def __init__(
        self, name: str, wire: Wire, faults: Faults | None = None, *, triggered: bool = False
    ) -> None:
        super().__init__(name, wire, faults)
        self.counted, self.aim = False, ""
        self.memory = bytearray(256)
        self.memory[MODE_ZONE] = BY_COMMAND if triggered else CONTINUOUS
        self.memory[BAUD_ZONE : BAUD_ZONE + 2] = b"\x39\x01"
        self.triggers = 0
        self._held: str | None = None
        self._reads_until = 0.0
        self._received = b""

    def show(self, text: str) -> None:
        """Hold a code there until it is read: at once, or when the host has it read."""
        self._held = text
        if self.memory[MODE_ZONE] & 3 != BY_COMMAND or asyncio.get_running_loop().time() < self._reads_until:
            self._read()

    def hear(self, data: bytes) -> None:
        """Commands; one with a wrong CRC gets no answer."""
        super().hear(data)
        self._received += data
        while (at := self._received.find(COMMAND)) >= 0:
            self._received = self._received[at:]
            if len(self._received) < 4 or len(self._received) < 8 + self._received[3]:
                return
            length = 8 + self._received[3]
            frame, self._received = self._received[:length], self._received[length:]
            try:
                self._obey(Command.from_bytes(frame))
            except ValueError:
                continue
        self._received = self._received[-1:]

    def _obey(self, command: Command) -> None:
        zone = command.address % len(self.memory)
        match command.does:
            case Does.READ:
                self._answer(Answer(0, bytes(self.memory[zone : zone + command.data[0]]) or b"\x00"))
            case Does.WRITE:
                self.memory[zone : zone + len(command.data)] = command.data[: len(self.memory) - zone]
                self._answer(Answer(0, b"\x00"))
                if command.address == TRIGGER_ZONE and command.data[0] & 1:
                    self._trigger()
            case Does.SAVE:
                self._answer(Answer(0, b"\x00"))
            case Does.HEARTBEAT:
                self.wire.send(Heartbeat().to_bytes(), TURN_ROUND_SECONDS)

    def _trigger(self) -> None:
        self.triggers += 1
        self._reads_until = asyncio.get_running_loop().time() + READS_SECONDS
        self._read()

    def _read(self) -> None:
        """What is held there goes out right behind whatever was sent before."""
        if self._held is None:
            return
        scanned = Scanned(self.aim + self._held, self.counted).to_bytes()
        self.wire.send(scanned.rstrip(b"\r") if self.has(Cause.SUFFIX_MISSING) else scanned)
        self._held, self._reads_until = None, 0.0

    def _answer(self, answer: Answer) -> None:
        frame = answer.to_bytes()
        if self.has(Cause.WRONG_CHECK):
            frame = ANSWER + frame[2:-1] + bytes([frame[-1] ^ 0x01])
        self.wire.send(frame, TURN_ROUND_SECONDS)
