"""Lamps and buzzers on the relay cards of a Modbus bus."""

from collections.abc import Sequence

from config import cabinet as files
from simulators.cabinet import Cabinet
from simulators.lock_modbus import CARDS, ModbusCard

OUTPUTS = 8
"""A card has so many, or as many as are wired to it."""


def wire_lamps(indicators: Sequence[files.Indicator], cabinet: Cabinet) -> list[ModbusCard]:
    """The cards of one bus with everything that is wired to their outputs."""
    cards: dict[int, ModbusCard] = {}
    for each in indicators:
        assert each.address is not None  # the cabinet file's cross checks say so
        assert each.number is not None
        cabinet.fit_lamp(each.name)
        if each.address not in cards:
            card_of = CARDS.get(each.profile, ModbusCard)
            cards[each.address] = card_of(each.card, each.address, cabinet, relays=OUTPUTS)
        card = cards[each.address]
        card.relays = max(card.relays, each.number)
        card.lamps[each.number] = each.name
    return list(cards.values())
