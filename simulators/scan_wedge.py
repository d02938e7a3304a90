"""A USB scanner that is a keyboard: the events that Linux would make of its keystrokes."""

from firmware_bridge.scan_wedge import CHARACTERS, DOWN, ENDS, EV_KEY, EV_SYN, EVENT, SHIFTS, UP
from simulators.code_reader import CodeReader
from simulators.faults import Cause, Faults
from simulators.wire import Wire

KEYS = {CHARACTERS[key][shift]: (key, shift) for key in sorted(CHARACTERS, reverse=True) for shift in (1, 0)}
"""By character: its key, not one of the keypad where there is another, and whether it takes shift."""
KEY_SECONDS = 0.004
EVENTS_PER_KEY = 4
EV_MSC, MSC_SCAN = 4, 4


class Wedge(CodeReader):
    """``end``: the key behind each code."""

    def __init__(self, name: str, wire: Wire, faults: Faults | None = None) -> None:
        super().__init__(name, wire, faults)
        self.end = ENDS[0]
        wire.byte_seconds = KEY_SECONDS / (EVENTS_PER_KEY * EVENT.size)  # USB has no baud rate

    def show(self, text: str) -> None:
        """Hold a code there: it is typed, and ended by a key."""
        self.wire.send(b"".join(self._typed(letter) for letter in text))
        if not self.has(Cause.SUFFIX_MISSING):
            self.press(self.end)

    def press(self, key: int) -> None:
        """One key goes down and up."""
        self.wire.send(stroke(key))

    def _typed(self, letter: str) -> bytes:
        key, shift = KEYS[letter]
        if not shift:
            return stroke(key)
        return change(SHIFTS[0], DOWN) + stroke(key) + change(SHIFTS[0], UP)


def stroke(key: int) -> bytes:
    return change(key, DOWN) + change(key, UP)


def change(key: int, value: int) -> bytes:
    """What the kernel says of it: the scan code, the key, and that this was all."""
    return (
        EVENT.pack(1, 0, EV_MSC, MSC_SCAN, 0x70000 + key)
        + EVENT.pack(1, 0, EV_KEY, key, value)
        + EVENT.pack(1, 0, EV_SYN, 0, 0)
    )
