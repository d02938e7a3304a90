"""What people present at the cabinet, and what comes of it: a code typed, a QR or label scanned, a button.

From here everything runs one way: access (who may) → reservations (which door) → cabinet (what happens next).
"""

import asyncio
import unicodedata
from collections.abc import Callable
from typing import Literal

from config.cabinet import Cabinet as CabinetFile
from config.contract import codes, labels
from config.contract.events import CodeReplaced, Fact
from controller.access import Access, BadgeGranted, Denied, Granted, Kept
from controller.cabinet import Cabinet
from controller.climate import Zones
from controller.clock import Clock
from controller.entrance.answer import Answer
from controller.entrance.collecting import Collecting
from controller.entrance.inside import Inside
from controller.entrance.loading import Loading
from controller.entrance.placing import Placing
from controller.entrance.removing import Removing
from controller.entrance.service import ANOTHER_DOOR, THIS_DOOR, Service
from controller.store import Change, Store, StoreFailing
from controller.visit import can_reopen

__all__ = ["Answer", "Entrance"]

AGAIN_WITHIN_S = 45.0


REMOVE, RELEASE = "remove", "release"


class Entrance:
    """Everything a person can do in front of this cabinet."""

    def __init__(
        self,
        file: CabinetFile,
        cabinet: Cabinet,
        access: Access,
        store: Store,
        clock: Clock,
        zones: Zones,
    ) -> None:
        self._cabinet = cabinet
        self._access = access
        self._clock = clock
        self.collecting = Collecting(file, cabinet, access, store, clock)
        self.placing = Placing(file, cabinet, store, clock, self._show)
        self.loading = Loading(cabinet, access, store, clock, self.placing)
        self.removing = Removing(cabinet, access, store, clock, self.loading)
        self.service = Service(cabinet, store, clock, zones, self.placing)
        self._inside = Inside(file, cabinet, store, clock)
        self._shown_to: list[Callable[[Answer], None]] = []
        self._again_until = float("-inf")
        self._keypad = asyncio.Lock()
        """One code at a time: a wrong one counts before the next is looked at."""

    def show_to(self, listener: Callable[[Answer], None]) -> None:
        """Be told every answer, also to what was scanned: the screen shows it."""
        self._shown_to.append(listener)

    def show_no_more(self, listener: Callable[[Answer], None]) -> None:
        """Whoever looked has gone."""
        self._shown_to.remove(listener)

    def _show(self, answer: Answer) -> Answer:
        for listener in self._shown_to:
            listener(answer)
        return answer

    @property
    def asks(self) -> Literal["pin", "door", "again", "tail", "code"]:
        """What the keypad asks for right now; ``tail``: a code and the last digits of the phone."""
        if self.service.awaits_pin is not None:
            return "pin"
        if self.service.technician is not None:
            return "door"
        if self._wants_again():
            return "again"
        return "tail" if self._access.asks_for_tail else "code"

    # --- what can be presented

    async def typed(self, text: str) -> Answer:
        """A code on the keypad."""
        return self._show(await self._typed(text))

    async def _typed(self, text: str) -> Answer:
        try:
            async with self._keypad:
                return await self._digits(text)
        except StoreFailing:
            return Answer("refused", refusal="no_store")

    async def _digits(self, text: str) -> Answer:
        """A code; to a technician the number of a door; right after a badge its PIN."""
        badge = self.service.awaits_pin
        label = unicodedata.normalize("NFKC", text).strip().upper()
        if badge is not None and len(label) == codes.PIN_DIGITS and label.isdigit():
            return await self._pin(badge, label)
        if self.service.technician is not None and label in self._cabinet.boxes:
            return await self.service.open(label)
        return await self._code(text)

    async def _code(self, text: str) -> Answer:
        before = self._access.kept
        outcome = await self._access.by_code(text)
        if isinstance(outcome, Denied):
            return await self._refuse(outcome, before)
        answer = await self._hand_out(outcome)
        if answer.refusal == "not_valid":  # it was used: as wrong as any other
            return await self._refuse(self._access.wrong_code(strong=outcome.proof == "code_tail"), before)
        if answer.kind == "opening":
            self._access.right_code(outcome)
        return answer

    async def scanned(self, text: str) -> Answer:
        """A code in front of the reader: parcel label, badge or pickup QR, or eight digits."""
        try:
            return self._show(await self._scanned(text.strip()))
        except StoreFailing:
            return self._show(Answer("refused", refusal="no_store"))

    async def _scanned(self, text: str) -> Answer:
        if text.upper().startswith(codes.LABEL_PREFIX) or labels.is_signed(text):
            return await self.loading.parcel(text)
        if codes.is_card(text):
            return Answer("refused", refusal="card")
        if len(text) <= 2 * codes.CODE_DIGITS:
            return await self._typed(text)
        before = self._access.kept
        outcome = self._access.by_token(text)
        if isinstance(outcome, Denied):
            return await self._refuse(outcome, before)
        await self._keep(before)
        if isinstance(outcome, BadgeGranted):
            return await self._badge(outcome)
        return await self._hand_out(outcome)

    async def _hand_out(self, granted: Granted) -> Answer:
        if self._wants_again():
            self._again_until = float("-inf")
            return await self.collecting.reopen(granted)
        return await self.collecting.collect(granted)

    def _wants_again(self) -> bool:
        return self._clock.now() <= self._again_until

    def again(self) -> Answer:
        """Somebody has left something behind: the next code or QR opens once more what it has opened."""
        self._again_until = self._clock.now() + AGAIN_WITHIN_S
        return self._show(Answer("again"))

    @property
    def may_reopen(self) -> bool:
        """Somebody has collected so lately that the door may open again."""
        now = self._clock.now()
        return any(can_reopen(box, now) for box in self._cabinet.boxes.values())

    async def _badge(self, granted: BadgeGranted) -> Answer:
        """A badge for several things begins loading; what it may do for service besides is kept in mind."""
        answer = await self.service.badge(granted)
        if granted.right & ~codes.BadgeRight.SERVICE:
            return await self.loading.badge(granted)
        return answer or Answer("refused", refusal="bad_badge")

    async def _pin(self, badge: BadgeGranted, pin: str) -> Answer:
        before = self._access.kept
        outcome = await self._access.by_pin(badge, pin)
        if isinstance(outcome, Denied):
            self.service.forget_badge()
            return await self._refuse(outcome, before)
        if outcome.right & codes.BadgeRight.SERVICE:
            return await self.service.begin(outcome)
        if self.loading.courier is not None and self.loading.courier.badge == outcome.badge:
            await self.loading.badge(outcome)  # ends what was begun with fewer rights
        return await self.loading.badge(outcome)

    async def _refuse(self, denied: Denied, before: Kept) -> Answer:
        """A wrong try is durable before anybody hears of it."""
        await self._keep(before, denied.facts)
        return Answer("refused", refusal=denied.reason, wait_s=-(-denied.wait_ms // 1000))

    async def _keep(self, before: Kept, facts: tuple[Fact, ...] = ()) -> None:
        kept = self._access.kept
        replaced = [pair for pair in kept.generations if pair not in before.generations]
        facts += tuple(CodeReplaced(order=order, generation=generation) for order, generation in replaced)
        meta = {**kept.meta(), **self._clock.kept()} if kept != before else {}
        if meta or facts:
            await self._cabinet.record(Change(facts=facts, meta=meta))

    async def said(self, word: str, door: str, about: str = "") -> Answer:
        """Whoever loads answers on the screen; see ``Loading.say``. ``remove`` begins a round of removals.

        By a technician: ``release``, the goods of a held zone (``door``) were looked at; ``this_door`` and
        ``another_door`` say which one opened of doors that were wired anew.
        """
        try:
            if word == RELEASE:
                return self._show(await self.service.release(door))
            if word in (THIS_DOOR, ANOTHER_DOOR):
                return self._show(await self.service.proves(word, door))
            if word == REMOVE:
                return self._show(await self.removing.begin())
            return self._show(await self.loading.say(word, door, about))
        except StoreFailing:
            return self._show(Answer("refused", refusal="no_store"))

    async def inside(self) -> Answer:
        """Someone is inside; needs no right."""
        return await self._inside.call()
