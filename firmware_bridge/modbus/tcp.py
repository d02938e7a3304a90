"""Modbus TCP: what a serial wire carries, in another envelope.

Before a frame stand transaction, protocol 0 and length; there is no CRC. An answer carries the transaction of
its request, so that a late one cannot be taken for another's.
"""

import struct

from firmware_bridge.frames import in_hex
from firmware_bridge.modbus.crc import with_crc

SCHEME = "modbus-tcp://"
"""How addresses of such ports begin."""
HEADER = struct.Struct(">HHH")
PROTOCOL = 0
SHORTEST, LONGEST = 2, 254
"""Unit, function and what follows."""


def sealed(transaction: int, frame: bytes) -> bytes:
    """The frame of a serial wire as Modbus TCP carries it."""
    unit_and_more = frame[:-2]
    return HEADER.pack(transaction, PROTOCOL, len(unit_and_more)) + unit_and_more


def opened(frame: bytes) -> tuple[int, bytes]:
    """The transaction, and the frame as a serial wire would carry it. ``ValueError``: there is none."""
    if len(frame) < HEADER.size + SHORTEST:
        raise ValueError(f"too short for a Modbus TCP frame: {in_hex(frame)}")
    transaction, protocol, length = HEADER.unpack_from(frame)
    if protocol != PROTOCOL:
        raise ValueError(f"protocol {protocol} in {in_hex(frame)}: Modbus is {PROTOCOL}")
    if length != len(frame) - HEADER.size or length > LONGEST:
        there = len(frame) - HEADER.size
        raise ValueError(f"length {length} in {in_hex(frame)}: {there} bytes follow, of at most {LONGEST}")
    return transaction, with_crc(frame[HEADER.size :])


def answer_to(transaction: int, received: bytes) -> bytes:
    """What answers this request, as the frame of a serial wire; nothing when nothing does."""
    at = 0
    while len(received) >= at + HEADER.size:
        number, protocol, length = HEADER.unpack_from(received, at)
        end = at + HEADER.size + length
        if protocol != PROTOCOL or not SHORTEST <= length <= LONGEST:
            at += 1  # out of step: the head of an answer was thrown away with what came too late
        elif number != transaction:
            at = end
        else:
            return with_crc(received[at + HEADER.size : end]) if end <= len(received) else b""
    return b""
