"""Another door moved than the one that was to open: nobody but the courier knows where the parcel is.

The question is durable in the transaction that tells of the other door, and so is that the parcel is doubted;
both outlive the program. It ends with the event that says where the parcel lies, or with the word that it is
still in somebody's hands.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

import structlog

from config.contract import events
from controller import visit
from controller.cabinet import Cabinet
from controller.entrance.answer import Answer
from controller.entrance.placing import Delivery, Placing
from controller.store import Change, Store
from controller.visit import Box, Purpose, Refused, Said, Step, Word

log = structlog.get_logger(__name__)

IN_OTHER = "in_other"
KEY = "wrong_door"


@dataclass(frozen=True, slots=True)
class Question:
    """``delivery`` was to lie behind ``door``, as ``occupancy``; ``other`` sprang open meanwhile."""

    delivery: Delivery
    door: str
    other: str
    occupancy: str

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Question":
        raw = json.loads(text)
        # Before there was an occupancy in it, nothing on any screen was about one either.
        return cls(Delivery(**raw["delivery"]), raw["door"], raw["other"], raw.get("occupancy", ""))


class WrongDoor:
    """One question at a time; no parcel is called ready before it is answered."""

    def __init__(
        self, cabinet: Cabinet, store: Store, placing: Placing, is_here: Callable[[str], bool]
    ) -> None:
        """``is_here``: somebody stands there who can answer for what was brought to this door."""
        self._cabinet = cabinet
        self._store = store
        self._placing = placing
        self._is_here = is_here
        self._question: Question | None = None
        cabinet.accompany(self._joins)

    async def load(self) -> None:
        """A question that was open when the program went down; before anybody is served."""
        kept = await self._store.meta(KEY)
        asked = Question.from_json(kept) if kept else None
        if asked is not None and {asked.door, asked.other} - self._cabinet.boxes.keys():
            log.error(
                "asked about a door that is not in the file any more", door=asked.door, other=asked.other
            )
            return
        self._question = asked

    def asks(self, door: str) -> bool:
        """Is there a question about this door?"""
        return self._question is not None and self._question.door == door

    def asked(self) -> Answer | None:
        """The question, to somebody who can answer it now; None while the door may still open."""
        asked = self._question
        if asked is None or not self._is_here(asked.door):
            return None
        box = self._cabinet.boxes[asked.door]
        is_there = box.parcel == asked.delivery.parcel
        if is_there and not visit.in_doubt(box):
            return None
        asks = (IN_OTHER, Word.IS_IN, Word.NOT_IN) if is_there else (IN_OTHER, Word.NOT_IN)
        return Answer("question", door=asked.door, other=asked.other, asks=asks, about=asked.occupancy)

    def heard(self, fact: events.Fact) -> None:
        """After the commit."""
        self._question = self._after(self._question, fact)
        match fact:
            case events.DepositAborted(reason="door_stuck") if self.asks(fact.box.label):
                self._placing.soon(self._ask)
            case events.CheckNeeded() if self.asks(fact.box.label):
                self._placing.soon(self._ask)
            case events.SeenInside(goods=True) if self._question is not None:
                self._placing.soon(self._ask)

    async def _ask(self) -> Answer | None:
        return self.asked()

    # --- what is kept

    def _joins(self, box: Box, step: Step) -> Change:
        """What of the question changes with this step, and the doubt about the parcel that it is about."""
        after = self._question
        for told in step.facts:
            after = self._after(after, told)
        if after == self._question:
            return Change()
        doubted = () if after is None else (visit.doubted(self._cabinet.boxes[after.door]).box,)
        return Change(boxes=doubted, meta=_kept(after))

    def _after(self, asked: Question | None, fact: events.Fact) -> Question | None:
        match fact:
            case events.DoorForced():
                return self._about(fact.box.label) or asked
            case events.SeenInside(goods=True):
                return asked or self._missing_for(fact.box.label)
            case (
                events.ParcelDeposited() | events.DepositAnswered(answer="is_in")
                | events.ParcelCollected() | events.ParcelRemoved()
            ) if asked is not None and fact.parcel == asked.delivery.parcel:  # fmt: skip
                return None
        return asked

    def _about(self, other: str) -> Question | None:
        for label, box in self._cabinet.boxes.items():
            delivery = self._placing.at_door(label)
            opening = box.opening
            if delivery is None or opening is None or label == other or box.parcel != delivery.parcel:
                continue
            if opening.purpose is Purpose.LOAD and not opening.seen_open:
                return Question(delivery, label, other, box.occupancy or "")
        return None

    def _missing_for(self, other: str) -> Question | None:
        """Goods have come to lie where nobody was let in: are they what is to lie behind another door?"""
        for label, box in self._cabinet.boxes.items():
            delivery = self._placing.at_door(label)
            if delivery is None or box.parcel != delivery.parcel:
                continue
            is_loading = box.opening is not None and box.opening.purpose is Purpose.LOAD
            if is_loading or visit.in_doubt(box):
                return Question(delivery, label, other, box.occupancy or "")
        return None

    # --- the answer

    async def answered(self, word: str, about: str) -> Answer:
        """Where the parcel is; the question stays until an answer fits what the doors say.

        A word about anything else (an older page) is answered by the question that is open now.
        """
        asked = self._question
        if asked is None or word not in (IN_OTHER, Word.IS_IN, Word.NOT_IN) or not self._is_here(asked.door):
            return Answer("refused", refusal="no_question")
        if about != asked.occupancy:
            return self.asked() or Answer("refused", door=asked.door, refusal="other_occupancy")
        box = self._cabinet.boxes[asked.door]
        if box.opening is not None and not visit.in_doubt(box):
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
        if word == IN_OTHER:
            return await self._lies_in(asked)
        return Answer("noted", door=asked.door) if word == Word.IS_IN else await self._in_hand(delivery)

    async def _in_hand(self, delivery: Delivery) -> Answer:
        """No event tells of that where the door had let go of the parcel before."""
        await self._cabinet.record(Change(meta=_kept(None)))
        self._question = None
        return await self._placing.again(delivery)

    async def _lies_in(self, asked: Question) -> Answer:
        told = Said(Word.IS_IN, asked.delivery.parcel, asked.delivery.badge)
        occupancy = self._store.next_occupancy()
        outcome = await self._cabinet.found(asked.other, told, asked.delivery.order, occupancy)
        if isinstance(outcome, Refused):
            return Answer("refused", door=asked.other, refusal=outcome.reason)
        return Answer("noted", door=asked.other)


def _kept(asked: Question | None) -> dict[str, str]:
    return {KEY: asked.to_json() if asked is not None else ""}
