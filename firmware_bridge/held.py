"""The frame that switches an output of a relay card on to stay, or off.

On a lock it burns the solenoid. Two may make it: a guard, which ends what it began whatever becomes of the
controller (``guard/cards.py``), and the driver of lamps and buzzers, on a wire without any lock
(``indicator_modbus.py``). A test says that nobody else does.
"""

import struct

from config.cabinet.relays import UntimedCard
from firmware_bridge.modbus import with_crc


def held(sort: UntimedCard, card: int, output: int, *, on: bool) -> bytes:
    """The frame; outputs count from 1. ``ValueError``: the card does not have this one, or is every card."""
    if not 1 <= output <= sort.most_channels:
        raise ValueError(f"output {output} is not between 1 and {sort.most_channels}")
    if not 1 <= card <= 255:
        raise ValueError(f"address {card} is not between 1 and 255")
    value = sort.on if on else sort.off
    return with_crc(struct.pack(">BBHH", card, sort.function, sort.first + output - 1, value))
