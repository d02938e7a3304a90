"""A 125 kHz card reader: RDM6300, which repeats a card as long as it is there, or ID-12, which does not."""

from config.contract.codes import CARD_DIGITS
from firmware_bridge.scan_rdm6300 import SHORT, Card
from simulators.code_reader import CodeReader
from simulators.faults import Cause, Faults
from simulators.wire import Wire

REPEATS_EVERY_SECONDS = 0.1
STAYS_SECONDS = 0.5


class CardReader(CodeReader):
    """``line_end``: it is an ID-12."""

    def __init__(self, name: str, wire: Wire, faults: Faults | None = None) -> None:
        super().__init__(name, wire, faults)
        self.line_end = False

    def show(self, text: str) -> None:
        """Hold a card there for a moment; ``text`` is its number, 10 hexadecimal digits."""
        self.hold(text, STAYS_SECONDS)

    def hold(self, number: str, seconds: float) -> None:
        """Hold a card there for so long."""
        if len(number) != CARD_DIGITS:
            raise ValueError(f"a card has {CARD_DIGITS} hexadecimal digits, not {number}")
        frame = Card(number.upper(), self.line_end).to_bytes()
        if self.has(Cause.WRONG_CHECK):
            last = SHORT - 2
            frame = frame[:last] + (b"1" if frame[last : last + 1] == b"0" else b"0") + frame[last + 1 :]
        times = 1 if self.line_end else 1 + int(seconds / REPEATS_EVERY_SECONDS)
        for number_of_times in range(times):
            self.wire.send(frame, number_of_times * REPEATS_EVERY_SECONDS)
