"""Couriers, residents and others in front of one cabinet, by their own clocks and habits.

They see doors, goods and what the screen answers. A resident who does not get in tries again, another way;
one whom nothing physical kept out and who was not served at last is a violation.
"""

import random

from simulators.scenario.cloud import Cloud
from simulators.scenario.file import People
from simulators.scenario.people.courier import Courier
from simulators.scenario.people.front import Front, Order
from simulators.scenario.people.resident import Resident
from simulators.scenario.place import Place
from simulators.scenario.story import Story
from simulators.scenario.truth import Parcel

__all__ = ["Neighbourhood", "Order"]


class Neighbourhood(Front):
    """The people of one cabinet."""

    def __init__(
        self, place: Place, cloud: Cloud, habits: People, story: Story, parcels: dict[str, Parcel],
        chance: random.Random,
    ) -> None:  # fmt: skip
        super().__init__(place, cloud, habits, story, parcels, chance)
        self.deliver = Courier(self).deliver
        self.fetch = Resident(self).fetch

    async def guess(self) -> None:
        """Somebody tries codes, more than the keypad lets pass."""
        self.count("guessing")
        for _ in range(self.chance.randrange(3, 12)):
            answer = await self.type(f"{self.chance.randrange(10**8):08d}")
            if answer is not None and answer.kind == "opening":
                self.trace("a guess was right")
            await self.wait(1, 4)

    async def force(self) -> None:
        """Break a door open, look, lean it shut again."""
        label = self.chance.choice(self.hands.labels())
        self.note(f"somebody breaks {label} open")
        for goods in self.place.goods(label):
            self.parcels[goods.name].excused = "its door was broken open"
        self.hands.force(label)
        await self.wait(5, 60)
        await self.shut(label)

    async def call_inside(self) -> None:
        """'Someone is inside': doors fly open, and a passer-by shuts them."""
        edge = self.place.edge
        if edge is None or not self.place.is_serving:
            return
        self.note("somebody presses 'someone is inside'")
        for label in self.hands.labels():
            for goods in self.place.goods(label):
                self.parcels[goods.name].excused = "somebody pressed 'someone is inside'"
        async with self.turn:
            await edge.entrance.inside()
        await self.wait(60, 120)
        await self.shut_all()

    async def shut_all(self) -> None:
        """A caretaker on his round."""
        for label in self.hands.standing_open():
            if not self.attended[label]:
                await self.shut(label)
