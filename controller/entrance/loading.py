"""A courier fills the cabinet: badge, labels, a door for each; and says what the switches cannot tell."""

from dataclasses import dataclass

import structlog

from config.contract import codes, events, labels
from config.contract.codes import BadgeRight
from controller import reservations, visit
from controller.access import Access, BadgeGranted, Denied
from controller.cabinet import Cabinet, Changed
from controller.clock import Clock
from controller.entrance.answer import Answer
from controller.entrance.placing import Delivery, Placing
from controller.entrance.wrong_door import WrongDoor
from controller.store import Change, Store
from controller.visit import Box, Refused, Said, Word

log = structlog.get_logger(__name__)

COURIER_IDLE_S = 180.0
RESIDENT_LEAVES_S = 20.0
"""So long after the door has closed a resident may still say that nothing was put in."""


@dataclass(slots=True)
class Courier:
    """Somebody with a badge is here."""

    badge: str
    right: BadgeRight
    until: float
    deposited: int = 0


class Loading:
    """One courier at a time, from the first scan of the badge to the second, or to a pause."""

    def __init__(
        self, cabinet: Cabinet, access: Access, store: Store, clock: Clock, placing: Placing
    ) -> None:
        self._cabinet = cabinet
        self._access = access
        self._clock = clock
        self.placing = placing
        self._wrong_door = WrongDoor(cabinet, store, placing, self._is_here)
        self._courier: Courier | None = None
        cabinet.listen(self._heard)

    async def load(self) -> None:
        """What was not answered when the program went down; before anybody is served."""
        await self._wrong_door.load()

    @property
    def courier(self) -> Courier | None:
        """The courier who is here right now."""
        if self._courier is not None and self._clock.now() > self._courier.until:
            self._courier = None
        return self._courier

    def stays(self) -> None:
        """The courier did something."""
        if self._courier is not None:
            self._courier.until = self._clock.now() + COURIER_IDLE_S

    async def badge(self, badge: BadgeGranted) -> Answer:
        """First scan begins loading, the second one by the same person ends it."""
        courier = self.courier
        left = self.placing.forget()
        if courier is not None and courier.badge == badge.badge:
            self._courier = None
            told = events.CourierLeft(badge=courier.badge, deposited=courier.deposited)
            await self._cabinet.record(Change(facts=(told,)))
            return Answer("courier_left", more=left)
        await self._cabinet.record(Change(facts=(events.CourierArrived(badge=badge.badge),)))
        self._courier = Courier(badge.badge, badge.right, self._clock.now() + COURIER_IDLE_S)
        return self._unsure() or Answer("courier")

    async def parcel(self, text: str) -> Answer:
        """A label: of a parcel that is expected here, or signed for one that nobody has told of."""
        delivery = self._delivery(text)
        if isinstance(delivery, Answer):
            return delivery
        self.stays()
        return await self.placing.place(delivery)

    def _delivery(self, text: str) -> Delivery | Answer:
        courier = self.courier
        if labels.is_signed(text):
            label = self._access.by_label(text)
            if isinstance(label, Denied):
                return Answer("refused", refusal=label.reason)
            if label.purpose is labels.LabelPurpose.HAND_IN:
                return Delivery.of(self._access.parcels.get(label.parcel, label))
            if courier is None:
                return Answer("refused", refusal="no_badge")
            return Delivery.of(self._access.parcels.get(label.parcel, label), courier.badge)
        if courier is None:
            return Answer("refused", refusal="no_badge")
        return self._expected(text, courier)

    def _expected(self, text: str, courier: Courier) -> Delivery | Answer:
        try:
            parcel = self._access.parcels.get(codes.read_parcel_label(text))
        except codes.BadCode:
            return Answer("refused", refusal="not_ours")
        return (
            Answer("refused", refusal="unknown_parcel")
            if parcel is None
            else Delivery.of(parcel, courier.badge)
        )

    # --- what whoever loads says

    async def say(self, word: str, door: str, about: str) -> Answer:
        """An answer on the screen about a parcel that was brought to this door; ``about``: see ``Answer``."""
        if self._wrong_door.asks(door):
            answer = await self._wrong_door.answered(word, about)
        elif word in set(Word):
            answer = await self._said(Word(word), door, about)
        else:
            answer = Answer("refused", refusal="no_question")
        self.stays()
        return answer

    async def _said(self, word: Word, door: str, about: str) -> Answer:
        courier, delivery = self.courier, self.placing.at_door(door)
        parcel = delivery.parcel if delivery is not None else self._parcel_in_doubt(door)
        if parcel is None:
            return Answer("refused", refusal="no_question")
        told = Said(word, parcel, courier.badge if courier is not None else None, about)
        outcome = await self._cabinet.hear(door, told)
        if isinstance(outcome, Refused):
            return Answer("refused", door=door, refusal=outcome.reason)
        return await self._act_on(word, delivery, door)

    def _is_here(self, door: str) -> bool:
        """A courier, or whoever brought what is behind this door."""
        return self.courier is not None or self.placing.at_door(door) is not None

    def _parcel_in_doubt(self, door: str) -> str | None:
        """Only a courier answers for what happened before the controller stopped."""
        box = self._cabinet.boxes.get(door)
        return box.parcel if self.courier is not None and box is not None and visit.in_doubt(box) else None

    async def _act_on(self, word: Word, delivery: Delivery | None, door: str) -> Answer:
        if delivery is not None and word is Word.DOES_NOT_FIT:
            return await self.placing.larger(delivery, door)
        if delivery is not None and word is Word.NOT_EMPTY:
            return await self.placing.again(delivery)
        return self._unsure() or Answer("noted", door=door)

    def _unsure(self) -> Answer | None:
        """Another door moved, or a loading ended unseen when the controller stopped."""
        if (about_other := self._wrong_door.asked()) is not None:
            return about_other
        box = reservations.unsure(self._cabinet.boxes)
        if self.courier is None or box is None:
            return None
        return _where(box)

    # --- what happens at the doors

    def _heard(self, changed: Changed) -> None:
        for fact in changed.facts:
            self._wrong_door.heard(fact)
            match fact:
                case events.ParcelDeposited():
                    self._deposited(fact)
                case events.DoorOpened(purpose="load", proof="badge"):
                    self.stays()
                case events.DepositAborted(reason="door_stuck"):
                    self._try_another(fact)
                case events.CheckNeeded(purpose="load"):
                    self._ask_about(fact.box.label)
                    self._next_in_turn()
                case (
                    events.DepositAborted() | events.DepositAnswered() | events.CheckNeeded()
                    | events.OpeningEnded() | events.OpeningFailed()
                ):  # fmt: skip
                    self._next_in_turn()

    def _ask_about(self, door: str) -> None:
        """A loading has ended unseen, or its door stood open for too long; whoever brought it may know."""

        async def ask() -> Answer | None:
            box = self._cabinet.boxes[door]
            return _where(box) if visit.in_doubt(box) else None

        if self._is_here(door) and not self._wrong_door.asks(door):
            self.placing.soon(ask)

    def _next_in_turn(self) -> None:
        """What a courier scanned who has gone for good opens no door any more."""
        if self.courier is None:
            self.placing.without_courier()
        self.placing.next_in_turn()

    def _deposited(self, fact: events.ParcelDeposited) -> None:
        courier = self.courier
        if fact.proof == "qr":
            self.placing.leaves_within(fact.box.label, RESIDENT_LEAVES_S)
        elif courier is not None:
            courier.deposited += 1
            self.stays()
        self._next_in_turn()

    def _try_another(self, fact: events.DepositAborted) -> None:
        """The door did not open: another one for the same parcel, while whoever holds it is here."""
        delivery = self.placing.at_door(fact.box.label)
        if delivery is not None and not self._wrong_door.asks(fact.box.label):
            self.placing.soon(lambda: self.placing.again(delivery))


def _where(box: Box) -> Answer:
    """Is the parcel behind this door?"""
    return Answer("question", door=box.label, asks=(Word.IS_IN, Word.NOT_IN), about=box.occupancy or "")
