"""Modbus relay cards: how each sort is asked for a pulse, as data.

A further card that times its own pulses is one more row of ``RELAY_CARDS``: the checks of a cabinet file and
the driver read it there, and a test has the decoder, which does not, call each of its pulses timed. One that
cannot is a row of ``UNTIMED_CARDS``: the driver has no way to ask it for anything, a guard
(``firmware_bridge/guard``) has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

OUTPUTS, CONTROL_MODES = range(0x40), range(0x1000, 0x1040)
OF_OUTPUTS = (OUTPUTS, CONTROL_MODES)
"""The registers in which makes of relay card keep their outputs, or what lets an input move one."""


@dataclass(frozen=True, slots=True)
class RelayCard:
    """One sort of card that ends a pulse by its own clock."""

    profile: str
    """Its name in cabinet files."""
    title: str
    """How a sentence names such cards, in the plural."""
    most_channels: int
    function: Literal[5, 6]
    """What asks for a pulse: 5 writes one coil, 6 one register."""
    first: int
    """Which of them output 1 is; the others follow."""
    pulses: Mapping[int, int]
    """Every pulse that it can make, in milliseconds, and the value that asks for it."""
    all_off: tuple[int, int] | None = None
    """Register and value that turn every output off; None: zeros for all coils in one write, from coil 0."""
    first_state: int | None = None
    """What tells whether output 1 is on; the others follow. Asked after each pulse, and after "all off" where
    the answer to that is an echo, which an adapter that sends our own bytes back would give as well."""
    state_function: Literal[1, 3] = 3
    """How it is read: 1 as a coil, 3 as a register. Zero, written there, turns the output off."""

    @property
    def lengths(self) -> str:
        """The pulses that it can make, in words."""
        return ", ".join(str(ms) for ms in self.pulses) + " ms"


RELAY_CARDS: Mapping[str, RelayCard] = {
    card.profile: card
    for card in (
        # "05, 0200 + relay: flash on; value: time in 100 ms, 0001 to 7FFF": up to an hour, and a solenoid
        # burns in seconds.
        RelayCard(
            profile="waveshare",
            title="Waveshare cards",
            most_channels=50,
            function=5,
            first=0x0200,
            pulses={100 * tenths: tenths for tenths in range(1, 11)},
            first_state=0x0000,
            state_function=1,
        ),
        # "06, register 0001 to 0008, value 0500: momentary, one second"; "register 0000, 0800: all off". The
        # answer to a write is its echo, so the states (03, the same registers) are what proves "all off".
        RelayCard(
            profile="eletechsup",
            title="Eletechsup cards",
            most_channels=8,
            function=6,
            first=0x0001,
            pulses={1000: 0x0500},
            all_off=(0x0000, 0x0800),
            first_state=0x0001,
        ),
    )
}
"""By profile, the default one first."""


@dataclass(frozen=True, slots=True)
class UntimedCard:
    """One sort of card whose outputs stay on until they are written off; locks on it have a guard."""

    profile: str
    title: str
    most_channels: int
    function: Literal[5, 6]
    """What switches an output: 5 writes one coil, 6 one register."""
    first: int
    """Which of them output 1 is; the others follow."""
    on: int
    off: int


UNTIMED_CARDS: Mapping[str, UntimedCard] = {
    card.profile: card
    for card in (
        UntimedCard("value-0100", "cards that want 0100", 32, function=5, first=0, on=0x0100, off=0x0000),
        UntimedCard("fc06", "cards with outputs in registers", 32, function=6, first=0, on=1, off=0),
        UntimedCard("lctech", "LCTECH cards", 8, function=5, first=0, on=0xFF00, off=0x0000),
    )
}
"""By profile."""

HELD_CARDS: Mapping[str, UntimedCard] = {
    "coils": UntimedCard("coils", "cards with coils", 64, function=5, first=0, on=0xFF00, off=0x0000),
    "eletechsup": UntimedCard(
        "eletechsup", "Eletechsup cards", 8, function=6, first=1, on=0x0100, off=0x0200
    ),
    **UNTIMED_CARDS,
}
"""By profile, the default one first: how lamps and buzzers are switched, on a bus without any lock."""
