"""The one place where a compartment changes: step, commit, then act; one change at a time.

Every input (somebody asks, a switch was read, a pulse was answered, time passed) goes through the pure rules
of ``visit``. What comes out is committed in one transaction and only then carried out and told on.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from config.contract.events import Baseline, EpochReason, Fact, FaultRaised, LostRange, ParcelCollected
from config.contract.messages import CabinetSettings
from controller import visit
from controller.baseline import baseline
from controller.clock import Clock
from controller.doors import Door, Reading, bounced
from controller.store import Change, Store, StoreFailing
from controller.visit import Ask, Box, Pulse, Pulsed, Purpose, Refused, Rules, Said, Step

log = structlog.get_logger(__name__)

LONGEST_VISIT_S = 300.0


class Unlocks(Protocol):
    """Carries out a committed pulse."""

    def __call__(self, pulse: Pulse) -> None: ...


@dataclass(frozen=True, slots=True)
class Changed:
    """What listeners hear after a commit."""

    box: Box | None
    facts: tuple[Fact, ...]


Listener = Callable[[Changed], None]
RESTS = "lock_rests"
"""What a guard says of a coil that has had its pulses for this minute."""
Guard = Callable[[str, Purpose], str]
"""Asked before a compartment is used for something; a code of the refusal table, or nothing."""
Companion = Callable[[Box, Step], Change]
"""What else belongs into the transaction of a step, other compartments too; is given the box before it."""


class Cabinet:
    """All compartments of one cabinet and the only way to change them."""

    def __init__(
        self, boxes: dict[str, Box], used: set[str], store: Store, clock: Clock, rules: Rules
    ) -> None:
        self.boxes = boxes
        self.used = used
        self.rules = rules
        self._store = store
        self._clock = clock
        self._turn = asyncio.Lock()
        self._listeners: list[Listener] = []
        self._unlock: Unlocks | None = None
        self._guards: list[Guard] = []
        self._companions: list[Companion] = []
        self.store_failed = False
        self.is_safe = False
        """Safe mode: nothing is loaded and nothing opens from afar."""
        self.bounced: Callable[[str], None] = lambda label: None
        """Told, with the label, when the switch of a door took back what it had said."""

    def connect(self, unlock: Unlocks) -> None:
        """Who carries out the pulses."""
        self._unlock = unlock

    def follow(self, settings: CabinetSettings) -> None:
        """The operator's settings change the rules from the next step on."""
        self.rules = replace(
            self.rules,
            left_open_alarm_s=settings.left_open_alarm_s,
            left_open_block_s=settings.left_open_block_s,
        )

    def is_visited(self) -> bool:
        """Somebody is at a door: an opening is under way, and not for so long that nobody can be there."""
        now = self._clock.now()
        return any(
            box.opening is not None and now - box.opening.first_pulse < LONGEST_VISIT_S
            for box in self.boxes.values()
        )

    def listen(self, listener: Listener) -> None:
        """Be told of every committed change, after its commit."""
        self._listeners.append(listener)

    def guard(self, guard: Guard) -> None:
        """One more who may keep a compartment shut, when it is asked for and right before each pulse."""
        self._guards.append(guard)

    def accompany(self, companion: Companion) -> None:
        """Whose records change with a compartment, in the same transaction."""
        self._companions.append(companion)

    def barred(self, label: str, purpose: Purpose) -> str:
        """Why this compartment is not to be used for this now; empty: nothing is in the way."""
        return next((why for guard in self._guards if (why := guard(label, purpose))), "")

    # --- inputs

    async def ask(self, label: str, wish: Ask, along: Change | None = None) -> Step | Refused:
        """Somebody entitled wants this door. A refusal changes and records nothing.

        ``along`` is committed in the same transaction as the opening (that a command was seen, a budget).
        """
        if self._store.is_full and wish.purpose is Purpose.LOAD:
            return Refused("no_store")
        if self.is_safe and (wish.purpose is Purpose.LOAD or wish.command is not None):
            return Refused("safe_mode")
        async with self._turn:
            if barred := self.barred(label, wish.purpose):
                return Refused(barred)
            outcome = visit.ask(self.boxes[label], wish, self._clock.now(), self.rules)
            if isinstance(outcome, Refused):
                return outcome
            return await self._take(outcome, along or Change())

    async def hear(self, label: str, told: Said) -> Step | Refused:
        """Whoever loaded says what became of the parcel."""
        async with self._turn:
            outcome = visit.said(self.boxes[label], told)
            return outcome if isinstance(outcome, Refused) else await self._take(outcome)

    async def found(self, label: str, told: Said, order: str, occupancy: str) -> Step | Refused:
        """The parcel lies behind a door that sprang open unasked."""
        async with self._turn:
            outcome = visit.lies_here(self.boxes[label], told, order, occupancy)
            return outcome if isinstance(outcome, Refused) else await self._take(outcome)

    async def prove(self, label: str, badge: str) -> Step | Refused:
        """A technician has seen that the door which was wired anew is the one that opens."""
        async with self._turn:
            outcome = visit.proven(self.boxes[label], badge)
            return outcome if isinstance(outcome, Refused) else await self._take(outcome)

    async def pulsed(self, label: str, done: Pulsed) -> None:
        async with self._turn:
            await self._take(visit.pulsed(self.boxes[label], done))

    async def read(self, readings: Iterable[tuple[str, Reading]]) -> None:
        """The switches of some doors were read."""
        for label, reading in readings:
            async with self._turn:
                box = self.boxes[label]
                step = await self._take(visit.door_read(box, reading, self._clock.now(), self.rules))
                if bounced(box.door, step.box.door):
                    self.bounced(label)

    async def tick(self) -> None:
        """Let time act on every compartment."""
        for label in self.boxes:
            async with self._turn:
                rules = self._rules_at(label)
                await self._take(visit.tick(self.boxes[label], self._clock.now(), rules))

    def _rules_at(self, label: str) -> Rules:
        """Where a lock has to rest, an opening has had all of its pulses."""
        opening = self.boxes[label].opening
        if opening is None or self.barred(label, opening.purpose) != RESTS:
            return self.rules
        return replace(self.rules, pulses=opening.pulses)

    async def restarted(self, *, same_boot: bool) -> None:
        """First thing after the start: openings that were under way become ambiguous."""
        for label in self.boxes:
            async with self._turn:
                await self._take(visit.restarted(self.boxes[label], same_boot=same_boot))

    async def record(self, change: Change) -> None:
        """Commit something that changes no compartment, in turn with what does."""
        async with self._turn:
            await self._store.commit(change, self._clock.stamp())
            self._tell(Changed(None, change.facts))

    async def change_together(self, decide: Callable[[], Change]) -> None:
        """Several compartments in one transaction; ``decide`` is asked in its turn, and may want nothing."""
        async with self._turn:
            change = decide()
            if change == Change():
                return
            await self._store.commit(change, self._clock.stamp())
            self.boxes.update({box.label: box for box in change.boxes})
            self._tell(Changed(None, change.facts))

    # --- history

    async def begin_epoch(
        self, reason: EpochReason, change: Change | None = None, faults: tuple[Fact, ...] = ()
    ) -> None:
        """Number the events anew (see ``Store.begin_epoch``); then the uplink needs a new session.

        ``change`` comes with it, and how everything is then; ``faults`` that are open are told again.
        """
        async with self._turn:
            given = change or Change()
            facts = (*given.facts, *self._baseline(given.boxes), *faults)
            told = await self._store.begin_epoch(reason, self._clock.stamp(), replace(given, facts=facts))
            self.boxes.update({box.label: box for box in given.boxes})
            self._tell(Changed(None, (told, *facts)))

    async def lost(self, first: int, last: int, faults: tuple[Fact, ...] = ()) -> None:
        """The cloud lacks events that are kept nowhere: say so, and how everything is now."""
        async with self._turn:
            facts = (LostRange(first=first, last=last), *self._baseline(), *faults)
            await self._store.commit(Change(facts=facts), self._clock.stamp())
            self._tell(Changed(None, facts))

    def _baseline(self, changed: tuple[Box, ...] = ()) -> tuple[Baseline, ...]:
        boxes = self.boxes | {box.label: box for box in changed}
        openings, occupancies = self._store.counters
        told = tuple(visit.now_of(box) for box in boxes.values())
        return baseline(told, tuple(sorted(self.used)), openings, occupancies)

    # --- one turn

    async def _take(self, step: Step, along: Change | None = None) -> Step:
        along = along or Change()
        before = self.boxes[step.box.label]
        if step.box == before and not step.facts:
            return step
        if _durable(step.box) != _durable(before) or step.facts:
            await self._commit(step, along)
        self.boxes[step.box.label] = step.box
        changed = Changed(step.box, (*along.facts, *step.facts))
        if step.pulse is not None and self._unlock is not None:
            self._unlock(step.pulse)
            # Somebody waits at a door: the pulse's task has its turn first, then logs and listeners.
            asyncio.get_running_loop().call_soon(self._tell, changed)
        elif step.facts:
            self._tell(changed)
        return step

    async def _commit(self, step: Step, along: Change) -> None:
        collected = [told for told in step.facts if isinstance(told, ParcelCollected)]
        used = tuple(told.parcel for told in collected if not told.in_doubt)
        joined = [companion(self.boxes[step.box.label], step) for companion in self._companions]
        told = (*along.facts, *step.facts, *(fact for more in joined for fact in more.facts))
        meta = along.meta | {key: value for more in joined for key, value in more.meta.items()}
        others = tuple(other for more in joined for other in more.boxes)
        change = replace(along, boxes=(step.box, *others), facts=told, used=used, meta=meta)
        try:
            await self._store.commit(change, self._clock.stamp())
            self.store_failed = False
            self.boxes.update({other.label: other for other in others})
        except StoreFailing as error:
            self.store_failed = True
            log.error("store failing", error=str(error))
            if along != Change() or not _lets_people_out(step):
                raise
        self.used.update(used)

    def _tell(self, changed: Changed) -> None:
        for fact in changed.facts:
            level = log.warning if isinstance(fact, FaultRaised) else log.info
            level(fact.type, **fact.model_dump(mode="json", exclude_none=True, exclude={"boxes", "used"}))
        for listener in self._listeners:
            listener(changed)


def _durable(box: Box) -> Box:
    """What of a box is worth a commit: not its door, nor what its beam says, nor when a pulse went out."""
    opening = None if box.opening is None else replace(box.opening, sent_at=None)
    return replace(box, door=Door(), beam=box.beam.kept, opening=opening)


def _lets_people_out(step: Step) -> bool:
    """Whoever is inside gets out even when nothing can be written."""
    return step.box.opening is not None and step.box.opening.purpose is Purpose.EMERGENCY
