"""Contacts of the case on Modbus cards: on an input card of their own, or beside door switches."""

from collections.abc import Sequence

from config import cabinet as files
from simulators.bus import Board
from simulators.cabinet import Cabinet
from simulators.lock_modbus import ModbusCard

INPUTS = 8
"""A card of their own has so many, or as many as are wired to it."""


def wire_contacts(
    inputs: Sequence[files.Input], boards: Sequence[Board], cabinet: Cabinet
) -> list[ModbusCard]:
    """Wire the contacts of one bus to the cards that stand on it; the cards that have to be added for it."""
    cards = {board.address: board for board in boards if isinstance(board, ModbusCard)}
    added = []
    for each in inputs:
        assert each.address is not None  # the cabinet file's cross checks say so
        assert each.number is not None
        cabinet.fit_contact(each.name)
        if each.address not in cards:
            added.append(ModbusCard(each.card, each.address, cabinet, inputs=INPUTS))
            cards[each.address] = added[-1]
        card = cards[each.address]
        card.inputs, card.inputs_function = max(card.inputs, each.number), each.function
        card.contacts[each.number] = (each.name, each.quiet)
    return added
