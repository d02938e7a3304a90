"""Scanners that speak Zebra's Simple Serial Interface (GM67 and others): packets, each acknowledged.

The scanner is to be set up for packets ("packeted decode data"). A packet that was not acknowledged comes up
to twice again, marked as such. The pages of the makers say more about settings than this driver touches.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Self

from config.cabinet import Reader
from config.cabinet.readers import READERS
from firmware_bridge.device import ReaderDevice
from firmware_bridge.errors import PortError
from firmware_bridge.frames import Sender, in_hex
from firmware_bridge.line import Wire
from firmware_bridge.serial_reader import LONGEST_CODE, Found, Parted, SerialReader, Unreadable, part_frames

# "Length, opcode, source, status, data, checksum (2)"; the length counts all but the checksum.
SHORTEST = 4
SUM_BYTES = 2
# "Source: 04 host, 00 decoder."
HOST, DECODER = 0x04, 0x00
PARAMETER, ACK, NAK, START, STOP, BEEP, DECODED = 0xC6, 0xD0, 0xD1, 0xE4, 0xE5, 0xE6, 0xF3
OPCODES = {
    PARAMETER: "change parameters",
    ACK: "acknowledged",
    NAK: "not acknowledged",
    START: "start reading",
    STOP: "stop reading",
    BEEP: "beep",
    DECODED: "scanned",
}
# Bits of the status byte.
RESENT, TO_BE_CONTINUED, PERMANENT = 0x01, 0x02, 0x08
RESEND, BAD_CONTEXT, DENIED = 0x01, 0x02, 0x06
REASONS = {RESEND: "send again", BAD_CONTEXT: "not understood", DENIED: "denied"}
# "WAKEUP: 00, then wait 50 ms", where no RTS/CTS lines are wired; a command's first byte is lost without.
WAKE = b"\x00"
AWAKE_AFTER_SECONDS = 0.05
SAID_AFTER_SECONDS = 0.08
"""More than that, because the two writes can come out of an adapter closer together than they went in."""
CONTINUED_WITHIN_SECONDS = 3.0
"""The next packet of a long code, or the same one again, comes sooner than this."""


def checksum(packet: bytes) -> bytes:
    """Two's complement of the sum of all bytes, 16 bits, high byte first."""
    return (-sum(packet) & 0xFFFF).to_bytes(SUM_BYTES, "big")


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet, either way."""

    opcode: int
    source: int
    status: int = 0
    data: bytes = b""

    def __post_init__(self) -> None:
        if self.opcode not in OPCODES:
            raise ValueError(f"wrong opcode {self.opcode:02x}, it is not known here")
        if self.source not in (HOST, DECODER):
            raise ValueError(f"wrong source {self.source:02x}, neither host (04) nor scanner (00)")
        if len(self.data) > 0xFF - SHORTEST:
            raise ValueError(f"wrong length of a packet: {len(self.data)} bytes of data are too many")

    @property
    def meaning(self) -> str:
        who = "host" if self.source == HOST else "scanner"
        return f"{who}: {OPCODES[self.opcode]}{self._about()}{' (sent again)' * (self.status & RESENT)}"

    def to_bytes(self) -> bytes:
        head = bytes([SHORTEST + len(self.data), self.opcode, self.source, self.status])
        return head + self.data + checksum(head + self.data)

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are no packet."""
        if len(frame) < SHORTEST + SUM_BYTES or frame[0] != len(frame) - SUM_BYTES:
            raise ValueError(f"wrong length of an SSI packet: {in_hex(frame)}")
        if frame[-SUM_BYTES:] != (made := checksum(frame[:-SUM_BYTES])):
            is_ = frame[-SUM_BYTES:].hex()
            raise ValueError(f"wrong checksum in {in_hex(frame)}: it is {is_}, the bytes make {made.hex()}")
        try:
            return cls(frame[1], frame[2], frame[3], frame[SHORTEST:-SUM_BYTES])
        except ValueError as error:
            raise ValueError(f"{error}: {in_hex(frame)}") from None

    def _about(self) -> str:
        if not self.data:
            return ""
        first, rest = self.data[0], self.data[1:]
        if self.opcode == NAK:
            return f", {REASONS.get(first, f'reason {first:02x}')}"
        if self.opcode == PARAMETER:
            return f" to {rest.hex(' ')}, beep {first:02x}{', for good' * bool(self.status & PERMANENT)}"
        if self.opcode == DECODED:
            return f" {rest.decode(errors='replace')}, symbology {first:02x}"
        return f" {self.data.hex(' ')}"


