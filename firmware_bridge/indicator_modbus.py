"""Lamps and buzzers on the relay cards of a Modbus bus, each an output that may stay on.

Their bus is another kind of bus: the one that lock drivers are given cannot send such a frame, and this one
is built only for a wire that no lock board hangs on.
"""

from dataclasses import dataclass

from config.cabinet import Indicator
from config.cabinet.relays import UntimedCard
from firmware_bridge.held import held
from firmware_bridge.modbus import ModbusBus


class LampBus(ModbusBus):
    """The owner of a wire with lamps and buzzers, and without any lock."""

    async def hold(self, sort: UntimedCard, card: int, output: int, *, on: bool, board: str) -> None:
        """Switch one output. See ``Line.ask``; ``BoardRefused``, ``ValueError``: the card has no such one."""
        await self._echoed(held(sort, card, output, on=on), board=board)


@dataclass(slots=True)
class IndicatorModbus:
    """One output of one card."""

    bus: LampBus
    wired: Indicator

    @property
    def name(self) -> str:
        return self.wired.name

    @property
    def card(self) -> str:
        return self.wired.card

    async def show(self, on: bool) -> None:
        """See ``Indicator``."""
        wired = self.wired
        assert wired.address is not None  # the cabinet file's cross checks say so
        assert wired.number is not None
        await self.bus.hold(wired.sort, wired.address, wired.number, on=on, board=wired.card)
