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
    """The contacts on one card; all of them have its bus, address and function."""

    bus: ModbusBus
    contacts: Sequence[Input]

    @property
    def name(self) -> str:
        return self.contacts[0].card

    async def read(self) -> InputReadings:
        """All contacts, in one exchange. See ``SignalInputs``."""
        card, last = self.contacts[0], max(contact.number for contact in self.contacts)
        done = await self.bus.inputs(card.address, last, board=self.name, function=card.function)
        assert done.sent_at is not None
        assert done.answered_at is not None
        assert isinstance(done.answer, list)
        levels = done.answer
        disturbed = {each.name: levels[each.number - 1] != each.quiet for each in self.contacts}
        return InputReadings(self.name, disturbed, done.sent_at, done.answered_at)
