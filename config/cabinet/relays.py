"""Modbus relay cards: how each sort is asked for a pulse, as data.

A further card that times its own pulses is one more row of ``RELAY_CARDS``: cabinet file, driver, decoder and
simulator read it there. A card that cannot has no row: nothing in the driver could ask it for one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


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
    """The register that tells whether output 1 is on, where that has to be asked after "all off"."""

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

UNTIMED_CARDS: Mapping[str, str] = {
    "value-0100": "a coil that was written 0100 stays on until 0000 is written",
    "fc06": "an output that was written 1 stays on until 0 is written",
    "lctech": "a coil that was written FF00 stays on until 0000 is written",
}
"""Profiles of cards that cannot time a pulse, and what they do instead."""
