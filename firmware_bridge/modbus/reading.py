"""From bytes to the frame that they are: who may send what, and which values cannot be."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import replace

from config.cabinet.families import LONGEST_PULSE_MS
from config.cabinet.relays import CONTROL_MODES, OUTPUTS
from firmware_bridge.frames import Sender, in_hex
from firmware_bridge.modbus import tcp
from firmware_bridge.modbus.crc import has_crc, with_crc
from firmware_bridge.modbus.frames import (
    EXCEPTION,
    Bits,
    Frame,
    ManyOff,
    NeverSent,
    Off,
    OtherFrame,
    Read,
    Refusal,
    Registers,
    TimedPulse,
    WriteRegister,
    WriteRegisters,
    Written,
    numbers_on,
)

# "2000 coils or inputs, 125 registers in one read; 1968 coils, 123 registers in one write."
MOST = {0x01: 2000, 0x02: 2000, 0x03: 125, 0x04: 125, 0x0F: 1968, 0x10: 123}
# Waveshare: coil 00FF is all relays, 01FF toggles them all; 0200 + relay is flash on, 0400 + relay flash off;
# the value of a flash is its time in 100 ms, 0001 to 7FFF.
ALL_COILS, TOGGLE_ALL = 0x00FF, 0x01FF
FLASH_ON, FLASH_OFF = range(0x0200, 0x0400), range(0x0400, 0x0600)
LONGEST_FLASH = 0x7FFF
# "FF00 on, 0000 off, 5500 toggle"; other makes want 0100 for on.
COIL_VALUES = {0xFF00: "on", 0x0100: "on", 0x0000: "off", 0x5500: "the other way"}
# Eletechsup: register = output, from 1; high byte 01 open, 02 close, 03 toggle, 04 latch, 05 momentary (1 s),
# 06 with the seconds below it; register 0: 07 all on, 08 all off. Others switch an output on by a plain 1.
ONE_OFF, MOMENTARY, FOR_SECONDS = 0x0200, 0x0500, range(0x0600, 0x0700)
STAYS_ON = {0x0001: "on", 0x0100: "on", 0x0300: "the other way", 0x0400: "on, and all others off"}
EACH_ON, EACH_OFF = 0x0700, 0x0800
# Waveshare: 1000 + relay; 0 normal, 1 linkage, 2 toggle, 3 edge.
MODES = {1: "linkage", 2: "toggle", 3: "edge"}

_Reader = Callable[[int, int, bytes], Frame]


def read_frame(frame: bytes, sender: Sender | None = None) -> Frame:
    """What a frame of a serial wire means; ``ValueError`` when it means nothing.

    A few answers look exactly like a request, and are read as that where nobody says that a card sent them.
    """
    if len(frame) < 4:
        raise ValueError(f"too short for a Modbus frame: {in_hex(frame)}")
    if not has_crc(frame):
        found, right = in_hex(frame[-2:]), in_hex(with_crc(frame[:-2])[-2:])
        raise ValueError(f"wrong CRC in {in_hex(frame)}: it is {found}, the bytes before it make {right}")
    return _read(frame, sender, frame)


def read_tcp_frame(frame: bytes, sender: Sender | None = None) -> Frame:
    """What a frame of Modbus TCP means; ``ValueError`` when it means nothing."""
    transaction, serial = tcp.opened(frame)
    return replace(_read(serial, sender, frame), transaction=transaction)


def _read(serial: bytes, sender: Sender | None, shown: bytes) -> Frame:
    card, function, body = serial[0], serial[1], serial[2:-2]
    reasons = []
    for by in Sender if sender is None else (sender,):
        try:
            return _reader(by, function)(card, function, body)
        except ValueError as error:
            reasons.append(f"from a {by}, {error}")
    raise ValueError(f"no Modbus frame: {in_hex(shown)}: {'; '.join(dict.fromkeys(reasons))}")


def _reader(by: Sender, function: int) -> _Reader:
    if function & EXCEPTION:
        return _refusal if by is Sender.BOARD else _no_request
    return READERS[by].get(function, _other)


def _request(card: int, function: int, body: bytes) -> Read:
    return Read(card, function, *_span(function, body))


def _bits(card: int, function: int, body: bytes) -> Bits:
    return Bits(card, function, _counted(body))


def _registers(card: int, function: int, body: bytes) -> Registers:
    return Registers(card, function, _words(_counted(body)))


def _coil(card: int, function: int, body: bytes) -> Frame:
    address, value = _two_words(body)
    if address in FLASH_ON or address in FLASH_OFF:
        return _flash(card, function, address, value)
    if value not in COIL_VALUES:
        known = ", ".join(f"{each:04x}" for each in COIL_VALUES)
        raise ValueError(f"value {value:04x} of a relay is none of {known}")
    relay = None if address in (ALL_COILS, TOGGLE_ALL) else address
    if value == 0 and address != TOGGLE_ALL:
        return Off(card, function, address, value, relay)
    how = COIL_VALUES[value] if address != TOGGLE_ALL else "the other way"
    return NeverSent(card, function, address, value, relay, f"{_named(relay)} {how}")


def _flash(card: int, function: int, address: int, value: int) -> Frame:
    _within("time", value, LONGEST_FLASH)
    if address in FLASH_OFF:
        relay = address - FLASH_OFF.start
        does = f"{_named(relay)} off for {value / 10:g} s, and then on"
        return NeverSent(card, function, address, value, relay, does)
    return _timed(card, function, address, value, address - FLASH_ON.start, value / 10)


def _timed(card: int, function: int, address: int, value: int, relay: int, seconds: float) -> Frame:
    if seconds * 1000 <= LONGEST_PULSE_MS:
        return TimedPulse(card, function, address, value, relay, seconds)
    does = f"{_named(relay)} on for {seconds:g} s, longer than a coil stands"
    return NeverSent(card, function, address, value, relay, does)


def _register(card: int, function: int, body: bytes) -> Frame:
    address, value = _two_words(body)
    if address in CONTROL_MODES and value:
        relay = address - CONTROL_MODES.start
        does = f"{_named(relay)} moved by its input ({MODES.get(value, f'mode {value}')})"
        return NeverSent(card, function, address, value, relay, does)
    if address == 0 and value in (EACH_ON, EACH_OFF):
        if value == EACH_OFF:
            return Off(card, function, address, value, None)
        return NeverSent(card, function, address, value, None, "all relays on")
    if address in OUTPUTS:
        return _output(card, function, address, value)
    return WriteRegister(card, function, address, value)


def _output(card: int, function: int, address: int, value: int) -> Frame:
    if value in STAYS_ON:
        return NeverSent(card, function, address, value, address, f"{_named(address)} {STAYS_ON[value]}")
    if address == 0:
        return WriteRegister(card, function, address, value)
    if value == ONE_OFF:
        return Off(card, function, address, value, address)
    if value == MOMENTARY:
        return TimedPulse(card, function, address, value, address, 1.0)
    if value in FOR_SECONDS:
        _within("time", value - FOR_SECONDS.start, 0xFF)
        return _timed(card, function, address, value, address, float(value - FOR_SECONDS.start))
    return WriteRegister(card, function, address, value)


def _coils(card: int, function: int, body: bytes) -> Frame:
    address, count = _span(function, body[:4])
    bits = _counted(body[4:])
    if len(bits) != (count + 7) // 8:
        raise ValueError(f"{len(bits)} bytes are not those of {count} relays")
    if not any(bits):
        return ManyOff(card, function, address, count)
    on = [str(address + n) for n in numbers_on(bits)]
    does = f"relay{'s' if len(on) > 1 else ''} {', '.join(on)} on"
    return NeverSent(card, function, address, bits, None, does)


def _write_registers(card: int, function: int, body: bytes) -> Frame:
    address, count = _span(function, body[:4])
    values = _words(_counted(body[4:]))
    if len(values) != count:
        raise ValueError(f"{len(values)} values are not those of {count} registers")
    for register, value in enumerate(values, start=address):
        each = _register(card, 0x06, struct.pack(">HH", register, value))
        if isinstance(each, TimedPulse):
            return NeverSent(
                card, function, address, values, each.relay, f"{_named(each.relay)} among others on"
            )
        if isinstance(each, NeverSent):
            return NeverSent(card, function, address, values, each.relay, each.does)
    return WriteRegisters(card, function, address, values)


def _written(card: int, function: int, body: bytes) -> Written:
    return Written(card, function, *_span(function, body))


def _refusal(card: int, function: int, body: bytes) -> Refusal:
    if len(body) != 1:
        raise ValueError(f"an exception has one code, not {len(body)} bytes")
    _within("code", body[0], 0xFF)
    return Refusal(card, function & ~EXCEPTION, body[0])


def _no_request(card: int, function: int, body: bytes) -> Frame:
    raise ValueError(f"function {function:02x} is an exception")


def _other(card: int, function: int, body: bytes) -> OtherFrame:
    _within("function", function, EXCEPTION - 1)
    return OtherFrame(card, function, body)


READERS: Mapping[Sender, Mapping[int, _Reader]] = {
    Sender.HOST: {
        **dict.fromkeys((0x01, 0x02, 0x03, 0x04), _request),
        0x05: _coil,
        0x06: _register,
        0x0F: _coils,
        0x10: _write_registers,
    },
    Sender.BOARD: {
        **dict.fromkeys((0x01, 0x02), _bits),
        **dict.fromkeys((0x03, 0x04), _registers),
        0x05: _coil,
        0x06: _register,
        **dict.fromkeys((0x0F, 0x10), _written),
    },
}
"""What reads a function, by who sent it."""


def _two_words(body: bytes) -> tuple[int, int]:
    if len(body) != 4:
        raise ValueError(f"address and value are 4 bytes, not {len(body)}")
    first, second = struct.unpack(">HH", body)
    return first, second


def _span(function: int, body: bytes) -> tuple[int, int]:
    address, count = _two_words(body)
    _within("count", count, min(MOST[function], 0x10000 - address))
    return address, count


def _counted(body: bytes) -> bytes:
    if len(body) < 2 or body[0] != len(body) - 1:
        raise ValueError(f"byte count {body[:1].hex() or 'missing'} does not fit {len(body[1:])} bytes")
    return body[1:]


def _words(octets: bytes) -> tuple[int, ...]:
    if len(octets) % 2:
        raise ValueError(f"{len(octets)} bytes are no whole registers")
    return struct.unpack(f">{len(octets) // 2}H", octets)


def _within(field: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise ValueError(f"{field} {value} is not between 1 and {most}")


def _named(relay: int | None) -> str:
    return "all relays" if relay is None else f"relay {relay}"
