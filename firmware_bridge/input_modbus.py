"""Contacts of the case on a Modbus input card: tamper, tilt, the button of whoever is inside.

The driver knows which level of each contact is quiet; it does not know what follows when one is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from config.cabinet import Input
from firmware_bridge.modbus import ModbusBus
from firmware_bridge.ports import InputReadings


@dataclass(slots=True)
class InputModbus:
    """The contacts on one card, read by one function."""

    bus: ModbusBus
    address: int
    contacts: Sequence[Input]

    @property
    def name(self) -> str:
        return self.contacts[0].card

    async def read(self) -> InputReadings:
        """All contacts, in one exchange. See ``SignalInputs``."""
        numbers = {each.name: each.number or 0 for each in self.contacts}
        function = self.contacts[0].function
        done = await self.bus.inputs(self.address, max(numbers.values()), board=self.name, function=function)
        assert done.sent_at is not None
        assert done.answered_at is not None
        assert isinstance(done.answer, list)
        levels = done.answer
        disturbed = {each.name: levels[numbers[each.name] - 1] != each.quiet for each in self.contacts}
        return InputReadings(self.name, disturbed, done.sent_at, done.answered_at)
