"""Couriers, residents and others in front of one cabinet, by their own clocks and habits.

They see doors, goods and what the screen answers. A resident who does not get in tries again, another way;
one whom nothing physical kept out and who was not served at last is a violation.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from config.contract import codes
from config.contract.messages import Presence
from controller.entrance import Answer
from simulators.cabinet import Door, Goods
from simulators.scenario.cloud import Cloud
from simulators.scenario.cold import ColdWatch
from simulators.scenario.file import People
from simulators.scenario.place import CLIMATE_BUS, Place
from simulators.scenario.story import Story
from simulators.scenario.truth import Parcel

LOOK_SECONDS = 0.1
ANSWER_SECONDS = 6.0
OPENS_WITHIN_SECONDS = 15.0
TRIES = 6
AGAIN_SECONDS = (20.0, 330.0)
LOOKS_AGAIN = 4
PUSHES = 8
AHEAD = 3
"""So many parcels a courier holds at once."""
COMES_UP_SECONDS = 120.0


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


class Neighbourhood:
    """The people of one cabinet."""

    def __init__(
        self, place: Place, cloud: Cloud, habits: People, story: Story, parcels: dict[str, Parcel],
        chance: random.Random,
    ) -> None:  # fmt: skip
        self.place, self._cloud, self._habits, self._story = place, cloud, habits, story
        self.parcels, self._chance = parcels, chance
        self._has_beams = any(c.beam_input is not None for c in place.file.compartment)
        self._front = asyncio.Lock()
        self._hands = place.served.cabinet
        self.cold = ColdWatch(place, story)
        self.others: list[Neighbourhood] = []
        """In front of the other cabinets."""
        self._attended: Counter[str] = Counter()
        """Doors that somebody stands at: nobody else shuts those."""

    # --- at the screen and the reader

    async def show(self, text: str) -> Answer | None:
        """Hold something in front of the reader; what the screen answers, if it does."""
        async with self._front:
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
        async with self._front:
            edge = self.place.edge
            if edge is None or not self.place.is_serving:
                return None
            try:
                return await asyncio.wait_for(edge.entrance.typed(code), ANSWER_SECONDS)
            except TimeoutError:
                return None

    # --- a courier

    async def deliver(self, orders: list[Order]) -> None:
        """One round: every parcel of these orders, as far as the cabinet takes them."""
        left = [(order, parcel) for order in orders for parcel in order.parcels]
        taken = 0
        if left and self._goes_wrong():
            label = codes.parcel_label(left[0][1].id)
            await self._chance.choice(self.others).is_shown(None, self._cloud.badge(self.place.id), label)
        for at, (_, parcel) in enumerate(left):
            if at % AHEAD == 0 and self._chance.random() < self._habits.scan_ahead:
                await self._load_together([each for _, each in left[at : at + AHEAD]])
            if await self._load(parcel, [each for _, each in left]):
                taken += 1
            await self._wait(2, 15)
        self._story.count(self.place.id, "parcels brought", len(left))
        self._story.count(self.place.id, "parcels loaded", taken)
        self._story.note(self.place.id, f"courier: {taken} of {len(left)} parcels are in")
        gone = [parcel.id for _, parcel in left if parcel.box is None]
        if gone:
            self._cloud.withdraw(self.place.id, gone)

    async def _load_together(self, parcels: list[Parcel]) -> None:
        """Scan one label after the other, then put each behind its door as the doors open in turn."""
        self._story.count(self.place.id, "scanned ahead", len(parcels))
        for parcel in parcels:
            answer = await self.show(codes.parcel_label(parcel.id))
            if answer is not None and answer.refusal in ("no_badge", "bad_badge"):
                await self._begin()
                await self.show(codes.parcel_label(parcel.id))
            await self._wait(0.5, 2)
        waiting = list(parcels)
        while waiting and (next_one := await self._comes_up(waiting)) is not None:
            if await self._put(next_one, self._door_for(next_one)) or next_one.box is not None:
                waiting.remove(next_one)

    async def _comes_up(self, parcels: list[Parcel]) -> Parcel | None:
        """One of them for which a door opens in its turn; None when that takes too long."""
        for _ in range(round(COMES_UP_SECONDS / LOOK_SECONDS)):
            for parcel in parcels:
                if self._door_for(parcel) is not None:
                    return parcel
            await asyncio.sleep(LOOK_SECONDS)
        return None

    async def _begin(self) -> None:
        """Show the badge; where the cabinet asks what became of a parcel, tell the truth."""
        answer = await self.show(self._cloud.badge(self.place.id))
        while answer is not None and answer.kind == "question" and answer.door is not None:
            edge = self.place.edge
            parcel = None if edge is None else edge.cabinet.boxes[answer.door].parcel
            if edge is None or parcel is None:
                return
            word = "is_in" if self.parcels[parcel].box == answer.door else "not_in"
            self._story.trace(self.place.id, f"courier says of {parcel} at {answer.door}: {word}")
            answer = await edge.entrance.said(word, answer.door)

    async def _load(self, parcel: Parcel, brought: list[Parcel]) -> bool:
        for _ in range(TRIES):
            answer = await self.show(codes.parcel_label(parcel.id))
            if answer is None:
                await self._wait(10, 60)
            elif answer.refusal in ("no_badge", "bad_badge"):
                await self._begin()
            elif answer.refusal == "already_loaded":
                return parcel.box is not None
            elif answer.refusal in ("no_fit", "not_ours"):
                return False
            elif await self._is_served(parcel, answer, brought):
                return True
            else:
                await self._wait(5, 30)
        return parcel.box is not None

    async def _is_served(self, parcel: Parcel, answer: Answer, brought: list[Parcel]) -> bool:
        """Also where the cabinet calls a door busy that is opening for this very parcel.

        A door that opens meanwhile for another one, scanned before, gets that one.
        """
        while answer.kind == "queued" and self._door_for(parcel) is None:
            came = await self._comes_up([each for each in brought if each.box is None])
            if came is None:
                return False
            if came is not parcel:
                await self._put(came, self._door_for(came))
        return await self._put(parcel, self._door_for(parcel))

    def _door_for(self, parcel: Parcel) -> str | None:
        """The door that is opening for it, as the screen tells."""
        edge = self.place.edge
        boxes = {} if edge is None else edge.cabinet.boxes
        named = (label for label, box in boxes.items() if box.parcel == parcel.id and box.opening is not None)
        return next(named, None)

    async def _put(self, parcel: Parcel, label: str | None) -> bool:
        """Behind the door that the screen names; whether the screen then says that it is in."""
        if label is None or not await self._opens([label]):
            return False
        if self._chance.random() < self._habits.too_small and await self._says_too_small(label):
            larger = self._door_for(parcel)
            if larger is None or not await self._opens([larger]):
                return False
            label = larger
        with self._standing_at(label):
            await self._lay_in(parcel, label)
        return await self._is_told_in(parcel, label)

    async def _says_too_small(self, label: str) -> bool:
        """At the screen, once it calls the door open; then shuts that door. False: the word was not taken."""
        await self._wait(1, 3)
        edge = self.place.edge
        if edge is None or not self.place.is_serving:
            return False
        answer = await edge.entrance.said("does_not_fit", label)
        if answer.kind != "opening" and answer.refusal != "no_fit":
            return False
        self._story.count(self.place.id, "does not fit")
        with self._standing_at(label):
            await self._shut(label)
        return True

    async def _lay_in(self, parcel: Parcel, label: str) -> None:
        self._hands.pull(label)
        await self._wait(2, 6)
        if parcel.box is None:
            for goods in self.place.goods(label):
                if not self.parcels[goods.name].excused:
                    wrong = f"I9: a courier finds {goods.name} in {label}, to load {parcel.id}"
                    self._story.violated(self.place.id, wrong)
            self._hands.put(label, Goods(parcel.id))
            parcel.box = parcel.lay_in = label
            self._story.trace(self.place.id, f"hands put {parcel.id} into {label}")
        await self._shut(label)

    async def _is_told_in(self, parcel: Parcel, label: str) -> bool:
        for _ in range(30):
            await asyncio.sleep(0.5)
            edge = self.place.edge
            box = None if edge is None else edge.cabinet.boxes[label]
            if box is not None and (box.parcel, box.state) == (parcel.id, "occupied"):
                return True
        return False

    # --- a resident

    async def fetch(self, order: Order) -> None:
        """Come for all that has arrived of an order; try again and another way when a door stays shut."""
        if not order.to_fetch:
            return
        self._story.count(self.place.id, "residents came")
        if self._goes_wrong():
            await self._chance.choice(self.others).is_shown(
                order.code, self._cloud.pickup_qr(self.place.id, order.id)
            )
            await self._wait(20, 120)
        ways: list[str] = []
        troubles: list[str] = []
        for attempt in range(TRIES):
            if attempt:
                await self._wait(*AGAIN_SECONDS)
            before, starts = self._trouble(order), self.place.starts
            way = self._way(attempt)
            ways.append(way)
            refusal = await self._try(order, way)
            if not order.to_fetch:
                self._story.count(self.place.id, "residents served")
                self._story.count(self.place.id, f"served by {way}")
                await self._look_again(order)
                return
            restarted = starts != self.place.starts or not self.place.is_serving
            troubles.append(before or self._trouble(order) or ("restart" if restarted else ""))
            self._story.trace(self.place.id, f"resident of {order.id} not in by {way}: {refusal}")
        self._unserved(order, ways, troubles)

    def _unserved(self, order: Order, ways: list[str], troubles: list[str]) -> None:
        left = ", ".join(f"{parcel.id} in {parcel.box}" for parcel in order.to_fetch)
        if all(troubles) or all(parcel.excused for parcel in order.to_fetch):
            self._story.count(self.place.id, "residents kept out by a broken thing")
            self._story.note(self.place.id, f"resident of {order.id} gives up: {left} ({troubles[-1]})")
        else:
            tried = ", ".join(
                f"{way} ({trouble or 'all well'})" for way, trouble in zip(ways, troubles, strict=True)
            )
            self._story.violated(
                self.place.id, f"resident of {order.id} was not served: {left}; tried {tried}"
            )

    def _way(self, attempt: int) -> str:
        luck = self._chance.random()
        first = "code" if luck < self._habits.by_code else "phone"
        if self._habits.by_code <= luck < self._habits.by_code + self._habits.by_qr:
            first = "qr"
        return first if attempt == 0 else ("code", "qr")[attempt % 2]

    async def _try(self, order: Order, way: str) -> str:
        if way == "code" and self._chance.random() < self._habits.typo:
            await self.type(f"{self._chance.randrange(10**8):08d}")
            await self._wait(2, 5)
        said = await self._ask(order, way)
        if said:
            return said
        while order.to_fetch:
            label = await self._opens([parcel.lay_in for parcel in order.to_fetch if parcel.lay_in])
            if label is None:
                return "no door opened"
            with self._standing_at(label):
                await self._take_out(order, label)
        return ""

    async def _ask(self, order: Order, way: str) -> str:
        """Show that one is entitled; why not, or nothing."""
        if way == "phone":
            edge = self.place.edge
            if edge is None or not self.place.is_serving:
                return "dark"
            shown = edge.screen.shown()
            await self._wait(3, 10)
            presence = Presence(nonce=shown.nonce, number=shown.number)
            asked = self._cloud.open_by_phone(self.place.id, order.id, presence)
            return "" if asked else "the cloud cannot help"
        qr = self._cloud.pickup_qr(self.place.id, order.id) if way == "qr" else ""
        answer = await (self.show(qr) if way == "qr" else self.type(order.code))
        if answer is None:
            return "no answer"
        return "" if answer.kind == "opening" else answer.refusal

    async def _take_out(self, order: Order, label: str) -> None:
        self._hands.pull(label)
        await self._wait(2, 10)
        for goods in self.place.goods(label):
            parcel = self.parcels[goods.name]
            if parcel.order != order.id:
                if not parcel.excused:
                    wrong = f"I9: the resident of {order.id} finds {goods.name} of {parcel.order} in {label}"
                    self._story.violated(self.place.id, wrong)
                continue
            if self._hands.compartment(label).door is Door.CLOSED:
                return
            self._hands.take(label, goods.name)
            parcel.fetched, parcel.box = True, None
            self._story.trace(self.place.id, f"hands take {goods.name} from {label}")
            what = "things fetched after all" if parcel in order.left else "parcels fetched"
            self._story.count(self.place.id, what)
        if self._has_beams and not order.left and self._chance.random() < self._habits.leave_behind:
            self._leave_something(order, label)
        if self._chance.random() < self._habits.leave_open:
            self._story.count(self.place.id, "doors left open")
            await self._wait(60, 300)
        await self._shut(label)

    # --- people of another cabinet

    def _goes_wrong(self) -> bool:
        return bool(self.others) and self._chance.random() < self._habits.wrong_cabinet

    async def is_shown(self, code: str | None, *texts: str) -> None:
        """Somebody is in front of the wrong cabinet; none of its doors is for them."""
        self._story.count(self.place.id, "strangers")
        answers = [] if code is None else [await self.type(code)]
        answers += [await self.show(text) for text in texts]
        for answer in answers:
            if answer is not None and answer.kind in ("opening", "queued", "courier"):
                wrong = f"a right to open another cabinet is answered {answer.kind}"
                self._story.violated(self.place.id, wrong)

    def _leave_something(self, order: Order, label: str) -> None:
        thing = Parcel(f"glove of {order.id}", order.id, self.place.id, box=label, lay_in=label)
        self.parcels[thing.id] = thing
        order.left.append(thing)
        self._hands.put(label, Goods(thing.id))
        self._story.count(self.place.id, "things left behind")

    async def _look_again(self, order: Order) -> None:
        """The screen says that something is still there: the same code once more, as often as that helps."""
        for _ in range(LOOKS_AGAIN):
            doors = [thing.box for thing in order.left if thing.box is not None]
            if not doors:
                return
            await self._wait(3, 20)
            answer = await self.type(order.code)
            if answer is None or answer.kind != "opening" or await self._opens(doors) is None:
                continue
            with self._standing_at(doors[0]):
                await self._take_out(order, doors[0])
        self._story.count(self.place.id, "things left for a person")

    # --- others

    async def guess(self) -> None:
        """Somebody tries codes, more than the keypad lets pass."""
        self._story.count(self.place.id, "guessing")
        for _ in range(self._chance.randrange(3, 12)):
            answer = await self.type(f"{self._chance.randrange(10**8):08d}")
            if answer is not None and answer.kind == "opening":
                self._story.trace(self.place.id, "a guess was right")
            await self._wait(1, 4)

    async def force(self) -> None:
        """Break a door open, look, lean it shut again."""
        label = self._chance.choice(self._hands.labels())
        self._story.note(self.place.id, f"somebody breaks {label} open")
        for goods in self.place.goods(label):
            self.parcels[goods.name].excused = "its door was broken open"
        self._hands.force(label)
        await self._wait(5, 60)
        await self._shut(label)

    async def call_inside(self) -> None:
        """'Someone is inside': doors fly open, and a passer-by shuts them."""
        edge = self.place.edge
        if edge is None or not self.place.is_serving:
            return
        self._story.note(self.place.id, "somebody presses 'someone is inside'")
        for label in self._hands.labels():
            for goods in self.place.goods(label):
                self.parcels[goods.name].excused = "somebody pressed 'someone is inside'"
        async with self._front:
            await edge.entrance.inside()
        await self._wait(60, 120)
        await self.shut_all()

    async def shut_all(self) -> None:
        """A caretaker on his round."""
        for label in self._hands.standing_open():
            if not self._attended[label]:
                await self._shut(label)

    # --- hands

    @contextmanager
    def _standing_at(self, label: str) -> Iterator[None]:
        self._attended[label] += 1
        try:
            yield
        finally:
            self._attended[label] -= 1

    async def _opens(self, labels: list[str]) -> str | None:
        """Wait for one of these doors to spring open; which."""
        until = self.place.now + OPENS_WITHIN_SECONDS
        while self.place.now < until:
            for label in labels:
                if self._hands.compartment(label).door is not Door.CLOSED:
                    return label
            await asyncio.sleep(LOOK_SECONDS)
        return None

    async def _shut(self, label: str) -> None:
        if self._chance.random() < self._habits.lean:
            self._hands.push(label)
            await self._wait(1, 4)
        for _ in range(PUSHES):
            if self._hands.close(label):
                return
            await asyncio.sleep(0.5)

    async def _wait(self, least: float, most: float) -> None:
        await asyncio.sleep(self._chance.uniform(least, most))

    def _trouble(self, order: Order) -> str:
        """What physical thing stands between this order and its owner right now."""
        mine = {str(parcel.box) for parcel in order.to_fetch}
        served = self.place.served
        others = {*self._hands.labels(), *served.airs, *served.probes, CLIMATE_BUS} - mine
        for fault in served.faults.active():
            if fault.where not in others:
                return fault.cause.value
        if not self.place.is_serving:
            return "dark"
        return "its air is or may be too warm" if any(map(self.cold.bars, mine)) else ""
