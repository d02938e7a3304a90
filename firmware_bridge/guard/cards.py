"""Relay cards that cannot time a pulse, as outputs of a guard. The only place that turns a lock on to stay.

It runs in the guard's process, which owns the whole wire. Whatever turned an output on, and whatever becomes
of the answer, the guard turns it off until the card has said that it is.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from config.cabinet import Board, Bus
from config.cabinet.relays import UNTIMED_CARDS, UntimedCard
from firmware_bridge.errors import BoardError, BoardSilent
from firmware_bridge.held import held
from firmware_bridge.line import Wire
from firmware_bridge.modbus import REPLY_SECONDS, ModbusBus


@dataclass(frozen=True, slots=True)
class CardOutputs:
    """One card's outputs, and the inputs of its door switches."""

    bus: ModbusBus
    board: Board
    card: UntimedCard
    were_off: bool = False
    """Whether it has said, at the start, that all its outputs are off."""

    async def on(self, channel: int, permit: Callable[[], bool]) -> bool:
        """Switch it on, asked once; False when the permit said no. ``BoardSilent``: it may be on."""
        frame = held(self.card, self.board.address, channel, on=True)
        done = await self.bus.line.command(
            frame,
            lambda received, _: frame if frame in received else None,
            board=self.board.name,
            reply_seconds=REPLY_SECONDS,
            permit=permit,
        )
        if done.answer is None and not done.withheld:
            raise BoardSilent(self.bus.line.address, self.board.name)
        return not done.withheld

    async def off(self, channel: int) -> bool:
        """Switch it off; whether the card has said that it is."""
        frame = held(self.card, self.board.address, channel, on=False)
        done = await self.bus.line.ask(
            frame,
            lambda received, _: frame if frame in received else None,
            board=self.board.name,
            reply_seconds=REPLY_SECONDS,
            urgent=True,
        )
        return done.answer is not None

    async def levels(self) -> Mapping[int, bool]:
        board = self.board
        card = board.address if board.inputs_address is None else board.inputs_address
        done = await self.bus.inputs(card, board.channels, board=board.name, function=board.inputs_function)
        assert isinstance(done.answer, list)
        return dict(enumerate(done.answer, start=1))


async def open_cards(bus: Bus, boards: Sequence[Board]) -> dict[str, CardOutputs]:
    """Take hold of the wire and turn every output off. ``PortUnavailable``, ``BoardError``."""
    wire = Wire(bus.port, baud=bus.baud, parity=bus.parity, stopbits=bus.stopbits)
    owner = ModbusBus(wire)
    await wire.open()
    cards = [CardOutputs(owner, board, UNTIMED_CARDS[board.dialect]) for board in boards]
    return {card.board.name: card for card in await asyncio.gather(*map(_all_off, cards))}


async def _all_off(card: CardOutputs) -> CardOutputs:
    """A card that is silent keeps nobody from the others."""
    with contextlib.suppress(BoardError):
        await card.off(1)  # LCTECH cards greet at power-up, right into their first answer
    were_off = await _are_off(card)
    if were_off and card.bus.line.echoes:
        were_off = await _are_off(card)  # the first time it may have been the adapter that said so
    return replace(card, were_off=were_off)


async def _are_off(card: CardOutputs) -> bool:
    """Whether it says so of each output. Reading its inputs tells whether the adapter echoes."""
    try:
        for channel in range(1, card.board.channels + 1):
            await card.off(channel)
        await card.levels()
    except BoardError:
        return False
    return True
