"""Honeywell and Newland scanners: text as other readers type it, and a few bytes that tell them to read.

The makes differ in these bytes only. Neither make's commands have a check byte.
"""

from dataclasses import dataclass
from typing import Self

from config.cabinet import Reader
from config.cabinet.readers import READERS
from firmware_bridge.device import ReaderDevice
from firmware_bridge.errors import UnreadableScan
from firmware_bridge.frames import Sender, in_hex
from firmware_bridge.line import Wire
from firmware_bridge.serial_reader import Parted, SerialReader, part_lines, read_text

HONEYWELL, NEWLAND = "honeywell", "newland"
# Honeywell: "16 54 0D trigger on, 16 55 0D off, 16 07 0D beep; 16 4D 0D, text, '.': menu command".
SYN, MENU = b"\x16", b"\x16\x4d\x0d"
# Newland: "1B 31 trigger, 1B 30 stop, 1B 33 continuous". 31 starts and 30 stops, not the other way round.
ESC = b"\x1b"
COMMANDS = {
    (HONEYWELL, "trigger"): b"\x16\x54\x0d",
    (HONEYWELL, "stop"): b"\x16\x55\x0d",
    (HONEYWELL, "beep"): b"\x16\x07\x0d",
    (NEWLAND, "trigger"): b"\x1b\x31",
    (NEWLAND, "stop"): b"\x1b\x30",
    (NEWLAND, "read continuously"): b"\x1b\x33",
}
# ACK and NAK: whether a scanner answers a trigger with one of them depends on its firmware.
ACKNOWLEDGEMENTS = b"\x06\x15"


@dataclass(frozen=True, slots=True)
class Command:
    """Host to scanner: what it is to do."""

    make: str
    does: str

    @property
    def meaning(self) -> str:
        return f"{self.make}: {self.does}"

    def to_bytes(self) -> bytes:
        return COMMANDS[self.make, self.does]

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are no command of either make."""
        for (make, does), known in COMMANDS.items():
            if frame == known:
                return cls(make, does)
        raise ValueError(f"wrong command, no Honeywell or Newland scanner knows it: {in_hex(frame)}")


@dataclass(frozen=True, slots=True)
class MenuCommand:
    """Host to a Honeywell scanner: change a setting. Can be read, is not made here."""

    setting: str

    @property
    def meaning(self) -> str:
        return f"honeywell: menu command {self.setting}"

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are no menu command."""
        text = frame.removeprefix(MENU)
        if text == frame or not text.endswith(b".") or not text[:-1].isascii() or not text[:-1].strip():
            raise ValueError(f"wrong menu command, it is 16 4d 0d, text and a full stop: {in_hex(frame)}")
        return cls(text[:-1].decode())


@dataclass(frozen=True, slots=True)
class Scanned:
    """Scanner to host: a code."""

    text: str

    @property
    def meaning(self) -> str:
        return f"scanned {self.text}"

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are not one line of text with its end."""
        if not frame.endswith((b"\r", b"\n")):
            raise ValueError(f"wrong end of a scan, it is no line end: {in_hex(frame)}")
        try:
            return cls(read_text("scanner", frame.lstrip(ACKNOWLEDGEMENTS)))
        except UnreadableScan as error:
            raise ValueError(f"wrong text of a scan: {in_hex(frame)}") from error


Frame = Command | MenuCommand | Scanned


def read_frame(frame: bytes, sender: Sender | None = None) -> Frame:
    """What bytes mean; ``ValueError`` when they mean nothing, or this sender does not send them."""
    is_command = frame.startswith((SYN, ESC))
    if sender is Sender.BOARD or (sender is None and not is_command):
        return Scanned.from_bytes(frame)
    return MenuCommand.from_bytes(frame) if frame.startswith(MENU) else Command.from_bytes(frame)


class TriggeredReader(SerialReader):
    """One scanner of such a make; ``make`` says whose."""

    def __init__(self, name: str, wire: Wire, make: str, *, triggered: bool = False) -> None:
        super().__init__(name, wire, triggered=triggered)
        self.make = make

    def part(self, received: bytes, silent: bool) -> Parted:
        lines, rest = part_lines(received, silent)
        codes = [line.lstrip(ACKNOWLEDGEMENTS) for line in lines]
        return [code for code in codes if code], rest.lstrip(ACKNOWLEDGEMENTS)

    def send_trigger(self) -> None:
        self.wire.write(Command(self.make, "trigger").to_bytes())


def _drive(reader: Reader, wire: Wire) -> TriggeredReader:
    return TriggeredReader(reader.name, wire, reader.make, triggered=reader.triggered)


DEVICE = ReaderDevice(READERS["scan_trigger"], _drive)
