"""What must always hold of the real controller, held against hands, goods and rights as they truly are.

To what ``simulators.scenario.truth.Witness`` sees at every coil (I1, I2, I3, I5, I9, I10, I15) come here: who
has shown a right to what (I4, I6), a command and a used right count once (I15), wrong tries are not forgotten
(I16), nothing but a person ends what waits for one, over a death as well (I17), warm goods are held (H8), and
every parcel is in exactly one place.
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from controller.access import FREE_TRIES, Kept
from controller.access.tries import TAIL_AFTER
from controller.cabinet import Cabinet as Boxes
from controller.visit import Side
from simulators.faults import Cause
from simulators.scenario.place import Place
from simulators.scenario.story import Story
from simulators.scenario.truth import Opening, Parcel, Witness

GOOD_FOR_S = 60.0 + 2 * 120.0
"""One proof opens a door, within its window, and then the other doors of its order, each within 120 s."""
COLD_BOX = "03"
ON_THE_WIRE_MS = 30
"""From the last look at the deadline until the coil is energised: a frame, and what a board thinks."""
ENDED_BY_A_LOOK = {Side.FORCED, Side.QUARANTINE, Side.OUT_OF_SERVICE}
LATCHED = ENDED_BY_A_LOOK | {Side.COLD_HOLD}
WARM_S, RECOVER_S, PULSES_S = 900.0, 1800.0, 60.0
"""Warm for so long, or for so long since a door moved, is held; an opening that began before may go on."""
WRONG_TRIES = (("code", "not_valid"), ("code_tail", "not_valid"), ("badge", "bad_pin"))
LOCKED_S = 30.0
SWITCHES = (Cause.SWITCH_BROKEN_OPEN, Cause.SWITCH_BROKEN_CLOSED, Cause.SWITCH_FLAPPING)


@dataclass(slots=True)
class Rights:
    """Who has shown what, by the second in which it was shown; kept by those who show it."""

    orders: dict[str, float] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    """Parcels whose label was scanned by somebody with a good badge."""
    deadlines: dict[str, int] = field(default_factory=dict)
    """Of every command that the cloud has signed for this cabinet, in milliseconds of its clock."""
    serviced: dict[str, float] = field(default_factory=dict)
    inside: float = float("-inf")
    removing: float = float("-inf")
    released: float = float("-inf")
    due_ms: dict[str, int] = field(default_factory=dict)
    """The earliest time, by the cloud's clock, at which it ever wanted this parcel fetched."""


