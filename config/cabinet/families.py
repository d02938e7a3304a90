"""The families of lock boards: what each of them is, and so what a cabinet file may say about one.

Makers' limits stand here once, for the checks of a cabinet file, for the drivers and for the simulators.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

LONGEST_PULSE_MS = 1000
"""No profile may energise a coil for longer; a solenoid lock burns when it is held."""


@dataclass(frozen=True, slots=True)
class LockFamily:
    """One family; ``kind`` is its name in cabinet files, and its driver is ``firmware_bridge/<kind>.py``."""

    kind: str
    title: str
    """How a sentence names its boards, in the plural."""
    bus: Literal["serial", "modbus"]
    addresses: tuple[int, int]
    """The lowest and the highest that its switches can be set to."""
    most_channels: int
    pulse_step_ms: int = 1
    """Its pulses last a multiple of this."""
    closed_value: Literal[0, 1] = 1
    """What it sends for a closed door as it is delivered; its locks, or its wiring, can turn that round."""
    answers_openings: bool = True
    """Whether it says anything to an opening; some firmwares of a family do and some do not."""
    profiles: tuple[str, ...] = ()
    """Dialects of the family, the first one the default; none when it has only one."""
    settings: frozenset[str] = field(default_factory=frozenset)
    """Keys of a board in a cabinet file that not every family knows."""

    @property
    def address_span(self) -> str:
        """Its addresses in words: "1 to 32"."""
        return "{} to {}".format(*self.addresses)

    @property
    def reads_beams(self) -> bool:
        """Whether light beams can be wired to it."""
        return "clear_input" in self.settings

    def has_address(self, address: int) -> bool:
        return self.addresses[0] <= address <= self.addresses[1]


LOCKS: Mapping[str, LockFamily] = {
    family.kind: family
    for family in (
        LockFamily(
            kind="lock_8a80",
            title="8A/80 boards",
            bus="serial",
            addresses=(1, 32),
            most_channels=50,
            settings=frozenset({"closed_value", "byte_order"}),
        ),
        LockFamily(
            kind="lock_modbus",
            title="relay cards",
            bus="modbus",
            addresses=(1, 247),
            most_channels=50,
            pulse_step_ms=100,
            settings=frozenset({"inputs_address", "inputs", "closed_input", "clear_input"}),
        ),
    )
}
"""By kind."""
