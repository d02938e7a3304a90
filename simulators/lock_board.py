"""What all simulated lock boards have in common: coils and switches, wired to compartments."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from config import cabinet as files
from simulators.cabinet import Cabinet


@dataclass(frozen=True, slots=True)
class Wired:
    """What is wired to one board: compartments by output, by switch and by the input of a light beam."""

    cabinet: Cabinet
    locks: Mapping[int, str]
    switches: Mapping[int, str]
    beams: Mapping[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class LockBoard:
    """One board: ``locks`` and ``switches`` say which compartment is wired to which channel."""

    name: str
    address: int
    channels: int
    cabinet: Cabinet
    locks: Mapping[int, str]
    switches: Mapping[int, str]
    pulse_seconds: float = 0.3
    closed_value: Literal[0, 1] = 1

    @classmethod
    def of(cls, board: files.Board, wired: Wired) -> Self:
        """The board that a cabinet file names."""
        return cls(
            board.name,
            board.address,
            board.channels,
            wired.cabinet,
            wired.locks,
            wired.switches,
            board.pulse_ms / 1000,
            board.closed,
        )

    def power_off(self) -> None:
        """All coils drop."""
        for label in self.locks.values():
            self.cabinet.drop(label)

    def pulse(self, channel: int, seconds: float | None = None) -> None:
        """Energise the coil on this channel, if there is one, by the board's own clock."""
        if channel in self.locks:
            self.cabinet.pulse(self.locks[channel], self.pulse_seconds if seconds is None else seconds)

    def pulse_all(self) -> None:
        """All of them at once, as no program of ours ever asks."""
        for channel in self.locks:
            self.pulse(channel)

    def bit(self, channel: int) -> bool:
        """What the board makes of the switch on this channel; one that is not wired reads as open."""
        label = self.switches.get(channel)
        is_open = self.cabinet.switch_open(label) if label is not None else True
        return is_open != bool(self.closed_value)
