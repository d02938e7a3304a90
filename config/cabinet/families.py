"""The families of lock boards: what each of them is, and so what a cabinet file may say about one.

Makers' limits stand here once, for the checks of a cabinet file, for the drivers and for the simulators.
Further families come with packages that are installed beside this one; see docs/boards/adding-a-board.md.
"""

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from config.cabinet.relays import RELAY_CARDS, UNTIMED_CARDS

LONGEST_PULSE_MS = 1000
"""No profile may energise a coil for longer; a solenoid lock burns when it is held."""


@dataclass(frozen=True, slots=True)
class LockFamily:
    """One family; ``kind`` is its name in cabinet files, and its driver is ``firmware_bridge/<kind>.py``."""

    kind: str
    title: str
    """How a sentence names its boards, in the plural."""
    bus: Literal["serial", "modbus", "gpio"]
    addresses: tuple[int, int]
    """The lowest and the highest that its switches can be set to."""
    most_channels: int
    times_its_pulse: bool = True
    """Otherwise a guard does (``firmware_bridge/guard``), and the cabinet file names the hardware that ends a
    pulse when the guard itself dies."""
    fixed_pulse_ms: int = 0
    """The only pulse that its boards make; 0 where it is a setting of the board."""
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
    options: Mapping[str, type] = field(default_factory=dict)
    """Keys under ``options`` of a board, and what each takes; for families from other packages."""

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
            profiles=(*RELAY_CARDS, *UNTIMED_CARDS),
            settings=frozenset(
                {"inputs_address", "inputs_function", "inputs", "closed_input", "clear_input", "cut_off"}
            ),
        ),
        LockFamily(
            kind="lock_gpio",
            title="pins of this computer",
            bus="gpio",
            addresses=(0, 255),
            most_channels=24,
            times_its_pulse=False,
            settings=frozenset(
                {"lock_pins", "switch_pins", "active_high", "pull", "closed_input", "cut_off"}
            ),
        ),
    )
}
"""By kind."""

PLUG_INS = "tuangui.devices"
"""The entry points of packages that bring a family; each is named like the family's kind."""


def family(kind: str) -> LockFamily:
    """The family of this kind, ours or an installed package's; ``ValueError`` says why there is none."""
    if kind in LOCKS:
        return LOCKS[kind]
    found = plug_in(kind).family
    if not isinstance(found, LockFamily) or found.kind != kind:
        raise ValueError(f"the package that brings {kind} says that it is something else: {found}")
    return found


@cache
def plug_in(kind: str) -> Any:
    """What a package's entry point of this name stands for; ``ValueError`` names the package and why."""
    found = [entry for entry in importlib.metadata.entry_points(group=PLUG_INS) if entry.name == kind]
    if not found:
        known = {*LOCKS, *(entry.name for entry in importlib.metadata.entry_points(group=PLUG_INS))}
        raise ValueError(f"there is no family of lock boards {kind}; there are {', '.join(sorted(known))}")
    packages = sorted({entry.dist.name if entry.dist else entry.value for entry in found})
    if len(packages) > 1:
        raise ValueError(f"{kind} is brought by more than one package: {', '.join(packages)}")
    try:
        return found[0].load()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"package {packages[0]}, which brings {kind}, does not load: {reason}") from error
