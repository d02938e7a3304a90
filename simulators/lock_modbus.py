"""Relay and input cards on Modbus RTU, byte for byte: Waveshare's, and other makes with habits of their own.

Unlike the driver the cards know how to turn a relay on to stay, so that a test can see what that would do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pymodbus.framer import FramerRTU

from config import cabinet as files
from simulators.cabinet import Cabinet
from simulators.lock_board import Wired

FLASH_ON = 0x0200
ALL_RELAYS = 0x00FF
ON, OFF, TOGGLE = 0xFF00, 0x0000, 0x5500
INPUTS_IN_A_REGISTER = 16
EXCEPTION = 0x80
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
REGISTERS = {0x4000: 0, 0x8000: 0x00C8, 0x2000: 0x0001, **{0x1000 + n: 0 for n in range(8)}}


class _Exception(Exception):
    def __init__(self, code: int) -> None:
        self.code = code


@dataclass(slots=True)
class ModbusCard:
    """One card: relays, inputs or both. ``locks`` and ``switches`` name the compartment on each channel.

    ``beams`` do so for the inputs that a light beam is wired to. ``inputs_function`` reads the inputs: 2
    one by one, 4 as registers of sixteen.
    """

    HEARS_BROADCASTS: ClassVar[bool] = True
    ANSWERS_BROADCASTS: ClassVar[bool] = False
    """Those that read; nobody answers one that writes."""

    name: str
    address: int
    cabinet: Cabinet
    relays: int = 0
    inputs: int = 0
    locks: Mapping[int, str] = field(default_factory=dict)
    switches: Mapping[int, str] = field(default_factory=dict)
    closed_input: bool = True
    beams: Mapping[int, str] = field(default_factory=dict)
    clear_input: bool = True
    registers: dict[int, int] = field(default_factory=lambda: dict(REGISTERS))
    inputs_function: int = 2
    contacts: dict[int, tuple[str, bool]] = field(default_factory=dict)
    """Contacts of the case: by input, which one, and its level while nobody is at it."""

    lamps: dict[int, str] = field(default_factory=dict)
    """Lamps and buzzers, by output."""

    def split(self, received: bytes) -> tuple[list[bytes], bytes]:
        return requests(received)

    def hear(self, frame: bytes, address: int) -> bytes | None:
        """Act and answer; frames for other cards and broadcasts get silence."""
        if frame[0] != address and (frame[0] or not self.HEARS_BROADCASTS):
            return None
        body, function = frame[2:-2], frame[1]
        try:
            answer = bytes([function]) + self._act(function, body)
        except _Exception as refusal:
            answer = bytes([function | EXCEPTION, refusal.code])
        if frame[0] == 0 and not (function == 0x03 and self.ANSWERS_BROADCASTS):
            return None
        return with_crc(frame[:1] + answer)

    def damage_check(self, answer: bytes, address: int | None) -> bytes:
        return damaged(answer, address)

    def power_off(self) -> None:
        """All coils drop."""
        for label in self.locks.values():
            self.cabinet.drop(label)
        for lamp in self.lamps.values():
            self.cabinet.light(lamp, False)

    def _act(self, function: int, body: bytes) -> bytes:
        first, second = int.from_bytes(body[:2], "big"), int.from_bytes(body[2:4], "big")
        match function:
            case 0x01:
                return _packed([self._energised(n) for n in self._range(first, second, self.relays)])
            case 0x02 | 0x04 if function == self.inputs_function:
                return self._read_inputs(first, second)
            case 0x03:
                return self._read_registers(first, second)
            case 0x05:
                self._write_one(first, second)
                return body
            case 0x06:
                self._write_register(first, second)
                return body
            case 0x0F:
                bits = int.from_bytes(body[5:], "little")
                for at, n in enumerate(self._range(first, second, self.relays)):
                    self._set(n, bool(bits >> at & 1))
                return body[:4]
        raise _Exception(ILLEGAL_FUNCTION)

    def _range(self, first: int, count: int, size: int) -> range:
        if not 1 <= count <= size or not 0 <= first <= size - count:
            raise _Exception(ILLEGAL_ADDRESS)
        return range(first, first + count)

    def _read_inputs(self, first: int, count: int) -> bytes:
        if self.inputs_function == 2:
            return _packed([self._level(n) for n in self._range(first, count, self.inputs)])
        size = INPUTS_IN_A_REGISTER
        registers = self._range(first, count, -(-self.inputs // size))
        return _words(sum(self._level(size * at + n) << n for n in range(size)) for at in registers)

    def _write_one(self, address: int, value: int) -> None:
        if FLASH_ON <= address < FLASH_ON + self.relays:
            self._flash(address - FLASH_ON, value)
        elif address == ALL_RELAYS and value in (ON, OFF):
            for n in range(self.relays):
                self._set(n, value == ON)
        elif address >= self.relays:
            raise _Exception(ILLEGAL_ADDRESS)
        elif value == TOGGLE:
            self._set(address, not self._energised(address))
        elif value in (ON, OFF):
            self._set(address, value == ON)
        else:
            raise _Exception(ILLEGAL_VALUE)

    def _flash(self, relay: int, tenths: int) -> None:
        if not 1 <= tenths <= 0x7FFF:
            raise _Exception(ILLEGAL_VALUE)
        self._time(relay, tenths / 10)

    def _time(self, relay: int, seconds: float) -> None:
        if (label := self.locks.get(relay + 1)) is not None:
            self.cabinet.pulse(label, seconds)

    def _set(self, relay: int, on: bool) -> None:
        if (lamp := self.lamps.get(relay + 1)) is not None:
            self.cabinet.light(lamp, on)
        label = self.locks.get(relay + 1)
        if label is None:
            return
        if on:
            self.cabinet.hold(label)
        else:
            self.cabinet.drop(label)

    def _energised(self, relay: int) -> bool:
        if (lamp := self.lamps.get(relay + 1)) is not None:
            return self.cabinet.lamp_is_on(lamp)
        label = self.locks.get(relay + 1)
        return label is not None and self.cabinet.compartment(label).coil_on

    def _level(self, number: int) -> bool:
        if (contact := self.contacts.get(number + 1)) is not None:
            return self.cabinet.contact_level(*contact)
        if (label := self.beams.get(number + 1)) is not None:
            return self.cabinet.beam_interrupted(label) != self.clear_input
        label = self.switches.get(number + 1)
        is_open = self.cabinet.switch_open(label) if label is not None else True
        return is_open != self.closed_input

    def _read_registers(self, first: int, count: int) -> bytes:
        wanted = range(first, first + count)
        if not 1 <= count <= 16 or any(n not in self.registers for n in wanted):
            raise _Exception(ILLEGAL_ADDRESS)
        values = [self.address if n == 0x4000 else self.registers[n] for n in wanted]
        return _words(values)

    def _write_register(self, register: int, value: int) -> None:
        if register not in self.registers:
            raise _Exception(ILLEGAL_ADDRESS)
        if register == 0x4000:
            if not 1 <= value <= 247:
                raise _Exception(ILLEGAL_VALUE)
            self.address = value
        self.registers[register] = value


@dataclass(slots=True)
class Eletechsup(ModbusCard):
    """Outputs are registers from 1 on, and the high byte of what is written says what to do; no broadcast."""

    HEARS_BROADCASTS: ClassVar[bool] = False

    def _act(self, function: int, body: bytes) -> bytes:
        first, second = int.from_bytes(body[:2], "big"), int.from_bytes(body[2:4], "big")
        match function:
            case 0x03:
                outputs = self._range(first - 1, second, self.relays)
                return _words(self._energised(n) for n in outputs)
            case 0x06:
                self._command(first, second >> 8, second & 0xFF)
                return body
            case 0x02 | 0x04:
                return super(Eletechsup, self)._act(function, body)
        raise _Exception(ILLEGAL_FUNCTION)

    def _command(self, output: int, order: int, seconds: int) -> None:
        outputs = range(self.relays) if output == 0 else self._range(output - 1, 1, self.relays)
        for n in outputs:
            match order:
                case 0x01 if output:
                    self._set(n, True)
                case 0x02 if output:
                    self._set(n, False)
                case 0x03 if output:
                    self._set(n, not self._energised(n))
                case 0x04 if output:
                    for other in range(self.relays):
                        self._set(other, other == n)
                case 0x05 if output:
                    self._time(n, 1.0)
                case 0x06 if output and seconds:
                    self._time(n, float(seconds))
                case 0x07 | 0x08 if not output:
                    self._set(n, order == 0x07)
                case _:
                    raise _Exception(ILLEGAL_VALUE)


@dataclass(slots=True)
class Value0100(ModbusCard):
    """Wants 0100 where the standard says FF00, which it refuses; nothing is timed."""

    def _write_one(self, address: int, value: int) -> None:
        if address >= self.relays:
            raise _Exception(ILLEGAL_ADDRESS)
        if value not in (0x0100, OFF):
            raise _Exception(ILLEGAL_VALUE)
        self._set(address, value != OFF)


@dataclass(slots=True)
class Fc06(ModbusCard):
    """Outputs are registers from 0 on, 1 is on and 0 is off; inputs come in registers.

    ``takes_any``: any value but 0 is on.
    """

    inputs_function: int = 4
    takes_any: bool = False

    def _act(self, function: int, body: bytes) -> bytes:
        first, second = int.from_bytes(body[:2], "big"), int.from_bytes(body[2:4], "big")
        match function:
            case 0x03:
                return _words(self._energised(n) for n in self._range(first, second, self.relays))
            case 0x04:
                return self._read_inputs(first, second)
            case 0x06 if second not in (0, 1) and not self.takes_any:
                raise _Exception(ILLEGAL_VALUE)
            case 0x06:
                for n in self._range(first, 1, self.relays):
                    self._set(n, second != 0)
                return body
        raise _Exception(ILLEGAL_FUNCTION)


LCTECH_ADDRESS, LCTECH_BAUD, LCTECH_SET_BAUD = 0x0000, 0x03E8, 0x03E9
BAUD_9600 = 4
GREETING = b"LC-Modbus\r\n"
"""The words are ours; what matters is that there are some."""
DESTROYED = 3


@dataclass(slots=True)
class Lctech(ModbusCard):
    """Standard coils, and a greeting at power-up into which the first answer runs; answers broadcasts."""

    ANSWERS_BROADCASTS: ClassVar[bool] = True

    registers: dict[int, int] = field(default_factory=lambda: {LCTECH_ADDRESS: 0, LCTECH_BAUD: BAUD_9600})
    greeted: bool = False

    def hear(self, frame: bytes, address: int) -> bytes | None:
        answer = super(Lctech, self).hear(frame, address)
        if answer is None or self.greeted:
            return answer
        self.greeted = True
        return GREETING + answer[DESTROYED:]

    def power_off(self) -> None:
        """All coils drop; at the next power-up it greets again."""
        super(Lctech, self).power_off()
        self.greeted = False

    def _flash(self, relay: int, tenths: int) -> None:
        raise _Exception(ILLEGAL_ADDRESS)

    def _read_registers(self, first: int, count: int) -> bytes:
        self.registers[LCTECH_ADDRESS] = self.address
        return super(Lctech, self)._read_registers(first, count)

    def _write_register(self, register: int, value: int) -> None:
        # The baud code is read at 03E8 and written at 03E9.
        super(Lctech, self)._write_register(LCTECH_BAUD if register == LCTECH_SET_BAUD else register, value)
        self.address = self.registers[LCTECH_ADDRESS] or self.address


CARDS: Mapping[str, type[ModbusCard]] = {
    "waveshare": ModbusCard,
    "eletechsup": Eletechsup,
    "value-0100": Value0100,
    "fc06": Fc06,
    "lctech": Lctech,
}
"""By the profile that a cabinet file names."""


def requests(received: bytes) -> tuple[list[bytes], bytes]:
    """Frames are told by function, length and CRC; anything else is skipped."""
    frames = []
    while len(received) >= 8:
        length = _length(received)
        if len(received) >= length and _has_crc(received[:length]):
            frames.append(received[:length])
            received = received[length:]
        elif len(received) < length <= 64:
            break
        else:
            received = received[1:]
    return frames, received


def damaged(answer: bytes, address: int | None) -> bytes:
    """The answer under another address, or with a wrong CRC."""
    if address is None:
        return answer[:-1] + bytes([answer[-1] ^ 0x5A])
    return with_crc(bytes([address]) + answer[1:-2])


def _length(received: bytes) -> int:
    """How long a request of this function is."""
    return 9 + received[6] if received[1] in (0x0F, 0x10) else 8


def with_crc(body: bytes) -> bytes:
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


def _has_crc(frame: bytes) -> bool:
    return with_crc(frame[:-2]) == frame


def _words(values: Iterable[int]) -> bytes:
    words = b"".join(int(value).to_bytes(2, "big") for value in values)
    return bytes([len(words)]) + words


def _packed(bits: list[bool]) -> bytes:
    size = (len(bits) + 7) // 8
    return bytes([size]) + sum(bit << at for at, bit in enumerate(bits)).to_bytes(size, "little")


def build(board: files.Board, wired: Wired) -> list[ModbusCard]:
    """The relay card that a cabinet file names, and the card with its switches where that is another."""
    card = CARDS[board.dialect]
    relays = card(board.name, board.address, wired.cabinet, relays=board.channels, locks=wired.locks)
    inputs = relays
    if board.inputs_address not in (None, board.address):
        inputs = ModbusCard(f"{board.name}-inputs", board.inputs_address or 0, wired.cabinet)
    inputs.inputs, inputs.switches, inputs.closed_input = board.last_input, wired.switches, board.closed_input
    inputs.beams, inputs.clear_input = wired.beams, board.clear_input
    if not isinstance(inputs, Fc06):  # which has them in one way only
        inputs.inputs_function = board.inputs_function
    return [relays] if inputs is relays else [relays, inputs]
