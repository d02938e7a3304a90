"""The check of Modbus frames on a serial wire."""

from pymodbus.framer import FramerRTU


def has_crc(frame: bytes) -> bool:
    """Whether the last two bytes are the CRC of all before them."""
    return len(frame) >= 4 and FramerRTU.compute_CRC(frame[:-2]) == int.from_bytes(frame[-2:], "big")


def with_crc(body: bytes) -> bytes:
    """The frame: ``body`` and its CRC."""
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")
