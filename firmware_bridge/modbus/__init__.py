"""One Modbus bus, one owner: a serial port, a gateway that passes RTU frames on, or Modbus TCP.

pymodbus makes and reads the protocol data units. Frames, turns, time-outs and silence are the line's: a
client that repeats an unlock by itself, or takes a late answer for the next one's, opens doors for nobody.
Only what a cabinet needs exists here: a timed pulse, outputs off, reading outputs, inputs and registers, and
writing the registers that ``requests`` says. No frame can turn an output on to stay.
"""

import contextlib
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import TypeVar

from pymodbus.pdu import DecodePDU, ModbusPDU

from config.cabinet.relays import RelayCard
from firmware_bridge.errors import BoardError, BoardRefused, ImpossibleReading
from firmware_bridge.line import LONGEST_ANSWER_BYTES, Exchange, Line, Refused, Wire
from firmware_bridge.modbus import tcp
from firmware_bridge.modbus.crc import has_crc, with_crc
from firmware_bridge.modbus.frames import EXCEPTION
from firmware_bridge.modbus.reading import read_frame, read_tcp_frame
from firmware_bridge.modbus.requests import (
    INPUTS_IN_A_REGISTER,
    all_off,
    opening,
    output_off,
    read_inputs,
    read_output,
    read_registers,
    registers_of,
    write_registers,
)
from firmware_bridge.ports import Permit

__all__ = [
    "FROM_GATEWAYS", "HOLDING", "INPUTS", "REPLY_SECONDS", "ModbusBus", "Refused", "all_off", "has_crc",
    "opening", "read_frame", "read_inputs", "read_registers", "read_tcp_frame", "with_crc", "write_registers",
]  # fmt: skip

T = TypeVar("T")
Find = Callable[[bytes, bool], T]
"""As ``Take`` of a line."""

REPLY_SECONDS = 0.14
INPUTS, HOLDING, INPUT = 0x02, 0x03, 0x04
# "0A gateway path unavailable, 0B gateway target device failed to respond": no word of the card's.
FROM_GATEWAYS = (0x0A, 0x0B)
# "04 unrecoverable error while attempting the action, 05 accepted, and takes long": it may have begun.
PERHAPS_BEGUN = (0x04, 0x05)

_decoder = DecodePDU(False)


