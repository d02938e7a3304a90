"""A gateway from Modbus TCP to the serial wire behind it, as the host's end of a simulated bus.

It asks one thing at a time, lets the rest wait, passes an answer back under the transaction of its request,
and says so (exception 0B) when the card stays silent for a second.
"""

import asyncio
import struct
from collections import deque

from firmware_bridge.modbus.crc import has_crc, with_crc
from simulators.wire import TcpEnd

HEADER = struct.Struct(">HHH")
WAITS_SECONDS = 1.0
TARGET_SILENT = 0x0B
EXCEPTION = 0x80
LONGEST_BODY = 254
WRITES = (0x05, 0x06, 0x0F, 0x10)


class ModbusTcpEnd(TcpEnd):
    """The gateway; the last one to connect has the wire."""

    scheme = "modbus-tcp"

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(host, port)
        self._received = b""
        self._waiting: deque[bytes] = deque()
        self._asked: bytes | None = None
        self._answer = b""
        self._bell: asyncio.TimerHandle | None = None

    def forget(self) -> None:
        self._received, self._asked = b"", None
        self._waiting.clear()
        if self._bell is not None:
            self._bell.cancel()

    def heard(self, data: bytes) -> None:
        """The host's bytes; whole requests go on to the cards one by one."""
        self._received += data
        while len(self._received) >= HEADER.size:
            _, protocol, length = HEADER.unpack_from(self._received)
            end = HEADER.size + length
            if protocol != 0 or not 2 <= length <= LONGEST_BODY:
                self._received = b""  # no Modbus TCP at all: nothing behind it can be told apart
            elif len(self._received) < end:
                return
            else:
                self._waiting.append(self._received[:end])
                self._received = self._received[end:]
        self._ask_next()

    def write(self, data: bytes) -> None:
        """The cards' bytes; a whole answer goes back to the host."""
        self._answer += data
        if self._asked is not None and _is_whole(self._answer):
            self._tell(self._answer[:-2])

    def _ask_next(self) -> None:
        if self._asked is not None or not self._waiting:
            return
        self._asked, self._answer = self._waiting.popleft(), b""
        self._bell = asyncio.get_running_loop().call_later(WAITS_SECONDS, self._give_up)
        self.arrived(with_crc(self._asked[HEADER.size :]))

    def _give_up(self) -> None:
        assert self._asked is not None
        unit, function = self._asked[HEADER.size : HEADER.size + 2]
        self._tell(bytes([unit, function | EXCEPTION, TARGET_SILENT]))

    def _tell(self, unit_and_more: bytes) -> None:
        assert self._asked is not None
        assert self._bell is not None
        self._bell.cancel()
        super().write(self._asked[:4] + len(unit_and_more).to_bytes(2, "big") + unit_and_more)
        self._asked = None
        self._ask_next()


def _is_whole(answer: bytes) -> bool:
    if len(answer) < 5:
        return False
    if answer[1] & EXCEPTION:
        return len(answer) == 5 and has_crc(answer)
    return len(answer) == (8 if answer[1] in WRITES else 5 + answer[2]) and has_crc(answer)
