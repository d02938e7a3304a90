"""Readers that type what they see: one code a line, ended by CR, LF or silence."""

from config.cabinet import Reader
from config.cabinet.readers import READERS
from firmware_bridge.device import ReaderDevice
from firmware_bridge.line import Wire
from firmware_bridge.serial_reader import LONGEST_CODE, Parted, SerialReader, part_lines, read_text

__all__ = ["DEVICE", "LONGEST_CODE", "TextReader", "read_text"]


class TextReader(SerialReader):
    """A reader that reads by itself and is told nothing."""

    def part(self, received: bytes, silent: bool) -> Parted:
        return part_lines(received, silent)


def _drive(reader: Reader, wire: Wire) -> TextReader:
    return TextReader(reader.name, wire)


DEVICE = ReaderDevice(READERS["scan_text"], _drive)
