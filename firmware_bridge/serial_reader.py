"""What all readers have in common that send codes over a wire; a family adds how its bytes part into scans.

A reader does not know what a code means. It refuses what can be no code, and counts it.
"""

import asyncio
import contextlib
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from firmware_bridge.errors import PortError, UnreadableScan
from firmware_bridge.line import Wire
from firmware_bridge.ports import Scan

LONGEST_CODE = 512
"""Our longest QR holds 151 characters; a foreign one may hold more and deserves a clear "unknown code"."""
ENDS_AFTER_SECONDS = 0.1
"""A reader set up without a suffix is done when it has been silent for so long."""
WAITING_SCANS = 16
"""Scans that nobody fetched are forgotten from the oldest on: people try again, and old codes help nobody."""
TRIGGER_AGAIN_SECONDS = 3.0
"""Scanners end a triggered reading by themselves, commonly after 5 s; told again before, they never rest."""
TRIGGER_AFTER_SCAN_SECONDS = 1.0
"""Time to take a code away; a scanner triggered at once would read the same one again."""
# "]", a code letter and a modifier name the symbology (]E0 an EAN-13, ]Q1 a QR); no code of ours begins so.
AIM_PREFIX = re.compile(r"^\][A-Za-z][0-9A-Za-z]")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Bytes among those received that are no scan, and why."""

    scanned: bytes
    reason: str


Found = bytes | Unreadable
Parted = tuple[Sequence[Found], bytes]
"""What was found in the bytes so far, in their order, and the bytes that more may follow on."""


class SerialReader(ABC):
    """A reader on a wire of its own; iterate over it to get its scans.

    ``triggered``: it is set up to read only when told to; it is told from ``start`` on, again and again.
    """

    ENDS_AFTER_SECONDS: ClassVar[float] = ENDS_AFTER_SECONDS

    def __init__(self, name: str, wire: Wire, *, triggered: bool = False) -> None:
        self.name, self.wire, self.triggered = name, wire, triggered
        self.refused = 0
        self.last_refusal: UnreadableScan | None = None
        self.begins: Callable[[], None] = lambda: None
        """Told when the first bytes of a scan are there; the last one comes some 10 ms later."""
        self._received = b""
        self._is_announced = False
        self._scans: asyncio.Queue[Scan] = asyncio.Queue(WAITING_SCANS)
        self._silence: asyncio.TimerHandle | None = None
        self._next_trigger: asyncio.TimerHandle | None = None
        wire.heard = self._heard
        wire.lost = lambda error: self._forget()

    # --- what a family says and hears

    @abstractmethod
    def part(self, received: bytes, silent: bool) -> Parted:
        """Part bytes into scans; ``silent`` says that nothing has come behind them for a while.

        What is left over when it was silent is forgotten.
        """

    def is_scan_begun(self, rest: bytes) -> bool:
        """Whether these bytes, which more may follow on, are those of a scan."""
        return bool(rest)

    def text_of(self, found: bytes) -> str | None:
        """The text of a scan, None when it is to be passed over. ``UnreadableScan``."""
        return read_text(self.name, found)

    def send_trigger(self) -> None:
        """Tell it to read now. ``PortError``."""
        raise NotImplementedError

    # --- what a reader does

    async def __aiter__(self) -> AsyncIterator[Scan]:
        while True:
            yield await self._scans.get()

    def start(self) -> None:
        """Keep telling it to read, if it has to be told."""
        if self.triggered:
            with contextlib.suppress(PortError):  # the wire says that it is lost; it is tried again
                self.send_trigger()
            self._trigger_after(TRIGGER_AGAIN_SECONDS)

    def stop(self) -> None:
        """Tell it nothing any more."""
        for timer in (self._next_trigger, self._silence):
            if timer is not None:
                timer.cancel()

    def _trigger_after(self, seconds: float) -> None:
        if self._next_trigger is not None:
            self._next_trigger.cancel()
        self._next_trigger = asyncio.get_running_loop().call_later(seconds, self.start)

    def _heard(self, data: bytes) -> None:
        if self._silence is not None:
            self._silence.cancel()
        self._received += data
        self._look(silent=False)
        if self._received:
            loop = asyncio.get_running_loop()
            self._silence = loop.call_later(self.ENDS_AFTER_SECONDS, self._look, True)

    def _look(self, silent: bool) -> None:
        found, rest = self.part(self._received, silent)
        self._received = b"" if silent else rest
        is_begun = self.is_scan_begun(self._received)
        if (found or is_begun) and not self._is_announced:
            self.begins()
        self._is_announced = is_begun
        for each in found:
            self._saw(each)

    def _saw(self, found: Found) -> None:
        try:
            if isinstance(found, Unreadable):
                raise UnreadableScan(self.name, found.scanned, found.reason)
            text = self.text_of(found)
        except UnreadableScan as refusal:
            self.refused += 1
            self.last_refusal = refusal
        else:
            if text is not None:
                self._deliver(text)
        if self.triggered and self._next_trigger is not None:
            self._trigger_after(TRIGGER_AFTER_SCAN_SECONDS)

    def _deliver(self, text: str) -> None:
        if self._scans.full():
            self._scans.get_nowait()
        at = self.wire.last_received_at
        assert at is not None
        self._scans.put_nowait(Scan(text, at, self.name))

    def _forget(self) -> None:
        self._received = b""
        self._is_announced = False


def read_text(reader: str, line: bytes) -> str:
    """One scan as text, without surrounding blanks and AIM prefix; ``UnreadableScan`` when it is none."""
    if len(line) > LONGEST_CODE:
        raise UnreadableScan(reader, line, f"longer than {LONGEST_CODE} bytes")
    try:
        text = AIM_PREFIX.sub("", line.decode("utf-8").strip()).strip()
    except UnicodeDecodeError as error:
        raise UnreadableScan(reader, line, "not text") from error
    if not text or any(unicodedata.category(letter) == "Cc" for letter in text):
        raise UnreadableScan(reader, line, "not text")
    return text


def part_lines(received: bytes, silent: bool) -> tuple[list[bytes], bytes]:
    """Lines that CR, LF or silence ends. Of an endless one only as much is kept as shows that it is one."""
    *ended, rest = received.replace(b"\n", b"\r").split(b"\r")
    if silent:
        ended, rest = [*ended, rest], b""
    return [line for line in ended if line], rest[: LONGEST_CODE + 1]


F = TypeVar("F")


def part_frames(
    received: bytes, silent: bool, length_of: Callable[[bytes], int], read: Callable[[bytes], F]
) -> tuple[list[F | Unreadable], bytes]:
    """The frames in these bytes, and what more bytes may complete.

    ``length_of``: how long the frame is that these bytes begin, 0 when they begin none. ``read``: the frame,
    or ``ValueError``. What is no frame is ``Unreadable``, once silence or a frame has ended it.
    """
    found: list[F | Unreadable] = []
    reasons: list[str] = []
    at = begun = 0
    while at < len(received):
        length = length_of(received[at:])
        if at + length > len(received) and not silent:
            break
        try:
            if not 0 < length <= len(received) - at:
                raise ValueError("no frame begins here")
            frame = read(received[at : at + length])
        except ValueError as error:
            reasons += [str(error)] * (length > 0)
            at += 1
        else:
            found += [*_noise(received[begun:at], reasons), frame]
            reasons = []
            at = begun = at + length
    if silent or at - begun > LONGEST_CODE:
        return [*found, *_noise(received[begun:at], reasons)], received[at:]
    return found, received[begun:]


def _noise(passed_over: bytes, reasons: list[str]) -> list[Unreadable]:
    reason = reasons[0] if reasons else "no frame"
    return [Unreadable(passed_over, reason)] if passed_over.strip(b"\0") else []
