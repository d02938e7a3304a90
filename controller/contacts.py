"""The contacts of the case, each card read over and over: tamper, tilt, and the button of whoever is inside.

Somebody at the case is a fault, committed before anything else follows from it (a buzzer, say). It ends when
the contact has been quiet for a while, and both are told. Whoever is inside waits for no second reading.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from config.cabinet import Input
from controller.beat import Beat
from controller.health import Health
from controller.store import StoreFailing
from firmware_bridge.errors import BoardSilent, BridgeError, PortError
from firmware_bridge.ports import InputReadings, SignalInputs

log = structlog.get_logger(__name__)

FAULT = {"tamper": "tampered", "tilt": "tilted"}
QUIET_S = 10.0
"""A contact of the case that has been quiet for so long is quiet: who prises a case open shakes it."""
RELEASED_S = 2.0
"""A button that reads released for so long can be pressed again; a broken one would open doors for ever."""
SILENT_AFTER = 3


@dataclass(frozen=True, slots=True)
class Contact:
    """What is believed of one contact. Pure: no clock, no wire."""

    disturbed: bool = False
    doubted_at: float | None = None
    """When the first of the latest readings that say otherwise was asked for; None: there is none."""


def look(contact: Contact, disturbed: bool, at: float, *, at_once: bool, quiet_s: float) -> Contact:
    """The contact after a reading that was asked for at ``at``; ``at_once``: one is enough to disturb it."""
    if disturbed is contact.disturbed:
        return replace(contact, doubted_at=None)
    if disturbed and at_once:
        return Contact(True)
    if contact.doubted_at is None:
        return replace(contact, doubted_at=at)
    if not disturbed and at - contact.doubted_at < quiet_s:
        return contact
    return Contact(disturbed)


class Contacts:
    """One reading task for each card, so that a dead one holds up no other."""

    def __init__(
        self,
        cards: Mapping[str, SignalInputs],
        inputs: Sequence[Input],
        health: Health,
        call_inside: Callable[[], Awaitable[object]],
        poll_s: float,
    ) -> None:
        self._cards = cards
        self._means = {each.name: each.means for each in inputs}
        self._health = health
        self._call_inside = call_inside
        self._poll_s = poll_s
        self.beats = {name: Beat() for name in cards}
        """Of the loop of each card."""
        # One that was disturbed when the program went down is that still, until it reads quiet.
        self._contacts = {name: Contact(self._is_told(name)) for name in self._means}
        self._on_card = {each.name: each.card for each in inputs}

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for card in self._cards.values():
                group.create_task(self._watch(card), name=f"contacts of {card.name}")

    async def _watch(self, card: SignalInputs) -> None:
        failures = 0
        while True:
            rest = self._poll_s
            try:
                await self._hear(await card.read())
                failures = 0
                await self._health.ends("input_silent", card.name)
            except PortError as error:
                self._forget_doubts(card.name)
                log.debug("no port to ask the input card", card=card.name, error=str(error))
            except BridgeError as error:
                self._forget_doubts(card.name)
                failures += 1
                if isinstance(error, BoardSilent):
                    rest = max(rest, error.retry_after)
                if failures >= SILENT_AFTER:
                    await self._tell_silent(card.name, str(error))
            except StoreFailing as error:
                log.error("an input card could not be recorded", card=card.name, error=str(error))
            self.beats[card.name].comes_round(rest)
            await asyncio.sleep(rest)

    def _forget_doubts(self, card: str) -> None:
        """Nobody looked: the next reading is the first of a row, and the time before it was not quiet."""
        for name, contact in self._contacts.items():
            if self._on_card[name] == card:
                self._contacts[name] = replace(contact, doubted_at=None)

    async def _hear(self, readings: InputReadings) -> None:
        for name, disturbed in readings.disturbed.items():
            before, called = self._contacts[name], self._means[name] == "inside"
            after = look(
                before, disturbed, readings.asked_at,
                at_once=called, quiet_s=RELEASED_S if called else QUIET_S,
            )  # fmt: skip
            self._contacts[name] = after
            if not called:
                await self._tell(name, after)
            elif after.disturbed and not before.disturbed:
                log.warning("the button of whoever is inside was pressed", input=name)
                await self._call_inside()

    async def _tell(self, name: str, contact: Contact) -> None:
        """At each reading: what is told already is nothing, and a disk that fails now may work again."""
        fault = FAULT[self._means[name]]
        try:
            await (self._health.begins if contact.disturbed else self._health.ends)(fault, name)
        except StoreFailing as error:  # the button beside it is heard all the same
            log.error("what a contact says could not be recorded", input=name, error=str(error))

    async def _tell_silent(self, card: str, detail: str) -> None:
        try:
            await self._health.begins("input_silent", card, detail)
        except StoreFailing as error:
            log.error("a silent input card could not be recorded", card=card, error=str(error))

    def _is_told(self, name: str) -> bool:
        return self._means[name] in FAULT and self._health.has(FAULT[self._means[name]], name)
