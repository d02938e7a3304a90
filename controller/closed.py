"""A cabinet that its operator has closed from afar: what it still does is said by its signed settings.

Closed for what is new it takes nothing in, and what lies there is collected as ever: it is its owners'. Only
with a reason, which the screen shows, do pickups stop as well. Goods leave by a badge that may remove, doors
open for service, and whoever is inside gets out, whatever the settings say.
"""

from config.contract.messages import CabinetSettings
from controller.cabinet import Cabinet
from controller.visit import Purpose

SHUT = {
    "nothing": frozenset[Purpose](),
    "new": frozenset({Purpose.LOAD}),
    "all": frozenset({Purpose.LOAD, Purpose.COLLECT}),
}


class Closed:
    """Asked before a door is opened for something, and again right before each pulse."""

    def __init__(self, cabinet: Cabinet) -> None:
        self._shut = SHUT["nothing"]
        cabinet.guard(self.refuses)

    def follow(self, settings: CabinetSettings) -> None:
        """They are kept as signed, so this is so again after a restart."""
        self._shut = SHUT[settings.closed_for]

    def refuses(self, label: str, purpose: Purpose) -> str:
        return "closed" if purpose in self._shut else ""
