"""Lamps and buzzers: what each is to show follows from doors and faults, and a task of its own shows it.

A task looks at what is wanted now, not at a queue: what was wanted meanwhile is nobody's business any more,
and a dead card is neither waited for nor remembered. Nothing here is ever awaited by what opens a door.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from config.cabinet import Indicator as Wired
from config.contract.events import Baseline, FaultRaised
from controller.beat import Beat
from controller.cabinet import Cabinet, Changed
from controller.clock import Clock
from controller.health import Health
from controller.store import StoreFailing
from firmware_bridge.errors import BridgeError, PortError
from firmware_bridge.ports import Indicator

log = structlog.get_logger(__name__)

AGAIN_S = 2.0
"""What could not be switched is tried again this often."""
REFRESH_S = 10.0
"""Each output is written again this often: a card that lost its power, or died, is noticed."""
SILENT_AFTER = 3
BUZZES_S = {"door_left_open": 2.0, "door_forced": 10.0, "tampered": 10.0, "tilted": 10.0}
"""The faults at whose beginning a buzzer sounds, and for how long."""


@dataclass(slots=True)
class _Shown:
    """One indicator; ``tried`` is what it was switched to last, or was to be."""

    wired: Wired
    output: Indicator
    tried: bool | None = None
    again_at: float = 0.0
    failures: int = 0


@dataclass(slots=True)
class _Card:
    """What hangs on one card, which is asked for one thing at a time."""

    name: str
    shown: list[_Shown] = field(default_factory=list)
    wakes: asyncio.Event = field(default_factory=asyncio.Event)
    beat: Beat = field(default_factory=Beat)

    @property
    def is_failing(self) -> bool:
        return any(one.failures >= SILENT_AFTER for one in self.shown)


class Indicators:
    """All lamps and buzzers of a cabinet; one task for each card, so that a dead one holds up no other."""

    def __init__(
        self,
        outputs: Mapping[str, Indicator],
        wired: Iterable[Wired],
        cabinet: Cabinet,
        health: Health,
        clock: Clock,
    ) -> None:
        self._cabinet = cabinet
        self._health = health
        self._clock = clock
        self._cards: dict[str, _Card] = {}
        for each in wired:
            card = self._cards.setdefault(each.card, _Card(each.card))
            card.shown.append(_Shown(each, outputs[each.name]))
        self._buzzes_until = float("-inf")
        self.beats = {name: card.beat for name, card in self._cards.items()}
        """Of the loop of each card."""
        cabinet.listen(self._heard)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for card in self._cards.values():
                group.create_task(self._keep(card), name=f"indicators of {card.name}")

    def _heard(self, changed: Changed) -> None:
        """After a commit: what has happened is durable before it is seen or heard."""
        if not any(isinstance(told, Baseline) for told in changed.facts):  # which tells old faults again
            for told in changed.facts:
                self._buzz_for(told.fault if isinstance(told, FaultRaised) else "")
        for card in self._cards.values():
            if any(one.tried is not self._wanted(one.wired) for one in card.shown):
                card.wakes.set()

    def _buzz_for(self, fault: str) -> None:
        until = self._clock.now() + BUZZES_S.get(fault, float("-inf"))
        self._buzzes_until = max(self._buzzes_until, until)

    def _wanted(self, wired: Wired) -> bool:
        match wired.means:
            case "lamp":
                return self._cabinet.boxes[str(wired.label)].opening is not None
            case "light":
                return self._cabinet.is_visited()
            case "buzzer":
                return self._clock.now() < self._buzzes_until

    async def _keep(self, card: _Card) -> None:
        while True:
            card.wakes.clear()
            for one in card.shown:
                if one.tried is not self._wanted(one.wired) or self._clock.now() >= one.again_at:
                    await self._show(card, one)
                    card.beat.comes_round()
            rest = self._rest(card)
            card.beat.comes_round(rest)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(card.wakes.wait(), rest)

    def _rest(self, card: _Card) -> float:
        """Until something is due: an output is written again, or a buzzer falls silent."""
        now = self._clock.now()
        due = min(one.again_at for one in card.shown)
        if now < self._buzzes_until:
            due = min(due, self._buzzes_until)
        return max(0.0, due - now)

    async def _show(self, card: _Card, one: _Shown) -> None:
        one.tried = self._wanted(one.wired)
        again = AGAIN_S
        try:
            await one.output.show(one.tried)
            one.failures, again = 0, REFRESH_S
            if not card.is_failing:
                await self._health.ends("indicator_silent", card.name)
        except PortError as error:
            log.debug("no port to switch an indicator", indicator=one.wired.name, error=str(error))
        except BridgeError as error:
            one.failures += 1
            await self._tell_failing(card, str(error))
        except StoreFailing as error:
            log.error("the end of a fault could not be recorded", card=card.name, error=str(error))
        one.again_at = self._clock.now() + again

    async def _tell_failing(self, card: _Card, detail: str) -> None:
        if not card.is_failing:
            return
        try:
            await self._health.begins("indicator_silent", card.name, detail)
        except StoreFailing as error:
            log.error("a silent card could not be recorded", card=card.name, error=str(error))