class ModbusBus:
    """The owner of one wire with Modbus cards on it."""

    def __init__(self, wire: Wire) -> None:
        # "t3.5"; above 19200 baud the standard fixes it at 1.75 ms.
        quiet = 3.5 * wire.byte_seconds if wire.byte_seconds > 10 / 19201 else 0.00175
        self.line = Line(wire, quiet_seconds=quiet)
        self._transactions = cycle(range(1, 0x10000)) if wire.address.startswith(tcp.SCHEME) else None

    async def pulse(
        self, relays: RelayCard, card: int, channel: int, pulse_ms: int, *, board: str, permit: Permit
    ) -> Exchange[bytes | Refused]:
        """One pulse, sent at most once. See ``Line.command``; ``ValueError``: no pulse of such cards."""
        frame = opening(relays, card, channel, pulse_ms)
        take = _expect(card, frame[1], 8, lambda answer: answer if answer == frame else None)
        request, found = self._sealed(frame, _but_for_doubts(take))
        return await self.line.command(
            request, found, board=board, reply_seconds=REPLY_SECONDS, permit=permit
        )

    async def all_off(self, relays: RelayCard, card: int, channels: int, *, board: str) -> None:
        """All outputs off. See ``Line.ask``; ``BoardRefused``, ``ImpossibleReading`` when one stays on."""
        frame = all_off(relays, card, channels)
        take = _expect(card, frame[1], 8, lambda answer: answer if answer[:6] == frame[:6] else None)
        await self._ask(frame, take, board=board, urgent=True)
        if relays.all_off is not None and relays.first_state is not None:
            await self._see_nothing_kept(relays, card, board=board)
            for state in range(relays.first_state, relays.first_state + channels):
                if await self.is_on(relays, card, state, board=board, urgent=True):
                    raise self._stays_on(board, state, "after all were turned off")

    async def is_on(
        self, relays: RelayCard, card: int, state: int, *, board: str, urgent: bool = False
    ) -> bool:
        """Whether an output is on. See ``Line.ask``; ``BoardRefused``: the card does not tell."""
        frame = read_output(relays, card, state)
        read, length = (_bits, 6) if relays.state_function == 1 else (_words, 7)
        take = _expect(card, frame[1], length, lambda answer: read(answer, 1))
        done = await self._ask(frame, take, board=board, urgent=urgent)
        return done.answer not in ([False], [0])

    async def output_off(self, relays: RelayCard, card: int, state: int, *, board: str) -> None:
        """One output off, whatever card this is. See ``Line.ask``; ``BoardRefused``."""
        frame = output_off(relays, card, state)
        take = _expect(card, frame[1], 8, lambda answer: answer if answer[:6] == frame[:6] else None)
        await self._ask(frame, take, board=board, urgent=True)

    async def inputs(
        self, card: int, inputs: int, *, board: str, function: int = 2
    ) -> Exchange[list[bool] | Refused]:
        """The first ``inputs`` inputs, one by one or from registers. See ``Line.ask``; ``BoardRefused``."""
        frame = read_inputs(card, inputs, function)
        of_bytes = (inputs + 7) // 8 if function == 2 else 2 * registers_of(inputs)
        take = _expect(card, function, 5 + of_bytes, lambda answer: _bits(answer, inputs))
        return await self._ask(frame, take, board=board)

    async def registers(
        self, card: int, first: int, count: int, *, board: str, function: int = INPUT, urgent: bool = False
    ) -> Exchange[list[int] | Refused]:
        """Input or holding registers as unsigned 16 bit. See ``Line.ask``; ``BoardRefused``."""
        frame = read_registers(card, first, count, function)
        length = 5 + 2 * count
        take = _expect(card, function, length, lambda answer: _words(answer, count))
        return await self._ask(frame, take, board=board, urgent=urgent, longest_answer=length)

    async def write(
        self, card: int, first: int, values: Sequence[int], *, board: str, function: int, urgent: bool = False
    ) -> None:
        """Holding registers, written at most once. See ``Line.ask``; ``BoardRefused``, ``ValueError``.

        Its answer looks like its echo: ask something before, so that the line knows an adapter that echoes.
        """
        frame = write_registers(card, first, values, function)
        take = _expect(card, function, 8, lambda answer: answer if answer[:6] == frame[:6] else None)
        await self._ask(frame, take, board=board, urgent=urgent)

    async def _see_nothing_kept(self, relays: RelayCard, card: int, *, board: str) -> None:
        """Cards whose outputs are plain registers keep "all off" as the value of one, which is on then."""
        assert relays.all_off is not None
        register, value = relays.all_off
        asked = f"{board}, register {register}"  # a card that has none may be silent, and is none the worse
        try:
            done = await self.registers(card, register, 1, board=asked, function=HOLDING, urgent=True)
        except BoardError:
            return
        if done.answer in ([1], [value]):
            with contextlib.suppress(BoardError):
                await self.output_off(relays, card, register, board=board)
            raise self._stays_on(board, register, "as if it were a card of profile fc06")

    def _stays_on(self, board: str, state: int, when: str) -> ImpossibleReading:
        return ImpossibleReading(self.line.address, board, b"", f"that output {state} is on {when}")

    async def _echoed(self, frame: bytes, *, board: str) -> None:
        """What is answered by its own bytes, for the bus of lamps. See ``Line.ask``; ``BoardRefused``."""
        take = _expect(frame[0], frame[1], len(frame), lambda answer: answer if answer == frame else None)
        await self._ask(frame, take, board=board)

    async def _ask(
        self,
        frame: bytes,
        take: Find[T | Refused | None],
        *,
        board: str,
        urgent: bool = False,
        longest_answer: int = 0,
    ) -> Exchange[T | Refused]:
        request, found = self._sealed(frame, take)
        done: Exchange[T | Refused] = await self.line.ask(
            request, found, board=board, reply_seconds=REPLY_SECONDS, urgent=urgent,
            longest_answer=max(longest_answer, LONGEST_ANSWER_BYTES),
        )  # fmt: skip
        if isinstance(done.answer, Refused):
            raise BoardRefused(self.line.address, board, done.received, done.answer.code)
        return done

    def _sealed(self, frame: bytes, take: Find[T]) -> tuple[bytes, Find[T]]:
        """The request as this bus carries it, and what finds its answer there."""
        if self._transactions is None:
            return frame, take
        transaction = next(self._transactions)
        return tcp.sealed(transaction, frame), lambda received, silent: take(
            tcp.answer_to(transaction, received), silent
        )


def _expect(
    card: int, function: int, length: int, read: Callable[[bytes], T | None]
) -> Find[T | Refused | None]:
    """Finds an answer of this card to this function, wherever it stands among garbage."""

    def take(received: bytes, _: bool) -> T | Refused | None:
        for at in range(len(received) - 4):
            if received[at] != card:
                continue
            if received[at + 1] == function and has_crc(frame := received[at : at + length]):
                if len(frame) == length and (answer := read(frame)) is not None:
                    return answer
            elif received[at + 1] == function | EXCEPTION and has_crc(frame := received[at : at + 5]):
                return None if frame[2] in FROM_GATEWAYS else Refused(frame[2])
        return None

    return take


def _but_for_doubts(take: Find[T | Refused | None]) -> Find[T | Refused | None]:
    """Takes no refusal for one that leaves open whether the coil was energised."""

    def sure(received: bytes, silent: bool) -> T | Refused | None:
        answer = take(received, silent)
        return None if isinstance(answer, Refused) and answer.code in PERHAPS_BEGUN else answer

    return sure


def _bits(frame: bytes, inputs: int) -> list[bool] | None:
    if frame[1] == INPUT:
        return _unpacked(_words(frame, registers_of(inputs)), inputs)
    if frame[2] != (inputs + 7) // 8:
        return None
    decoded: ModbusPDU | None = _decoder.decode(frame[1:-2])
    return None if decoded is None else list(decoded.bits[:inputs])


def _unpacked(words: list[int] | None, inputs: int) -> list[bool] | None:
    if words is None:
        return None
    each = INPUTS_IN_A_REGISTER
    return [bool(words[n // each] >> n % each & 1) for n in range(inputs)]


def _words(frame: bytes, count: int) -> list[int] | None:
    if frame[2] != 2 * count:
        return None
    decoded: ModbusPDU | None = _decoder.decode(frame[1:-2])
    return None if decoded is None else list(decoded.registers[:count])
