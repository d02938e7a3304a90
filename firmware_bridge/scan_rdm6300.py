"""125 kHz readers of staff cards, RDM6300 and ID-12: a number as soon as a card is near, and nothing to ask.

The number stands on the card for everybody to read and to copy. It is delivered as a text of its own form
(``codes.card_text``), which is no code, no token and no label; what it is worth is not known here.
"""

from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Self

from config.cabinet import Reader
from config.cabinet.readers import READERS
from config.contract.codes import CARD_DIGITS, card_text
from firmware_bridge.device import ReaderDevice
from firmware_bridge.frames import Sender, in_hex
from firmware_bridge.line import Wire
from firmware_bridge.serial_reader import Parted, SerialReader, Unreadable, part_frames, read_text

# "02, 10 hex digits, 2 hex digits (XOR of the five bytes), 03"; ID-12 sends CR LF before the 03.
STX, ETX, LINE_END = b"\x02", b"\x03", b"\r\n"
DIGITS = b"0123456789ABCDEF"
CHECK_DIGITS = 2
SHORT = len(STX) + CARD_DIGITS + CHECK_DIGITS + len(ETX)
LONG = SHORT + len(LINE_END)
AGAIN_AFTER_SECONDS = 1.0
"""RDM6300 repeats the number while the card stays; it has gone when so long nothing was heard of it."""


@dataclass(frozen=True, slots=True)
class Card:
    """Reader to host: a card is near. ``line_end``: CR LF stands before the last byte (ID-12)."""

    number: str
    line_end: bool = False

    @property
    def meaning(self) -> str:
        return f"card {self.number}"

    def to_bytes(self) -> bytes:
        check = reduce(xor, bytes.fromhex(self.number))
        return STX + f"{self.number}{check:02X}".encode() + LINE_END * self.line_end + ETX

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when these bytes are no card."""
        line_end = len(frame) == LONG
        if len(frame) not in (SHORT, LONG):
            raise ValueError(f"wrong length of a card, it has {SHORT} or {LONG} bytes: {in_hex(frame)}")
        if not frame.startswith(STX) or not frame.endswith(LINE_END * line_end + ETX):
            raise ValueError(f"wrong beginning or end of a card: {in_hex(frame)}")
        digits = frame[len(STX) :][: CARD_DIGITS + CHECK_DIGITS]
        if digits.strip(DIGITS):
            raise ValueError(f"wrong digit in a card, it is written in 0 to 9 and A to F: {in_hex(frame)}")
        *number, check = bytes.fromhex(digits.decode())
        if check != (made := reduce(xor, number)):
            raise ValueError(
                f"wrong check byte in {in_hex(frame)}: it is {check:02X}, the number makes {made:02X}"
            )
        return cls(digits[:CARD_DIGITS].decode(), line_end)


def read_frame(frame: bytes, sender: Sender | None = None) -> Card:
    """The card that these bytes are; ``ValueError`` when they are none, or the host would have sent them."""
    if sender is Sender.HOST:
        raise ValueError(f"wrong direction, these readers are told nothing: {in_hex(frame)}")
    return Card.from_bytes(frame)


def cards(received: bytes, silent: bool) -> tuple[list[Card | Unreadable], bytes]:
    """The cards in their order, and what more bytes may complete."""
    return part_frames(received, silent, _length, Card.from_bytes)


def _length(received: bytes) -> int:
    if not received.startswith(STX):
        return 0
    return LONG if received[SHORT - 1 : SHORT] == LINE_END[:1] else SHORT


class CardReader(SerialReader):
    """One reader. A card that stays is one scan."""

    def __init__(self, name: str, wire: Wire) -> None:
        super().__init__(name, wire)
        self._card = ""
        self._seen_at = 0.0

    def part(self, received: bytes, silent: bool) -> Parted:
        found, rest = cards(received, silent)
        return [each if isinstance(each, Unreadable) else each.number.encode() for each in found], rest

    def is_scan_begun(self, rest: bytes) -> bool:
        """A card opens nothing, so no line has to be kept free for it."""
        return False

    def text_of(self, found: bytes) -> str | None:
        card, at = read_text(self.name, found), self.wire.last_received_at or 0.0
        stays = card == self._card and at - self._seen_at < AGAIN_AFTER_SECONDS
        self._card, self._seen_at = card, at
        return None if stays else card_text(card)


def _drive(reader: Reader, wire: Wire) -> CardReader:
    return CardReader(reader.name, wire)


DEVICE = ReaderDevice(READERS["scan_rdm6300"], _drive)
