"""A courier's round: every parcel behind the door that the screen names, one by one or scanned ahead."""

import asyncio

from config.contract import codes
from controller.entrance import Answer
from simulators.cabinet import Goods
from simulators.scenario.people.front import LOOK_SECONDS, Front, Order
from simulators.scenario.truth import Parcel

TRIES = 6
AHEAD = 3
"""So many parcels a courier holds at once."""
COMES_UP_SECONDS = 120.0


class Courier:
    """Whoever fills this cabinet; tells the truth when it asks."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def deliver(self, orders: list[Order]) -> None:
        """One round: every parcel of these orders, as far as the cabinet takes them."""
        left = [(order, parcel) for order in orders for parcel in order.parcels]
        taken = 0
        if left and self._front.goes_wrong():
            label = codes.parcel_label(left[0][1].id)
            await self._front.chance.choice(self._front.others).is_shown(
                None, self._front.cloud.badge(self._front.place.id), label
            )
        for at, (_, parcel) in enumerate(left):
            if at % AHEAD == 0 and self._front.chance.random() < self._front.habits.scan_ahead:
                await self._load_together([each for _, each in left[at : at + AHEAD]])
            if await self._load(parcel, [each for _, each in left]):
                taken += 1
            await self._front.wait(2, 15)
        self._front.count("parcels brought", len(left))
        self._front.count("parcels loaded", taken)
        self._front.note(f"courier: {taken} of {len(left)} parcels are in")
        gone = [parcel.id for _, parcel in left if parcel.box is None]
        if gone:
            self._front.cloud.withdraw(self._front.place.id, gone)

    async def _load_together(self, parcels: list[Parcel]) -> None:
        """Scan one label after the other, then put each behind its door as the doors open in turn."""
        self._front.count("scanned ahead", len(parcels))
        for parcel in parcels:
            answer = await self._front.show(codes.parcel_label(parcel.id))
            if answer is not None and answer.refusal in ("no_badge", "bad_badge"):
                await self._begin()
                await self._front.show(codes.parcel_label(parcel.id))
            await self._front.wait(0.5, 2)
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
        answer = await self._front.show(self._front.cloud.badge(self._front.place.id))
        while answer is not None and answer.kind == "question" and answer.door is not None:
            edge = self._front.place.edge
            parcel = None if edge is None else edge.cabinet.boxes[answer.door].parcel
            if edge is None or parcel is None:
                return
            word = "is_in" if self._front.parcels[parcel].box == answer.door else "not_in"
            self._front.trace(f"courier says of {parcel} at {answer.door}: {word}")
            answer = await edge.entrance.said(word, answer.door, answer.about)

    async def _load(self, parcel: Parcel, brought: list[Parcel]) -> bool:
        for _ in range(TRIES):
            answer = await self._front.show(codes.parcel_label(parcel.id))
            if answer is None:
                await self._front.wait(10, 60)
            elif answer.refusal in ("no_badge", "bad_badge"):
                await self._begin()
            elif answer.refusal == "already_loaded":
                return parcel.box is not None
            elif answer.refusal in ("no_fit", "not_ours"):
                return False
            elif await self._is_served(parcel, answer, brought):
                return True
            else:
                await self._front.wait(5, 30)
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
        edge = self._front.place.edge
        boxes = {} if edge is None else edge.cabinet.boxes
        named = (label for label, box in boxes.items() if box.parcel == parcel.id and box.opening is not None)
        return next(named, None)

    async def _put(self, parcel: Parcel, label: str | None) -> bool:
        """Behind the door that the screen names; whether the screen then says that it is in."""
        if label is None or not await self._front.opens([label]):
            return False
        if self._front.chance.random() < self._front.habits.too_small and await self._says_too_small(label):
            larger = self._door_for(parcel)
            if larger is None or not await self._front.opens([larger]):
                return False
            label = larger
        with self._front.standing_at(label):
            await self._lay_in(parcel, label)
        return await self._is_told_in(parcel, label)

    async def _says_too_small(self, label: str) -> bool:
        """At the screen, once it calls the door open; then shuts that door. False: the word was not taken."""
        await self._front.wait(1, 3)
        edge = self._front.place.edge
        if edge is None or not self._front.place.is_serving:
            return False
        answer = await edge.entrance.said("does_not_fit", label, edge.cabinet.boxes[label].occupancy or "")
        if answer.kind != "opening" and answer.refusal != "no_fit":
            return False
        self._front.count("does not fit")
        with self._front.standing_at(label):
            await self._front.shut(label)
        return True

    async def _lay_in(self, parcel: Parcel, label: str) -> None:
        self._front.hands.pull(label)
        await self._front.wait(2, 6)
        if parcel.box is None:
            for goods in self._front.place.goods(label):
                if not self._front.parcels[goods.name].excused:
                    wrong = f"I9: a courier finds {goods.name} in {label}, to load {parcel.id}"
                    self._front.violated(wrong)
            self._front.hands.put(label, Goods(parcel.id))
            parcel.box = parcel.lay_in = label
            self._front.trace(f"hands put {parcel.id} into {label}")
        await self._front.shut(label)

    async def _is_told_in(self, parcel: Parcel, label: str) -> bool:
        for _ in range(30):
            await asyncio.sleep(0.5)
            edge = self._front.place.edge
            box = None if edge is None else edge.cabinet.boxes[label]
            if box is not None and (box.parcel, box.state) == (parcel.id, "occupied"):
                return True
        return False
