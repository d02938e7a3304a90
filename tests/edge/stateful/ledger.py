"""What must always hold of the real controller, held against hands, goods and rights as they truly are.

To what ``simulators.scenario.truth.Witness`` sees at every coil (I1, I2, I3, I5, I9, I10, I15) come here: who
has shown a right to what (I4, I6), a command and a used right count once (I15), latched conditions survive a
death (I17), and every parcel is in exactly one place.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from controller.cabinet import Cabinet as Boxes
from controller.visit import Side
from simulators.faults import Cause
from simulators.scenario.place import Place
from simulators.scenario.story import Story
from simulators.scenario.truth import Opening, Parcel, Witness

GOOD_FOR_S = 60.0 + 2 * 120.0
"""One proof opens a door, within its window, and then the other doors of its order, each within 120 s."""
ON_THE_WIRE_MS = 30
"""From the last look at the deadline until the coil is energised: a frame, and what a board thinks."""
LATCHED = {Side.COLD_HOLD, Side.FORCED, Side.QUARANTINE}
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


class Ledger(Witness):
    """The witness of one cabinet. Everything wrong goes into the story as a violation."""

    def __init__(self, place: Place, story: Story, parcels: dict[str, Parcel], rights: Rights) -> None:
        super().__init__(place, story, parcels)
        self._rights = rights
        self._command_of: dict[tuple[str, int], str] = {}
        self._openings_of: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
        self._collected: set[str] = set()
        self._latched: dict[str, frozenset[Side]] = {}
        self.nothing_can_be_written = False

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
            case "emergency":
                entitled = rights.inside > long_ago
            case _:
                entitled = False
        if not entitled:
            self._wrong(f"I4: {label} opens ({opening.purpose}) and nobody has shown a right to it")

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
            case "OpeningStarted" if data.get("command"):
                self._begins(data["command"], (epoch, data["opening"]))
            case "ParcelCollected":
                self._collected.add(data["parcel"])

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

    # --- over a death

    def before_death(self, cabinet: Boxes) -> None:
        self._latched = {label: box.sides & LATCHED for label, box in cabinet.boxes.items()}

    def after_start(self, cabinet: Boxes) -> None:
        """I17: what waits for a person still does."""
        for label, sides in self._latched.items():
            if gone := sides - cabinet.boxes[label].sides:
                self._wrong(f"I17: {label} has forgotten {sorted(gone)} over a restart")
        self._latched = {}

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
