"""What we ask Modbus cards, each as the frame of a serial wire.

A timed pulse, outputs off, reading outputs, inputs and registers, and what a register map has written. A
cabinet file is refused when a map of it writes where relay cards have outputs, and such a card hangs on the
same wire: no frame of ours can turn an output on to stay.
"""

import struct
from collections.abc import Sequence

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadDiscreteInputsRequest,
    WriteMultipleCoilsRequest,
    WriteSingleCoilRequest,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from config.cabinet.families import LONGEST_PULSE_MS
from config.cabinet.relays import RelayCard

INPUTS_IN_A_REGISTER = 16

_framer = FramerRTU(DecodePDU(False))


class TimedCoil(WriteSingleCoilRequest):
    """One coil on, and off again by the card's own clock; pymodbus's ``write_coil`` cannot carry the time."""

    def __init__(self, card: int, coil: int, value: int) -> None:
        super().__init__(dev_id=card, address=coil)
        self.value = value

    def encode(self) -> bytes:
        """Address and time."""
        return struct.pack(">HH", self.address, self.value)


def opening(relays: RelayCard, card: int, channel: int, pulse_ms: int) -> bytes:
    """The frame that energises one output for ``pulse_ms``; channels count from 1. ``ValueError``."""
    if not 1 <= channel <= relays.most_channels:
        raise ValueError(f"channel {channel} is not between 1 and {relays.most_channels}")
    if pulse_ms not in relays.pulses or pulse_ms > LONGEST_PULSE_MS:
        raise ValueError(f"{relays.title} make pulses of {relays.lengths}, not {pulse_ms}")
    address, value = relays.first + channel - 1, relays.pulses[pulse_ms]
    if relays.function == 5:
        return _framer.buildFrame(TimedCoil(card, address, value))
    return _framer.buildFrame(_write(card, address, value))


def all_off(relays: RelayCard, card: int, channels: int) -> bytes:
    """The frame that turns the first ``channels`` outputs off, or all that the card has."""
    if relays.all_off is not None:
        return _framer.buildFrame(_write(card, *relays.all_off))
    return _framer.buildFrame(WriteMultipleCoilsRequest(dev_id=card, address=0, bits=[False] * channels))


def output_off(relays: RelayCard, card: int, state: int) -> bytes:
    """The frame that turns one output off, as cards take it that know of no time."""
    if relays.state_function == 1:
        return _framer.buildFrame(WriteSingleCoilRequest(dev_id=card, address=state, bits=[False]))
    return _framer.buildFrame(_write(card, state, 0))


def read_output(relays: RelayCard, card: int, state: int) -> bytes:
    """The frame that asks whether one output is on."""
    if relays.state_function == 1:
        return _framer.buildFrame(ReadCoilsRequest(dev_id=card, address=state, count=1))
    return read_registers(card, state, 1, function=3)


def read_inputs(card: int, inputs: int, function: int = 2) -> bytes:
    """The frame that asks for the first ``inputs`` inputs; by function 4 in registers of sixteen."""
    if function == 4:
        return read_registers(card, 0, registers_of(inputs))
    return _framer.buildFrame(ReadDiscreteInputsRequest(dev_id=card, address=0, count=inputs))


def registers_of(inputs: int) -> int:
    """How many registers so many inputs fill."""
    return -(-inputs // INPUTS_IN_A_REGISTER)


def read_registers(card: int, first: int, count: int, function: int = 4) -> bytes:
    """The frame that asks for input registers, or by function 3 for holding registers."""
    kind = ReadInputRegistersRequest if function == 4 else ReadHoldingRegistersRequest
    return _framer.buildFrame(kind(dev_id=card, address=first, count=count))


def write_registers(card: int, first: int, values: Sequence[int], function: int) -> bytes:
    """The frame that writes one holding register (function 6), or several (16). ``ValueError``: to no card.

    Nothing is ever written to address 0, which is every device that has power.
    """
    if not 1 <= card <= 247:
        raise ValueError(f"registers are written to 1 to 247, not to {card}")
    if function == 6:
        (value,) = values
        return _framer.buildFrame(_write(card, first, value))
    request = WriteMultipleRegistersRequest(dev_id=card, address=first, registers=list(values))
    return _framer.buildFrame(request)


def _write(card: int, register: int, value: int) -> ModbusPDU:
    return WriteSingleRegisterRequest(dev_id=card, address=register, registers=[value])
