"""In front of one cabinet: what its people see, hold in their hands, type and push."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from controller.entrance import Answer
from simulators.cabinet import Door
from simulators.scenario.cloud import Cloud
from simulators.scenario.cold import ColdWatch
from simulators.scenario.file import People
from simulators.scenario.place import Place
from simulators.scenario.story import Story
from simulators.scenario.truth import Parcel

LOOK_SECONDS = 0.1
ANSWER_SECONDS = 6.0
OPENS_WITHIN_SECONDS = 15.0
PUSHES = 8


@dataclass(slots=True)
class Order:
    """What one resident has ordered, and what is needed to get it."""

    id: str
    code: str
    parcels: list[Parcel] = field(default_factory=list)
    left: list[Parcel] = field(default_factory=list)
    """Things of the resident that were shut in."""

    @property
    def to_fetch(self) -> list[Parcel]:
        return [parcel for parcel in self.parcels if parcel.box is not None and not parcel.fetched]


class Front:
    """Screen, reader and doors of one cabinet, for whoever stands there."""

    def __init__(
        self, place: Place, cloud: Cloud, habits: People, story: Story, parcels: dict[str, Parcel],
        chance: random.Random,
    ) -> None:  # fmt: skip
        self.place, self.cloud, self.habits, self.story = place, cloud, habits, story
        self.parcels, self.chance = parcels, chance
        self.has_beams = any(c.beam_input is not None for c in place.file.compartment)
        self.hands = place.served.cabinet
        self.cold = ColdWatch(place, story)
        self.others: list[Front] = []
        """In front of the other cabinets."""
        self.attended: Counter[str] = Counter()
        """Doors that somebody stands at: nobody else shuts those."""
        self.turn = asyncio.Lock()

    # --- at the screen and the reader

    async def show(self, text: str) -> Answer | None:
        """Hold something in front of the reader; what the screen answers, if it does."""
        async with self.turn:
            edge = self.place.edge
            if edge is None or not self.place.is_serving:
                return None
            answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

            def shown(answer: Answer) -> None:
                if not answered.done():
                    answered.set_result(answer)

            edge.entrance.show_to(shown)
            self.place.served.readers["qr"].show(text)
            try:
                return await asyncio.wait_for(answered, ANSWER_SECONDS)
            except TimeoutError:
                return None
            finally:
                edge.entrance.show_no_more(shown)

    async def type(self, code: str) -> Answer | None:
        """Type a code on the keypad."""
        async with self.turn:
            edge = self.place.edge
            if edge is None or not self.place.is_serving:
                return None
            try:
                return await asyncio.wait_for(edge.entrance.typed(code), ANSWER_SECONDS)
            except TimeoutError:
                return None

    # --- people of another cabinet

    def goes_wrong(self) -> bool:
        return bool(self.others) and self.chance.random() < self.habits.wrong_cabinet

    async def is_shown(self, code: str | None, *texts: str) -> None:
        """Somebody is in front of the wrong cabinet; none of its doors is for them."""
        self.count("strangers")
        answers = [] if code is None else [await self.type(code)]
        answers += [await self.show(text) for text in texts]
        for answer in answers:
            if answer is not None and answer.kind in ("opening", "queued", "courier"):
                wrong = f"a right to open another cabinet is answered {answer.kind}"
                self.violated(wrong)

    # --- what is told of them

    def count(self, what: str, number: int = 1) -> None:
        self.story.count(self.place.id, what, number)

    def note(self, line: str) -> None:
        self.story.note(self.place.id, line)

    def trace(self, line: str) -> None:
        self.story.trace(self.place.id, line)

    def violated(self, rule: str) -> None:
        self.story.violated(self.place.id, rule)

    # --- hands

    @contextmanager
    def standing_at(self, label: str) -> Iterator[None]:
        self.attended[label] += 1
        try:
            yield
        finally:
            self.attended[label] -= 1

    async def opens(self, labels: list[str]) -> str | None:
        """Wait for one of these doors to spring open; which."""
        until = self.place.now + OPENS_WITHIN_SECONDS
        while self.place.now < until:
            for label in labels:
                if self.hands.compartment(label).door is not Door.CLOSED:
                    return label
            await asyncio.sleep(LOOK_SECONDS)
        return None

    async def shut(self, label: str) -> None:
        if self.chance.random() < self.habits.lean:
            self.hands.push(label)
            await self.wait(1, 4)
        for _ in range(PUSHES):
            if self.hands.close(label):
                return
            await asyncio.sleep(0.5)

    async def wait(self, least: float, most: float) -> None:
        await asyncio.sleep(self.chance.uniform(least, most))
