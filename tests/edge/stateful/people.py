"""What hands, voices and phones do in front of the stand, and what of it gives a right.

Whoever has goods in hand is honest: puts a parcel only behind the door that was named for it, says only what
is so, and takes only what is theirs. Whoever shows codes, badges and commands is not.
"""

import asyncio

from config.contract import codes, labels
from config.contract.messages import OpenDoor, Presence, Session
from config.contract.signing import SigningKey, sign
from config.contract.topics import Leaf
from simulators.cabinet import Door, Goods
from simulators.scenario.people import Order
from simulators.scenario.truth import Parcel
from tests.edge.bench import asked_about
from tests.edge.stateful.office import Office
from tests.edge.stateful.stand import TAIL, Stand

HANDS_SECONDS = 3.0
"""No hand is quicker than three looks at a switch."""
FORGER = SigningKey.from_bytes("3", b"\7" * 32)


class People:
    """Everybody at one stand. What is only begun goes on while time passes."""

    def __init__(self, stand: Stand, office: Office) -> None:
        self._stand, self._place, self._cloud, self._office = stand, stand.place, stand.cloud, office
        self._hands, self._rights = stand.hands, stand.rights
        self._badge_is_good = False
        self._commands: list[bytes] = []
        self._old_codes: dict[str, tuple[str, int]] = {}
        """By order: the code before the newest, and its generation."""

    # --- at the reader and the keypad

    def scan_badge(self, kind: str) -> None:
        self._badge_is_good |= kind == "good"
        right = codes.BadgeRight.LOAD
        self.show(codes.Purpose.BADGE, "00000000000000aa", kind, right=right, lasts=86_400)

    def scan_label(self, parcel: Parcel, kind: str = "good") -> None:
        """Of a parcel that a courier brings, or of a return that whoever holds its label may bring in."""
        if parcel.order == self._stand.returned.id:
            self._scan(self._signed_label(parcel, kind))
        elif self._badge_is_good:
            self._rights.labels.add(parcel.id)
            self._scan(codes.parcel_label(parcel.id))
        else:
            self._scan(codes.parcel_label(parcel.id))

    def scan_qr(self, order: Order, kind: str) -> None:
        """``old``: before the newest code; ``shared``: passed on by the owner, who can take it back."""
        _, generation = self._old_codes.get(order.id, ("", 0))
        generation = generation if kind == "old" else self._office.generation(order)
        void = self._office.is_void(kind, order.id)
        if kind in ("good", "old", "shared") and not void and not self._stand.is_sensitive(order):
            self._rights.orders[order.id] = self._stand.now
        right = 1 if kind == "shared" else 0
        self.show(codes.Purpose.PICKUP, order.id, kind, right=right, lasts=86_400, generation=generation)

    def type_code(self, order: Order, kind: str) -> None:
        """``with tail``: and the last digits of the phone."""
        old, _ = self._old_codes.get(order.id, (order.code, 0))
        digits = {"good": order.code, "with tail": order.code + TAIL, "old": old}.get(kind, "99999999")
        if kind != "wrong" and self._is_a_right(order, kind):
            self._rights.orders[order.id] = self._stand.now
        self.type_text(digits)

    def _is_a_right(self, order: Order, kind: str) -> bool:
        if kind == "with tail":
            return True
        alone_is_enough = not self._stand.is_sensitive(order)
        is_void = kind == "old" and self._office.is_void("old", order.id)
        return alone_is_enough and not is_void and self._stand.now >= self._stand.ledger.keypad_locked_until

    def type_text(self, text: str) -> None:
        edge = self._place.edge
        if edge is not None:
            self._stand.begin(edge.entrance.typed(text))

    def say_word(self, word: str, where: str) -> None:
        edge = self._place.edge
        if edge is not None:
            self._stand.begin(edge.entrance.said(word, where))

    def lose_code(self, order: Order) -> None:
        """Others have seen it; the office makes a new one."""
        if order is not self._stand.returned:
            self._old_codes[order.id] = (order.code, self._office.generation(order))
            order.code = self._office.replace_code(order)

    def press_again(self) -> None:
        if self._place.edge is not None:
            self._place.edge.entrance.again()

    def press_inside(self) -> None:
        self._rights.inside = self._stand.now
        if self._place.edge is not None:
            self._stand.begin(self._place.edge.entrance.inside())

    async def say(self, parcel: Parcel, lies: str) -> None:
        """What became of a parcel, to the screen; waits for the answer."""
        edge = self._place.edge
        door = parcel.box or self._door_named_for(parcel)
        word = "is_in" if parcel.box is not None else lies
        if edge is None or door is None or parcel.fetched:
            return
        if edge.cabinet.boxes[door].parcel not in (None, parcel.id):
            return  # the screen asks about another one
        self._stand.story.trace(self._place.id, f"a voice says {word} of {parcel.id} at {door}")
        saying = asyncio.ensure_future(edge.entrance.said(word, door, asked_about(edge, door)))
        await asyncio.wait([saying], timeout=6)
        saying.cancel()

    def _scan(self, text: str) -> None:
        if not self._stand.is_dark:
            self._place.served.readers["qr"].show(text)

    def show(
        self, purpose: codes.Purpose, who: str, kind: str, *, right: int, lasts: int, generation: int = 0
    ) -> None:
        """A token in front of the reader; ``kind`` says what is wrong with it, if anything is."""
        now = self._stand.now_ms() // 1000
        where = codes.cabinet_hash("some-other-cabinet" if kind == "elsewhere" else self._place.id)
        begins = now - lasts - 3600 if kind == "expired" else now
        token = codes.Token(purpose, 3, generation, where, who, right, begins, begins + lasts)
        self._scan(token.signed(FORGER if kind == "forged" else self._cloud.token))

    def _signed_label(self, parcel: Parcel, kind: str) -> str:
        if kind == "good":
            self._rights.labels.add(parcel.id)
        now = self._stand.now_ms() // 1000
        label = labels.ParcelLabel(
            purpose=labels.LabelPurpose.HAND_IN, kid=3, cabinet=codes.cabinet_hash(self._place.id),
            order=parcel.order, parcel=parcel.id, size="S", zone="ambient",
            iat=now, exp=now + 86_400 if kind != "expired" else now - 3600,
        )  # fmt: skip
        return label.signed(FORGER if kind == "forged" else self._cloud.token)

    # --- from afar

    def command(self, order: Order, kind: str, seconds: float) -> None:
        """A resident's phone, or somebody who would like to be one."""
        rows = self._cloud.picture.compartments.values()
        there = [row for row in rows if row["order_id"] == order.id and row["occupancy"]]
        if there and self._open_door(there[0]["label"], there[0]["occupancy"], "collect", kind, seconds):
            self._rights.orders[order.id] = self._stand.now

    def service(self, label: str, seconds: float) -> None:
        """Somebody in the office looks into a compartment that is thought to be vacant."""
        if self._open_door(label, None, "service", "good", seconds):
            self._rights.serviced[label] = self._stand.now

    def repeat_a_command(self, which: int) -> None:
        if self._commands:
            said = self._commands[which % len(self._commands)]
            self._stand.network.say(self._place.id, Leaf.COMMANDS, said)

    def _open_door(self, label: str, occupancy: str | None, purpose: str, kind: str, seconds: float) -> bool:
        known, edge = self._cloud.cabinets[self._place.id], self._place.edge
        if known.session is None or edge is None:
            return False
        shown = edge.screen.shown()
        session = known.session
        command = OpenDoor(
            id=self._stand.new_id(), cabinet=self._place.id, compartment=label, purpose=purpose,
            session=Session(epoch=session.epoch, n=session.n + 1) if kind == "other_session" else session,
            deadline_ms=self._stand.now_ms() + int(seconds * 1000),
            occupancy="00000000000000aa-1" if kind == "other_occupancy" else occupancy,
            presence=Presence(nonce=shown.nonce, number=shown.number) if kind == "present" else None,
        )  # fmt: skip
        key = FORGER if kind == "forged" else self._cloud._commands
        message = sign(key, "commands", self._place.id, command.body())
        if kind != "forged":
            self._rights.deadlines[command.id] = command.deadline_ms
        self._commands.append(message)
        self._stand.network.say(self._place.id, Leaf.COMMANDS, message)
        return kind in ("good", "present")

    # --- hands

    async def put(self, parcel: Parcel) -> None:
        """Behind the door that the screen names, if it stands open."""
        label = self._door_named_for(parcel)
        if parcel.box is not None or parcel.fetched or label is None:
            return
        await asyncio.sleep(HANDS_SECONDS)
        if not self._hands.pull(label) or self._door_named_for(parcel) != label:
            return
        for goods in self._place.goods(label):
            if not self._stand.parcels[goods.name].excused:
                self._stand.story.violated("people", f"I9: {parcel.id} is to lie in {label} beside {goods}")
        self._hands.put(label, Goods(parcel.id))
        parcel.box = label
        self._stand.story.trace(self._place.id, f"hands put {parcel.id} into {label}")
        self._stand.ledger.excuse_behind_a_lying_switch(label)
        await asyncio.sleep(HANDS_SECONDS)

    async def take(self, order: Order) -> None:
        """Everything of one's own, from behind a door that was opened for it."""
        for label in self._hands.labels():
            opening = self._stand.ledger.latest(label)
            if (opening.purpose, opening.order) != ("collect", order.id):
                continue
            await asyncio.sleep(HANDS_SECONDS)
            if self._hands.pull(label):
                self._take_out(order, label)
                await asyncio.sleep(HANDS_SECONDS)

    def _take_out(self, order: Order, label: str) -> None:
        for goods in self._place.goods(label):
            parcel = self._stand.parcels[goods.name]
            if parcel.order == order.id:
                self._hands.take(label, goods.name)
                parcel.fetched, parcel.box = True, None
                self._stand.story.trace(self._place.id, f"hands take {goods.name} from {label}")

    def close(self, label: str) -> None:
        """Whoever opened a door and leaves its goods as they were told the cabinet something untrue."""
        if self._hands.compartment(label).door is Door.CLOSED:
            return
        opening = self._stand.ledger.latest(label)
        for goods in self._place.goods(label):
            parcel = self._stand.parcels[goods.name]
            if opening.purpose == "collect" and parcel.order == opening.order:
                parcel.excused = "its owner left it behind"
            if opening.purpose == "remove" and parcel.id == opening.parcel:
                parcel.excused = "who was to remove it left it behind"
        brought = self._stand.parcels.get(opening.parcel or "") if opening.purpose == "load" else None
        if brought is not None and brought.box is None and self._is_thought_to_lie_in(brought, label):
            brought.excused = "its courier shut the door and kept it"
        self._hands.close(label)

    def _is_thought_to_lie_in(self, parcel: Parcel, label: str) -> bool:
        return self._place.edge is None or self._door_named_for(parcel) == label

    def force(self, label: str) -> None:
        """Break a door open; whoever does it takes nothing."""
        self._stand.ledger.excuse(label, "its door was broken open")
        self._hands.force(label)

    def _door_named_for(self, parcel: Parcel) -> str | None:
        edge = self._place.edge
        boxes = {} if edge is None else edge.cabinet.boxes
        named = [label for label, box in boxes.items() if box.parcel == parcel.id]
        return named[0] if named else None
