"""USB scanners that are keyboards ("wedges"): Linux's key events of one of them, as text.

The keyboard is grabbed, so that no code is ever typed into a console. A layout of the United States is
assumed, which is what scanners are shipped with. Only the kernel's own interface is used, no library.
"""

import errno
import fcntl
import os
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from config.cabinet import Reader
from config.cabinet.readers import READERS
from firmware_bridge.device import ReaderDevice
from firmware_bridge.line import Wire
from firmware_bridge.serial_reader import LONGEST_CODE, Found, Parted, SerialReader, Unreadable

# linux/input.h: "struct input_event { time (2 longs); __u16 type; __u16 code; __s32 value; }".
EVENT = struct.Struct("@llHHi")
# linux/input.h: "EVIOCGRAB _IOW('E', 0x90, int): Grab/Release device".
EVIOCGRAB = 0x40044590
# linux/input-event-codes.h: EV_SYN and its SYN_DROPPED, EV_KEY; values of a key: 0 up, 1 down, 2 repeated.
EV_SYN, SYN_DROPPED, EV_KEY = 0, 3, 1
UP, DOWN = 0, 1
ENDS = (28, 96, 15)
"""Enter, Enter of the keypad, Tab."""
SHIFTS = (42, 54)
KEY_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
    (55, "*", "*"),
    (71, "789-456+1230.", "789-456+1230."),
    (98, "/", "/"),
)
CHARACTERS = {
    first + at: both for first, *rows in KEY_ROWS for at, both in enumerate(zip(*rows, strict=True))
}
"""By key: the character without and with shift."""
MOST_KEYS = 4 * LONGEST_CODE
"""Each character takes up to three: shift, the character, shift let go."""
LET_GO_AFTER_SECONDS = 0.2
"""A code whose end does not come for so long is none: a wedge types a key in a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key went down or up; the key ``None``: the kernel says that it lost some."""

    key: int | None
    value: int = DOWN

    def to_bytes(self) -> bytes:
        if self.key is None:
            return EVENT.pack(0, 0, EV_SYN, SYN_DROPPED, 0)
        return EVENT.pack(0, 0, EV_KEY, self.key, self.value)


LOST = Key(None)


def keys(received: bytes) -> tuple[list[Key], bytes]:
    """The events that matter for text, and the bytes of one that is not complete."""
    whole = len(received) - len(received) % EVENT.size
    found = [_key(*event[2:]) for event in EVENT.iter_unpack(received[:whole])]
    return [key for key in found if key is not None], received[whole:]


def _key(kind: int, code: int, value: int) -> Key | None:
    if kind == EV_SYN and code == SYN_DROPPED:
        return LOST
    matters = kind == EV_KEY and (value == DOWN or (value == UP and code in SHIFTS))
    return Key(code, value) if matters else None


@dataclass(slots=True)
class _Typing:
    """What was typed since the last end of a code."""

    text: str = ""
    wrong: str = ""
    shifts: set[int] = field(default_factory=set)

    def add(self, key: Key) -> None:
        if key.key is None:
            self.wrong = self.wrong or "keystrokes were lost"
        elif key.key in SHIFTS:
            (self.shifts.add if key.value == DOWN else self.shifts.discard)(key.key)
        elif key.key in CHARACTERS:
            self.text += CHARACTERS[key.key][bool(self.shifts)]
        else:
            self.wrong = self.wrong or f"key {key.key} types no character"

    def end(self, unended: str = "") -> list[Found]:
        text, wrong = self.text.encode(), self.wrong or unended
        self.text = self.wrong = ""
        if wrong:
            return [Unreadable(text, wrong)]
        return [text] if text else []


def typed(pressed: Iterable[Key], silent: bool) -> tuple[list[Found], list[Key]]:
    """The codes that were typed, each ended by Enter or Tab, and the keys of one that has not ended.

    ``silent``: no key came for 0.2 s behind them, so what has not ended never will.
    """
    found: list[Found] = []
    rest: list[Key] = []
    typing = _Typing()
    for key in pressed:
        if key.key in ENDS:
            found += typing.end()
            rest = [Key(shift) for shift in typing.shifts]
        else:
            typing.add(key)
            rest.append(key)
    if silent and (typing.text or typing.wrong):
        found += typing.end("it was not ended by Enter or Tab")
    if len(rest) > MOST_KEYS:
        rest = [*rest[:MOST_KEYS], LOST]
    return found, [] if silent else rest


class Wedge(SerialReader):
    """One scanner; its wire carries the kernel's events."""

    ENDS_AFTER_SECONDS = LET_GO_AFTER_SECONDS

    def part(self, received: bytes, silent: bool) -> Parted:
        pressed, incomplete = keys(received)
        found, rest = typed(pressed, silent)
        return found, b"" if silent else b"".join(key.to_bytes() for key in rest) + incomplete

    def is_scan_begun(self, rest: bytes) -> bool:
        return any(key.key in CHARACTERS for key in keys(rest)[0])


# --- the device


def _grab(device: int) -> None:
    try:
        fcntl.ioctl(device, EVIOCGRAB, 1)
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise OSError("another program has grabbed it") from error
        raise OSError("it is no input device") from error


class Keyboard:
    """An input device (``/dev/input/by-id/…-event-kbd``) that nobody else reads; ``OSError`` if none."""

    def __init__(self, path: str, grab: Callable[[int], None] = _grab) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            grab(self._fd)
        except OSError:
            os.close(self._fd)
            raise

    def fileno(self) -> int:
        return self._fd

    def read(self) -> bytes:
        try:
            data = os.read(self._fd, 64 * EVENT.size)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError("hung up")
        return data

    def write(self, frame: bytes) -> None:
        raise OSError("a keyboard is told nothing")

    def close(self) -> None:
        os.close(self._fd)  # which lets go of the grab, too


async def plug(address: str) -> Keyboard:
    """Open a keyboard for us alone; ``OSError`` when that fails."""
    return Keyboard(address)


def _drive(reader: Reader, wire: Wire) -> Wedge:
    return Wedge(reader.name, wire)


DEVICE = ReaderDevice(READERS["scan_wedge"], _drive, plug)
