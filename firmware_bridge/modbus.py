"""One Modbus RTU bus, one owner; over a serial port, or behind a TCP gateway that passes RTU frames on.

pymodbus makes and reads the protocol data units. Frames, turns, time-outs and silence are the line's: a
client that repeats an unlock by itself, or takes a late answer for the next one's, opens doors for nobody.
Only what a cabinet needs exists here: a timed pulse, all outputs off, and reading inputs and registers. No
frame can turn a coil on to stay.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeVar

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadDiscreteInputsRequest,
    WriteMultipleCoilsRequest,
    WriteSingleCoilRequest,
)
from pymodbus.pdu.register_message import ReadInputRegistersRequest

from firmware_bridge.errors import BoardRefused
from firmware_bridge.frames import Sender, in_hex
from firmware_bridge.line import Exchange, Line, Wire
from firmware_bridge.ports import Permit

T = TypeVar("T")

# Waveshare, "flash on": write single coil at 0200 + relay, value = time in 100 ms, 0001 to 7FFF.
FLASH_ON = 0x0200
LONGEST_FLASH_TENTHS = 10
"""The protocol would allow an hour; a solenoid burns in seconds."""
REPLY_SECONDS = 0.14
EXCEPTION = 0x80

_framer = FramerRTU(DecodePDU(False))
_decoder = DecodePDU(False)


@dataclass(frozen=True, slots=True)
class Refused:
    """An exception answer and its code."""

    code: int


@dataclass(frozen=True, slots=True)
class RtuFrame:
    """Any Modbus RTU frame: card, function, and what stands between them and the CRC."""

    card: int
    function: int
    body: bytes

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """``ValueError`` when the CRC does not fit or there is too little for a frame."""
        if len(frame) < 4:
            raise ValueError(f"too short for a Modbus frame: {in_hex(frame)}")
        if not has_crc(frame):
            right = with_crc(frame[:-2])[-2:]
            raise ValueError(
                f"wrong CRC in {in_hex(frame)}: it is {frame[-2:].hex(' ')}, the bytes before it make "
                f"{right.hex(' ')}"
            )
        return cls(frame[0], frame[1], frame[2:-2])

    @property
    def meaning(self) -> str:
        return f"card {self.card}, function {self.function:02x}: {in_hex(self.body)}"

    def to_bytes(self) -> bytes:
        return with_crc(bytes([self.card, self.function]) + self.body)


def read_frame(frame: bytes, _: Sender | None = None) -> RtuFrame:
    """What a frame means; ``ValueError`` when it means nothing."""
    return RtuFrame.from_bytes(frame)


class FlashOn(WriteSingleCoilRequest):
    """Relay on, and off again by the card's own clock; pymodbus's ``write_coil`` cannot carry the time."""

    def __init__(self, card: int, relay: int, tenths: int) -> None:
        if not 0 <= relay < FLASH_ON:
            raise ValueError(f"relay {relay} is not between 0 and {FLASH_ON - 1}")
        if not 1 <= tenths <= LONGEST_FLASH_TENTHS:
            raise ValueError(
                f"a pulse of {tenths / 10} s is not between 0.1 and {LONGEST_FLASH_TENTHS / 10} s"
            )
        super().__init__(dev_id=card, address=FLASH_ON + relay)
        self.tenths = tenths

    def encode(self) -> bytes:
        """Address and time."""
        return struct.pack(">HH", self.address, self.tenths)


def has_crc(frame: bytes) -> bool:
    """Whether the last two bytes are the CRC of all before them."""
    return len(frame) >= 4 and FramerRTU.compute_CRC(frame[:-2]) == int.from_bytes(frame[-2:], "big")


def with_crc(body: bytes) -> bytes:
    """The frame: ``body`` and its CRC."""
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


def flash_on(card: int, relay: int, tenths: int) -> bytes:
    """The frame that energises one relay for ``tenths`` of a second; relays count from 0. ``ValueError``."""
    return _framer.buildFrame(FlashOn(card, relay, tenths))


def all_off(card: int, relays: int) -> bytes:
    """The frame that turns the first ``relays`` outputs off."""
    return _framer.buildFrame(WriteMultipleCoilsRequest(dev_id=card, address=0, bits=[False] * relays))


def read_inputs(card: int, inputs: int) -> bytes:
    """The frame that asks for the first ``inputs`` inputs."""
    return _framer.buildFrame(ReadDiscreteInputsRequest(dev_id=card, address=0, count=inputs))


def read_registers(card: int, first: int, count: int) -> bytes:
    """The frame that asks for input registers."""
    return _framer.buildFrame(ReadInputRegistersRequest(dev_id=card, address=first, count=count))


class ModbusBus:
    """The owner of one wire with Modbus cards on it."""

    def __init__(self, wire: Wire) -> None:
        # "t3.5"; above 19200 baud the standard fixes it at 1.75 ms.
        quiet = 3.5 * wire.byte_seconds if wire.byte_seconds > 10 / 19201 else 0.00175
        self.line = Line(wire, quiet_seconds=quiet)

    async def flash(
        self, card: int, relay: int, tenths: int, *, board: str, permit: Permit
    ) -> Exchange[bytes | Refused]:
        """One pulse, sent at most once. See ``Line.command``."""
        request = flash_on(card, relay, tenths)
        return await self.line.command(
            request,
            _expect(card, request[1], 8, lambda frame: frame if frame == request else None),
            board=board,
            reply_seconds=REPLY_SECONDS,
            permit=permit,
        )

    async def all_off(self, card: int, relays: int, *, board: str) -> None:
        """All outputs off. See ``Line.ask``; ``BoardRefused``."""
        request = all_off(card, relays)
        take = _expect(card, request[1], 8, lambda frame: frame if frame[:6] == request[:6] else None)
        done = await self.line.ask(request, take, board=board, reply_seconds=REPLY_SECONDS, urgent=True)
        self._granted(done, board)

    async def inputs(self, card: int, inputs: int, *, board: str) -> Exchange[list[bool] | Refused]:
        """The first ``inputs`` inputs. See ``Line.ask``; ``BoardRefused``."""
        request = read_inputs(card, inputs)
        take = _expect(card, request[1], 5 + (inputs + 7) // 8, lambda frame: _bits(frame, inputs))
        done: Exchange[list[bool] | Refused] = await self.line.ask(
            request, take, board=board, reply_seconds=REPLY_SECONDS
        )
        self._granted(done, board)
        return done

    async def registers(
        self, card: int, first: int, count: int, *, board: str
    ) -> Exchange[list[int] | Refused]:
        """Input registers as unsigned 16 bit. See ``Line.ask``; ``BoardRefused``."""
        request = read_registers(card, first, count)
        take = _expect(card, request[1], 5 + 2 * count, lambda frame: _words(frame, count))
        done: Exchange[list[int] | Refused] = await self.line.ask(
            request, take, board=board, reply_seconds=REPLY_SECONDS
        )
        self._granted(done, board)
        return done

    def _granted(self, done: Exchange[T | Refused], board: str) -> T:
        assert done.answer is not None
        if isinstance(done.answer, Refused):
            raise BoardRefused(self.line.address, board, done.received, done.answer.code)
        return done.answer


def _expect(
    card: int, function: int, length: int, read: Callable[[bytes], T | None]
) -> Callable[[bytes, bool], T | Refused | None]:
    """Finds an answer of this card to this function, wherever it stands among garbage."""

    def take(received: bytes, _: bool) -> T | Refused | None:
        for at in range(len(received) - 4):
            if received[at] != card:
                continue
            if received[at + 1] == function and has_crc(frame := received[at : at + length]):
                if len(frame) == length and (answer := read(frame)) is not None:
                    return answer
            elif received[at + 1] == function | EXCEPTION and has_crc(frame := received[at : at + 5]):
                return Refused(frame[2])
        return None

    return take


def _bits(frame: bytes, inputs: int) -> list[bool] | None:
    if frame[2] != (inputs + 7) // 8:
        return None
    decoded: ModbusPDU | None = _decoder.decode(frame[1:-2])
    return None if decoded is None else list(decoded.bits[:inputs])


def _words(frame: bytes, count: int) -> list[int] | None:
    if frame[2] != 2 * count:
        return None
    decoded: ModbusPDU | None = _decoder.decode(frame[1:-2])
    return None if decoded is None else list(decoded.registers[:count])
