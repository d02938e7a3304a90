"""Another door moved than the one that was to open: nobody but the courier knows where the parcel is."""

from dataclasses import dataclass

from config.contract import events
from controller import visit
from controller.cabinet import Cabinet
from controller.entrance.answer import Answer
from controller.entrance.placing import Delivery, Placing
from controller.store import Store
from controller.visit import Purpose, Refused, Said, State, Word

IN_OTHER = "in_other"


@dataclass(frozen=True, slots=True)
class Question:
    """``delivery`` was to lie behind ``door``; ``other`` sprang open meanwhile."""

    delivery: Delivery
    door: str
    other: str


class WrongDoor:
    """One question at a time; no parcel is called ready before it is answered."""

    def __init__(self, cabinet: Cabinet, store: Store, placing: Placing) -> None:
        self._cabinet = cabinet
        self._store = store
        self._placing = placing
        self._question: Question | None = None

    def asks(self, door: str) -> bool:
        """Is there a question about this door?"""
        return self._question is not None and self._question.door == door

    def heard(self, fact: events.Fact) -> None:
        match fact:
            case events.DoorForced():
                self._other_door(fact.box.label)
            case events.DepositAborted(reason="door_stuck") if self.asks(fact.box.label):
                self._placing.soon(self._ask)
            case events.CheckNeeded() if self.asks(fact.box.label):
                self._placing.soon(self._ask)

    def _other_door(self, other: str) -> None:
        for label, box in self._cabinet.boxes.items():
            delivery = self._placing.at_door(label)
            opening = box.opening
            if delivery is None or opening is None or label == other or box.parcel != delivery.parcel:
                continue
            if opening.purpose is Purpose.LOAD and not opening.seen_open:
                self._question = Question(delivery, label, other)
                self._placing.soon(self._doubt)
                return

    async def _doubt(self) -> None:
        if self._question is not None:
            await self._cabinet.doubt(self._question.door)

    async def _ask(self) -> Answer | None:
        asked = self._question
        if asked is None:
            return None
        may_be_in = self._cabinet.boxes[asked.door].state is State.CHECKING
        asks = (IN_OTHER, Word.IS_IN, Word.NOT_IN) if may_be_in else (IN_OTHER, Word.NOT_IN)
        return Answer("question", door=asked.door, other=asked.other, asks=asks)

    async def answered(self, word: str) -> Answer:
        """Where the parcel is; the question stays until an answer fits what the doors say."""
        asked = self._question
        if asked is None or word not in (IN_OTHER, Word.IS_IN, Word.NOT_IN):
            return Answer("refused", refusal="no_question")
        box = self._cabinet.boxes[asked.door]
        if box.opening is not None:
            return Answer("refused", door=asked.door, refusal="busy")
        refusal = visit.why_not_here(self._cabinet.boxes[asked.other]) if word == IN_OTHER else ""
        if refusal:
            return Answer("refused", door=asked.other, refusal=refusal)
        return await self._settle(asked, word)

    async def _settle(self, asked: Question, word: str) -> Answer:
        """First the door that was asked lets go of the parcel: it never has two compartments."""
        delivery = asked.delivery
        in_doubt = self._cabinet.boxes[asked.door].parcel == delivery.parcel
        if in_doubt:
            said = Word.IS_IN if word == Word.IS_IN else Word.NOT_IN
            outcome = await self._cabinet.hear(asked.door, Said(said, delivery.parcel, delivery.badge))
            if isinstance(outcome, Refused):
                return Answer("refused", door=asked.door, refusal=outcome.reason)
        elif word == Word.IS_IN:
            return Answer("refused", door=asked.door, refusal="no_question")
        self._question = None
        if word == IN_OTHER:
            return await self._lies_in(asked)
        return Answer("noted", door=asked.door) if word == Word.IS_IN else await self._placing.again(delivery)

    async def _lies_in(self, asked: Question) -> Answer:
        told = Said(Word.IS_IN, asked.delivery.parcel, asked.delivery.badge)
        occupancy = self._store.next_occupancy()
        outcome = await self._cabinet.found(asked.other, told, asked.delivery.order, occupancy)
        if isinstance(outcome, Refused):
            return Answer("refused", door=asked.other, refusal=outcome.reason)
        return Answer("noted", door=asked.other)