ACKNOWLEDGED = Packet(ACK, HOST).to_bytes()
SEND_AGAIN = Packet(NAK, HOST, data=bytes([RESEND])).to_bytes()
START_READING = Packet(START, HOST).to_bytes()


def read_frame(frame: bytes, sender: Sender | None = None) -> Packet:
    """What a packet means; ``ValueError`` when it means nothing, or this sender does not send it."""
    packet = Packet.from_bytes(frame)
    if sender is not None and (packet.source == HOST) != (sender is Sender.HOST):
        raise ValueError(f"wrong source {packet.source:02x} of a packet from the {sender}: {in_hex(frame)}")
    return packet


def packets(received: bytes, silent: bool) -> tuple[list[Packet | Unreadable], bytes]:
    """The scanner's packets in their order, and what more bytes may complete."""
    return part_frames(received, silent, _length, Packet.from_bytes)


def _length(received: bytes) -> int:
    return received[0] + SUM_BYTES if _may_begin(received) else 0


def _may_begin(received: bytes) -> bool:
    """Whether a packet of the scanner stands here, as far as its first bytes tell."""
    length, rest = received[0], received[1:3]
    return length >= SHORTEST and (not rest or (rest[0] in OPCODES and rest[1:] in (b"", bytes([DECODER]))))


class SsiReader(SerialReader):
    """One scanner. It is acknowledged in any case; triggered, it is told to start reading."""

    def __init__(self, name: str, wire: Wire, *, triggered: bool = False) -> None:
        super().__init__(name, wire, triggered=triggered)
        self._begun = b""
        self._last: bytes | None = None
        self._last_at = 0.0

    def part(self, received: bytes, silent: bool) -> Parted:
        pieces, rest = packets(received, silent)
        found: list[Found] = []
        for piece in pieces:
            if isinstance(piece, Unreadable):
                self._last = None
                self._say(SEND_AGAIN)
                found.append(piece)
            elif piece.opcode == DECODED:
                self._say(ACKNOWLEDGED)
                found += self._decoded(piece)
        return found, rest

    def is_scan_begun(self, rest: bytes) -> bool:
        return rest[1:2] == bytes([DECODED])

    def send_trigger(self) -> None:
        self.wire.write(WAKE)
        asyncio.get_running_loop().call_later(SAID_AFTER_SECONDS, self._say, START_READING)

    def _decoded(self, packet: Packet) -> list[Found]:
        """The code, when its last packet is there; one that comes again was not lost, only our word was."""
        at = self.wire.last_received_at or 0.0
        if at - self._last_at > CONTINUED_WITHIN_SECONDS:
            self._begun, self._last = b"", None
        if packet.status & RESENT and packet.data == self._last:
            return []
        self._last, self._last_at = packet.data, at
        self._begun = (self._begun + packet.data[1:])[: LONGEST_CODE + 1]
        if packet.status & TO_BE_CONTINUED:
            return []
        code, self._begun = self._begun, b""
        return [code]

    def _say(self, packet: bytes) -> None:
        with contextlib.suppress(PortError):  # the wire says that it is lost; the scanner sends again
            self.wire.write(packet)

    def _forget(self) -> None:
        super()._forget()
        self._begun, self._last = b"", None


def _drive(reader: Reader, wire: Wire) -> SsiReader:
    return SsiReader(reader.name, wire, triggered=reader.triggered)


DEVICE = ReaderDevice(READERS["scan_ssi"], _drive)