class Ledger(Witness):
    """The witness of one cabinet. Everything wrong goes into the story as a violation."""

    def __init__(self, place: Place, story: Story, parcels: dict[str, Parcel], rights: Rights) -> None:
        super().__init__(place, story, parcels)
        self._rights = rights
        self._command_of: dict[tuple[str, int], str] = {}
        self._openings_of: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
        self._collected: set[str] = set()
        self._sides: dict[str, frozenset[Side]] = {}
        self._standing: dict[str, Opening] = {}
        """Openings whose door was seen open and not closed since."""
        self._looked_into: set[str] = set()
        self._held: set[str] = set()
        self._warm_since: float | None = None
        self._cold_door_moved = float("-inf")
        self._wrong_tries: Counter[str] = Counter()
        self.applied: dict[str, int] = {}
        """The version of each document that the cabinet has said is in force."""
        self._read_at = place.now
        self.keypad_locked_until = float("-inf")
        """Until then at least, after too many wrong codes."""
        self.nothing_can_be_written = False

    def air_is(self, warm: bool) -> None:
        """The air of the cold zone, as it truly is from now on."""
        if warm is (self._warm_since is None):
            self._warm_since = self._place.now if warm else None

    def read(self) -> None:
        super().read()
        self._read_at = self._place.now

    # --- at every coil

    def pulsed(self, label: str) -> None:
        """A coil has just been energised. 'Someone is inside' needs a call, no record and no measure."""
        self.read()
        opening = self._latest.get(label, Opening())
        if opening.purpose == "emergency" or self._nobody_can_write():
            self._pulses[label] += 1
        else:
            super().pulsed(label)
            self._check_deadline(label, opening)
            self._check_warmth(label, opening)
        if not self._nobody_can_write():
            self._check_right(label, opening)

    def _nobody_can_write(self) -> bool:
        return self.nothing_can_be_written and self._place.now - self._rights.inside < GOOD_FOR_S

    def latest(self, label: str) -> Opening:
        """What this door was opened for last."""
        return self._latest.get(label, Opening())

    def _check_right(self, label: str, opening: Opening) -> None:
        rights, long_ago = self._rights, self._place.now - GOOD_FOR_S
        match opening.purpose:
            case "collect":
                entitled = rights.orders.get(str(opening.order), float("-inf")) > long_ago
            case "load":
                entitled = str(opening.parcel) in rights.labels
                if opening.parcel in self._collected:
                    self._wrong(f"I15: {label} opens to load {opening.parcel}, which was collected here")
            case "service":
                entitled = rights.serviced.get(label, float("-inf")) > long_ago
            case "remove":
                entitled = rights.removing > long_ago
                self._check_removal(label, opening, entitled)
            case "emergency":
                entitled = rights.inside > long_ago
            case _:
                entitled = False
        if not entitled:
            self._wrong(f"I4: {label} opens ({opening.purpose}) and nobody has shown a right to it")

    def _check_removal(self, label: str, opening: Opening, entitled: bool) -> None:
        """One round goes from door to door; it opens for nothing that may still be fetched."""
        if entitled:
            self._rights.removing = self._place.now
        due_ms = self._rights.due_ms.get(str(opening.parcel))
        if due_ms is None or self._place.true_ms() < due_ms:
            self._wrong(f"I4: {label} opens to remove {opening.parcel}, which may still be fetched")

    def _check_warmth(self, label: str, opening: Opening) -> None:
        if label != COLD_BOX or self._warm_since is None or opening.purpose not in ("load", "collect"):
            return
        due = max(self._warm_since + WARM_S, self._cold_door_moved + RECOVER_S) + PULSES_S
        if self._place.now > due:
            self._wrong(f"H8: {label} opens ({opening.purpose}) {self._place.now - due:.0f} s after the rule")

    def _check_deadline(self, label: str, opening: Opening) -> None:
        number = next((key for key, known in self._openings.items() if known is opening), ("", 0))
        command = self._command_of.get(number)
        deadline = self._rights.deadlines.get(command or "")
        late_ms = 0 if deadline is None else self._place.true_ms() - deadline - ON_THE_WIRE_MS
        if late_ms > 0:
            self._wrong(f"I6: coil {label} was energised {late_ms} ms after the deadline of {command}")

    # --- in every event

    def _note(self, epoch: str, event: dict[str, Any]) -> None:
        super()._note(epoch, event)
        data = event["data"]
        match event["type"]:
            case "OpeningStarted":
                self._started(epoch, data)
            case "DoorOpened":
                self._standing[data["box"]["label"]] = self._opening(epoch, data)
            case "DoorClosed":
                self._closed(data["box"])
            case "ParcelCollected" if not data.get("in_doubt"):
                self._collected.add(data["parcel"])
            case "ColdHoldBegan":
                self._held.add(data["box"]["label"])
            case "ColdHoldEnded":
                self._held.discard(data["box"]["label"])
                if self._rights.released <= self._place.now - GOOD_FOR_S:
                    self._wrong(f"I17: the hold of {data['zone']} has ended and nobody has ended it")
            case "DocumentApplied":
                self.applied[data["name"]] = data["version"]
            case "AccessRefused":
                self._refused(data)
        if event["type"] in ("DoorOpened", "DoorClosed", "DoorForced") and data["box"]["label"] == COLD_BOX:
            self._cold_door_moved = self._place.now

    def _started(self, epoch: str, data: dict[str, Any]) -> None:
        label, purpose = data["box"]["label"], data["purpose"]
        self._standing.pop(label, None)
        if data.get("command"):
            self._begins(data["command"], (epoch, data["opening"]))
        if label in self._held and purpose in ("load", "collect"):
            self._wrong(f"H8: {label} is held and opens ({purpose})")

    def _closed(self, box: dict[str, Any]) -> None:
        """Somebody who served this compartment has looked into it: nothing in it waits for that any more."""
        opening = self._standing.pop(box["label"], None)
        if opening is None or opening.purpose != "service":
            return
        self._looked_into.add(box["label"])
        if waits := ENDED_BY_A_LOOK & set(box.get("sides", ())):
            self._wrong(f"{box['label']} was looked into and still waits for it: {sorted(waits)}")

    def _refused(self, data: dict[str, Any]) -> None:
        if (data["proof"], data["reason"]) not in WRONG_TRIES:
            return
        self._wrong_tries[data["proof"]] += 1
        if data["proof"] == "code" and data["wrong_in_window"] > FREE_TRIES:
            self.keypad_locked_until = self._read_at + LOCKED_S

    def _begins(self, command: str, opening: tuple[str, int]) -> None:
        self._command_of[opening] = command
        self._openings_of[command].add(opening)
        if command not in self._rights.deadlines:
            self._wrong(f"I4: {command} opens a door and the cloud has never signed it")
        if len(self._openings_of[command]) > 1:
            self._wrong(f"I15: command {command} opens {len(self._openings_of[command])} times")

    # --- after every step

    def check(self) -> None:
        """All that can be seen between two moments."""
        self.read()
        self.check_coils()
        if self._place.edge is not None:
            self._check_claims(self._place.edge.cabinet)
            self._check_sides(self._place.edge.cabinet)
            self._check_tries(self._place.edge.access.kept)

    def _check_claims(self, cabinet: Boxes) -> None:
        claimed: dict[str, str] = {}
        for label, box in cabinet.boxes.items():
            parcel = self._parcels.get(box.parcel or "")
            if parcel is not None and parcel.id in claimed:
                self._wrong(f"I9: {parcel.id} is claimed by {claimed[parcel.id]} and by {label}")
            claimed[box.parcel or ""] = label
            if box.assignable and (here := self._promised(label)):
                self._wrong(f"I9: {label} counts as free and holds {here}")
            settled = box.state == "occupied" and box.opening is None and not box.awaits_word
            if settled and parcel is not None and not parcel.excused and parcel.box != label:
                self._wrong(f"{parcel.id} is called ready in {label} and lies in {parcel.box}")

    def _promised(self, label: str) -> list[str]:
        inside = [self._parcels[goods.name] for goods in self._place.goods(label)]
        return [parcel.id for parcel in inside if not parcel.excused]

    def _check_sides(self, cabinet: Boxes) -> None:
        """I17: what waits for a person does so until there was one, whoever died meanwhile."""
        for label, box in cabinet.boxes.items():
            ended = ENDED_BY_A_LOOK if label in self._looked_into else set()
            ended = ended | ({Side.COLD_HOLD} if label not in self._held else set())
            if gone := (self._sides.get(label, frozenset()) & LATCHED) - box.sides - ended:
                self._wrong(f"I17: {label} has forgotten {sorted(gone)}")
            if not box.sides & ENDED_BY_A_LOOK:
                self._looked_into.discard(label)
            self._sides[label] = box.sides

    def _check_tries(self, kept: Kept) -> None:
        """I16: no death and no right code makes the cabinet forget a wrong one of this day."""
        for proof, tries in (("code", kept.code), ("code_tail", kept.strong), ("badge", kept.pin)):
            if len(tries.wrong) < min(self._wrong_tries[proof], TAIL_AFTER):
                self._wrong(f"I16: {len(tries.wrong)} of {self._wrong_tries[proof]} wrong tries ({proof})")

    # --- at last, with everything whole again

    def check_every_parcel(self) -> None:
        """In a box that knows it, or to be asked about, or in nobody's box at all."""
        assert self._place.edge is not None
        boxes = self._place.edge.cabinet.boxes
        for label, box in boxes.items():
            if box.opening is not None and not box.opening.seen_open:
                self._wrong(f"an opening of {label} never ends: {box.opening}")
        for parcel in self._parcels.values():
            claims = [label for label, box in boxes.items() if box.parcel == parcel.id]
            asked = any(boxes[label].state == "checking" for label in claims)
            if parcel.excused or asked or claims == ([parcel.box] if parcel.box else []):
                continue
            if parcel.box is not None and not boxes[parcel.box].assignable and not claims:
                continue  # kept shut until somebody has looked
            self._wrong(f"{parcel.id} lies in {parcel.box} and is claimed by {claims}")

    # --- what nobody can know

    def excuse(self, label: str, why: str) -> None:
        """From now on nobody can promise anything about what lies behind this door, or was to lie there."""
        here = {goods.name for goods in self._place.goods(label)}
        opening = self.latest(label)
        for parcel in self._parcels.values():
            if parcel.id in here or (opening.purpose == "load" and parcel.id == opening.parcel):
                parcel.excused = why

    def excuse_behind_a_lying_switch(self, label: str) -> None:
        for cause in SWITCHES:
            if self._place.served.faults.at(cause, label):
                self.excuse(label, cause.value)


def told(story: Story) -> str:
    """The violation with what was said just before, for whoever reads a failed test."""
    assert story.violation is not None
    return json.dumps(story.violation.what)[1:-1] + "\n" + "\n".join(story.violation.trace[-60:])
