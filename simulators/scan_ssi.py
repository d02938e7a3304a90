"""A scanner that speaks SSI: it sleeps, wants each packet acknowledged, and sends again what was not."""

import asyncio
from collections import deque
from dataclasses import replace

from firmware_bridge.scan_ssi import (
    ACK,
    AWAKE_AFTER_SECONDS,
    DECODED,
    DECODER,
    HOST,
    NAK,
    RESEND,
    RESENT,
    START,
    STOP,
    SUM_BYTES,
    TO_BE_CONTINUED,
    Packet,
)
from simulators.code_reader import CodeReader
from simulators.faults import Cause, Faults
from simulators.wire import Wire

SLEEPS_AFTER_SECONDS = 1.0
READS_SECONDS = 5.0
PACKET_ENDS_AFTER_SECONDS = 0.04
ANSWER_WITHIN_SECONDS = 0.3
"""So long the host may take to acknowledge; makers ship 2 s."""
RESENDS = 2
MOST_DATA = 240
SYMBOLOGY = b"\x1c"


class SsiReader(CodeReader):
    """One scanner without RTS/CTS lines."""

    def __init__(
        self, name: str, wire: Wire, faults: Faults | None = None, *, triggered: bool = False
    ) -> None:
        super().__init__(name, wire, faults)
        self.triggered = triggered
        self.obeyed: list[int] = []
        """The opcodes of the commands that it understood."""
        self._held: str | None = None
        self._reads_until = 0.0
        self._awake_from = self._awake_until = 0.0
        self._received = b""
        self._heard_at = 0.0
        self._to_send: deque[Packet] = deque()
        self._resends_left = RESENDS
        self._waits: asyncio.TimerHandle | None = None

    def show(self, text: str) -> None:
        """Hold a code there until it is read: at once, or when the host has it read."""
        self._held = text
        if not self.triggered or asyncio.get_running_loop().time() < self._reads_until:
            self._read()

    def hear(self, data: bytes) -> None:
        """Packets of the host. Asleep it hears nothing, but what comes wakes it."""
        super().hear(data)
        now = asyncio.get_running_loop().time()
        if now > self._awake_until:
            self._awake_from = now + AWAKE_AFTER_SECONDS
        self._awake_until = now + SLEEPS_AFTER_SECONDS
        if now - self._heard_at > PACKET_ENDS_AFTER_SECONDS:
            self._received = b""  # the rest of a packet that never came
        self._heard_at = now
        if now >= self._awake_from:
            self._received += data
            self._take_packets()

    def _take_packets(self) -> None:
        while self._received:
            length = self._received[0] + SUM_BYTES
            if self._received[0] == 0:  # a wake-up
                length = 1
            elif len(self._received) < length:
                return
            else:
                self._take(self._received[:length])
            self._received = self._received[length:]

    def _take(self, frame: bytes) -> None:
        try:
            packet = Packet.from_bytes(frame)
        except ValueError:
            self.wire.send(Packet(NAK, DECODER, data=bytes([RESEND])).to_bytes())
            return
        if packet.source == HOST:
            self._obey(packet)

    def _obey(self, packet: Packet) -> None:
        self.obeyed.append(packet.opcode)
        if packet.opcode == ACK:
            self._acknowledged()
        elif packet.opcode == NAK:
            self._send_again()
        else:
            self._send(Packet(ACK, DECODER))
            self._command(packet.opcode)

    def _command(self, opcode: int) -> None:
        now = asyncio.get_running_loop().time()
        if opcode == START:
            self._reads_until = now + READS_SECONDS
            self._read()
        elif opcode == STOP:
            self._reads_until = now

    def _read(self) -> None:
        if self._held is None:
            return
        code = self._held.encode()
        parts = [code[at : at + MOST_DATA] for at in range(0, len(code), MOST_DATA)]
        for number, part in enumerate(parts, start=1):
            status = TO_BE_CONTINUED if number < len(parts) else 0
            self._to_send.append(Packet(DECODED, DECODER, status, SYMBOLOGY + part))
        self._held, self._reads_until = None, 0.0
        if self._waits is None:
            self._send_next()

    def _send_next(self) -> None:
        self._resends_left = RESENDS
        if self._to_send:
            self._send_first(self._to_send[0])

    def _send_first(self, packet: Packet) -> None:
        self._send(packet)
        on_wire = len(packet.to_bytes()) * self.wire.byte_seconds
        loop = asyncio.get_running_loop()
        self._waits = loop.call_later(on_wire + ANSWER_WITHIN_SECONDS, self._send_again)

    def _stop_waiting(self) -> None:
        if self._waits is not None:
            self._waits.cancel()
        self._waits = None

    def _acknowledged(self) -> None:
        self._stop_waiting()
        if self._to_send:
            self._to_send.popleft()
        self._send_next()

    def _send_again(self) -> None:
        """It was not taken: once more, and after two more it is given up."""
        self._stop_waiting()
        if not self._to_send:
            return
        if not self._resends_left:
            self._to_send.clear()
            return
        self._resends_left -= 1
        again = self._to_send[0]
        self._send_first(replace(again, status=again.status | RESENT))

    def _send(self, packet: Packet) -> None:
        frame = packet.to_bytes()
        if self.has(Cause.WRONG_CHECK):
            frame = frame[:-1] + bytes([frame[-1] ^ 0x01])
        self._awake_until = asyncio.get_running_loop().time() + SLEEPS_AFTER_SECONDS
        self.wire.send(frame)
