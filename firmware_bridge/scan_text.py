"""Readers that type what they see: one code a line, ended by CR, LF or silence.

The driver does not know what a code means. It refuses what can be no code, and counts it.
"""

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Callable

from firmware_bridge.errors import UnreadableScan
from firmware_bridge.line import Wire
from firmware_bridge.ports import Scan

LONGEST_CODE = 512
"""Our longest QR holds 151 characters; a foreign one may hold more and deserves a clear "unknown code"."""
ENDS_AFTER_SECONDS = 0.1
"""A reader set up without a suffix is done when it has been silent for so long."""
WAITING_SCANS = 16
"""Scans that nobody fetched are forgotten from the oldest on: people try again, and old codes help nobody."""


class TextReader:
    """A reader on a wire of its own; iterate over it to get its scans."""

    def __init__(self, name: str, wire: Wire) -> None:
        self.name, self.wire = name, wire
        self.refused = 0
        self.last_refusal: UnreadableScan | None = None
        self.begins: Callable[[], None] = lambda: None
        """Told when the first byte of a scan is there; the last one comes some 10 ms later."""
        self._line = bytearray()
        self._scans: asyncio.Queue[Scan] = asyncio.Queue(WAITING_SCANS)
        self._silence: asyncio.TimerHandle | None = None
        wire.heard = self._heard
        wire.lost = lambda error: self._forget()

    async def __aiter__(self) -> AsyncIterator[Scan]:
        while True:
            yield await self._scans.get()

    def _heard(self, data: bytes) -> None:
        if not self._line and data.strip(b"\r\n"):
            self.begins()
        if self._silence is not None:
            self._silence.cancel()
        *ended, rest = data.replace(b"\n", b"\r").split(b"\r")
        for piece in ended:
            self._add(piece)
            self._line_ends()
        self._add(rest)
        if self._line:
            self._silence = asyncio.get_running_loop().call_later(ENDS_AFTER_SECONDS, self._line_ends)

    def _add(self, piece: bytes) -> None:
        room = LONGEST_CODE + 1 - len(self._line)
        self._line += piece[:room]

    def _line_ends(self) -> None:
        line = bytes(self._line)
        self._forget()
        if not line:
            return
        try:
            text = read_text(self.name, line)
        except UnreadableScan as refusal:
            self.refused += 1
            self.last_refusal = refusal
            return
        if self._scans.full():
            self._scans.get_nowait()
        at = self.wire.last_received_at
        assert at is not None
        self._scans.put_nowait(Scan(text, at, self.name))

    def _forget(self) -> None:
        self._line.clear()


def read_text(reader: str, line: bytes) -> str:
    """One scan as text, without surrounding blanks; ``UnreadableScan`` when it is none."""
    if len(line) > LONGEST_CODE:
        raise UnreadableScan(reader, line, f"longer than {LONGEST_CODE} bytes")
    try:
        text = line.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise UnreadableScan(reader, line, "not text") from error
    if not text or any(unicodedata.category(letter) == "Cc" for letter in text):
        raise UnreadableScan(reader, line, "not text")
    return text
