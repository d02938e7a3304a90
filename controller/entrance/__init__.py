"""What people present at the cabinet, and what comes of it: a code typed, a QR or label scanned, a button.

From here everything runs one way: access (who may) → reservations (which door) → cabinet (what happens next).
"""

from collections.abc import Callable

from config.cabinet import Cabinet as CabinetFile
from config.contract import codes, labels
from controller.access import Access, BadgeGranted, Denied
from controller.cabinet import Cabinet
from controller.clock import Clock
from controller.entrance.answer import Answer
from controller.entrance.collecting import Collecting
from controller.entrance.inside import Inside
from controller.entrance.loading import Loading
from controller.entrance.placing import Placing
from controller.entrance.removing import Removing
from controller.store import Change, Store, StoreFailing

__all__ = ["Answer", "Entrance"]


REMOVE = "remove"


class Entrance:
    """Everything a person can do in front of this cabinet."""

    def __init__(
        self, file: CabinetFile, cabinet: Cabinet, access: Access, store: Store, clock: Clock
    ) -> None:
        self._cabinet = cabinet
        self._access = access
        self._clock = clock
        self.collecting = Collecting(file, cabinet, access, store, clock)
        self.placing = Placing(file, cabinet, store, clock, self._show)
        self.loading = Loading(cabinet, access, store, clock, self.placing)
        self.removing = Removing(cabinet, access, store, clock, self.loading)
        self._inside = Inside(file, cabinet, store, clock)
        self._shown_to: list[Callable[[Answer], None]] = []

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

    # --- what can be presented

    async def typed(self, text: str) -> Answer:
        """A code on the keypad."""
        return self._show(await self._typed(text))

    async def _typed(self, text: str) -> Answer:
        before = self._access.tries
        outcome = await self._access.by_code(text)
        try:
            if isinstance(outcome, Denied):
                await self._note(outcome, before_changed=self._access.tries != before)
                return Answer("refused", refusal=outcome.reason, wait_s=-(-outcome.wait_ms // 1000))
            return await self.collecting.collect(outcome)
        except StoreFailing:
            return Answer("refused", refusal="no_store")

    async def scanned(self, text: str) -> Answer:
        """A code in front of the reader: parcel label, badge or pickup QR, or eight digits."""
        try:
            return self._show(await self._scanned(text.strip()))
        except StoreFailing:
            return self._show(Answer("refused", refusal="no_store"))

    async def _scanned(self, text: str) -> Answer:
        if text.upper().startswith(codes.LABEL_PREFIX) or labels.is_signed(text):
            return await self.loading.parcel(text)
        if len(text) <= 2 * codes.CODE_DIGITS:
            return await self._typed(text)
        outcome = self._access.by_token(text)
        if isinstance(outcome, Denied):
            await self._note(outcome, before_changed=False)
            return Answer("refused", refusal=outcome.reason)
        if isinstance(outcome, BadgeGranted):
            return await self.loading.badge(outcome)
        return await self.collecting.collect(outcome)

    async def _note(self, denied: Denied, *, before_changed: bool) -> None:
        """A wrong try is durable before anybody hears of it."""
        meta = {"tries": self._access.tries.to_json(), **self._clock.kept()} if before_changed else {}
        if meta or denied.facts:
            await self._cabinet.record(Change(facts=denied.facts, meta=meta))

    async def said(self, word: str, door: str) -> Answer:
        """Whoever loads answers on the screen; see ``Loading.say``. ``remove`` begins a round of removals."""
        try:
            if word == REMOVE:
                return self._show(await self.removing.begin())
            return self._show(await self.loading.say(word, door))
        except StoreFailing:
            return self._show(Answer("refused", refusal="no_store"))

    async def inside(self) -> Answer:
        """Someone is inside; needs no right."""
        return await self._inside.call()
