"""What events mean: a pure fold from facts to the state of compartments, parcels, commands and alarms.

``Picture`` holds, per key, what the latest event said, where *later* is a greater (ordinal of the epoch,
seq). So the picture is the same whatever the order in which batches came, and however often.
"""

from dataclasses import dataclass, field
from typing import Any

from cloud.moment import from_rfc3339
from config.contract import events as said
from config.contract.events import BoxNow, Event, Fact
from config.contract.messages import Clock

Row = dict[str, Any]
STAYS = {"occupied": "ready", "collecting": "ready", "checking": "unclear"}
"""How a parcel is that lies in a compartment of this state."""
LEFT_BEHIND = "left_behind"
"""Note of a collected parcel in whose compartment a light beam saw something when the door was shut."""
IN_DOUBT = "in_doubt"
"""Note of a parcel whose owner had the door open, and nobody had said that it lay there."""
NOT_SEEN = "not_seen"
"""Note of a parcel that lies in its compartment by the records and is not seen there any more."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the history of one cabinet an event stands, and when it reached the cloud."""

    tenant: str
    cabinet: str
    ordinal: int
    seq: int
    at_ms: int

    @property
    def order(self) -> tuple[int, int]:
        return self.ordinal, self.seq


@dataclass(slots=True)
class Picture:
    """Rows by key, ready to be written over older ones."""

    compartments: dict[tuple[str, str], Row] = field(default_factory=dict)
    whereabouts: dict[tuple[str, str], Row] = field(default_factory=dict)
    alarms: dict[tuple[str, str, str], Row] = field(default_factory=dict)
    commands: dict[tuple[str, str], Row] = field(default_factory=dict)

    def apply(self, place: Place, fact: Fact) -> None:
        """Take one event in."""
        match fact:
            case said.Booted() | said.Surveyed():
                for box in fact.boxes:
                    self._box(place, box)
            case said.Baseline():
                self._baseline(place, fact)
            case said.CabinetFull():
                self._where(place, fact.parcel, _stay("expected", None, None, "no_fit"))
            case said.CommandEnded():
                self._command(place, fact)
            case said.FaultRaised():
                self._alarm(place, fact.fault, fact.subject, detail=fact.detail[:300], raised_ms=place.at_ms)
            case said.FaultCleared():
                self._alarm(place, fact.fault, fact.subject, cleared_ms=place.at_ms)
        after: BoxNow | None = getattr(fact, "box", None)
        if after is not None:
            self._box(place, after)
            self._parcel(place, fact, after)

    def _box(self, place: Place, box: BoxNow) -> None:
        key = (place.cabinet, box.label)
        if _is_later(place, self.compartments.get(key)):
            self.compartments[key] = {
                **_at(place),
                "label": box.label,
                "state": box.state,
                "door": box.door,
                "sides": " ".join(box.sides),
                "occupancy": box.occupancy,
                "order_id": box.order,
                "parcel": box.parcel,
                "verified": box.verified,
                "at_ms": place.at_ms,
            }

    def _baseline(self, place: Place, fact: said.Baseline) -> None:
        """Everything as it is now; a stay that is known already keeps its times."""
        for box in fact.boxes:
            self._box(place, box)
            if box.parcel is not None and box.state in STAYS:
                self._where(place, box.parcel, _stay(STAYS[box.state], box.label, box.occupancy))
        for parcel in fact.used:
            self._where(place, parcel, _stay("collected", None, None))

    def _parcel(self, place: Place, fact: Fact, box: BoxNow) -> None:
        match fact:
            case said.ParcelDeposited():
                stay = _stay("ready", box.label, fact.occupancy)
                self._where(place, fact.parcel, stay, deposited_ms=place.at_ms)
            case said.ParcelCollected():
                how = ("unclear", IN_DOUBT) if fact.in_doubt else ("collected", "")
                stay = _stay(how[0], box.label, fact.occupancy, how[1])
                self._where(place, fact.parcel, stay, collected_ms=place.at_ms)
            case said.DepositAborted():
                self._where(place, fact.parcel, _stay("expected", None, None, fact.reason))
            case said.DepositAnswered(answer="is_in"):
                stay = _stay("ready", box.label, fact.occupancy)
                self._where(place, fact.parcel, stay, deposited_ms=place.at_ms)
            case said.DepositAnswered():
                self._where(place, fact.parcel, _stay("expected", None, None, fact.answer))
            case said.LeftBehind() if fact.parcel and fact.purpose == "collect":
                self._where(place, fact.parcel, _stay("collected", box.label, fact.occupancy, LEFT_BEHIND))
            case said.SeenInside() if box.parcel:
                note = "" if fact.goods else NOT_SEEN
                self._where(place, box.parcel, _stay("ready", box.label, box.occupancy, note))
            case said.ParcelRemoved():
                self._where(place, fact.parcel, _stay("removed", None, None))
            case said.CheckNeeded() if box.parcel:
                self._where(place, box.parcel, _stay("unclear", box.label, box.occupancy, fact.reason))
            case said.OpeningFailed() if box.parcel and fact.purpose == "collect":
                self._where(place, box.parcel, _stay("ready", box.label, box.occupancy, "door_stuck"))

    def _where(self, place: Place, parcel: str, stay: Row, **happened_ms: int) -> None:
        """Times are kept beside the latest stay, each the latest of its kind."""
        key = (place.cabinet, parcel)
        before = self.whereabouts.get(key)
        if before is None or _is_later(place, before):
            times = {name: before[name] if before else None for name in ("deposited_ms", "collected_ms")}
            self.whereabouts[key] = {**_at(place), "parcel": parcel, **_filled(stay, before), **times}
        else:
            before.update(_filled({name: before[name] for name in stay}, stay))
        for name, at_ms in happened_ms.items():
            self.whereabouts[key][name] = max(at_ms, self.whereabouts[key][name] or 0)

    def _alarm(self, place: Place, fault: str, subject: str, **told: Any) -> None:
        """``raised_ms`` stays None where only the end of an alarm is known."""
        key = (place.cabinet, fault, subject)
        before = self.alarms.get(key, {"detail": "", "raised_ms": None})
        if _is_later(place, self.alarms.get(key)):
            named = {"fault": fault, "subject": subject, "cleared_ms": None}
            self.alarms[key] = {**before, **_at(place), **named, **told}

    def _command(self, place: Place, fact: said.CommandEnded) -> None:
        key = (place.cabinet, fact.command)
        if key not in self.commands:  # the first outcome is the outcome
            self.commands[key] = {
                "id": fact.command,
                "cabinet": place.cabinet,
                "outcome": fact.outcome,
                "outcome_why": fact.reason[:120],
                "outcome_ms": place.at_ms,
            }


def happened_ms(event: Event, received_ms: int) -> int:
    """When it happened as far as can be told: the cabinet's clock where it is trusted, else the arrival."""
    told = from_rfc3339(event.time) if event.clock is Clock.TRUSTED else None
    return min(told, received_ms) if told is not None else received_ms


def _stay(state: str, compartment: str | None, occupancy: str | None, note: str = "") -> Row:
    return {"state": state, "compartment": compartment, "occupancy": occupancy, "note": note[:64]}


def _filled(stay: Row, other: Row | None) -> Row:
    """A baseline says of a collected parcel only that: where it lay is told by the event, if we have it."""
    if other is None or not is_bare(stay) or other["state"] != "collected":
        return stay
    return {**stay, "compartment": other["compartment"], "occupancy": other["occupancy"]}


def is_bare(stay: Row) -> bool:
    """Collected, and it is not known from where."""
    return bool(stay["state"] == "collected" and stay["compartment"] is None)


def _at(place: Place) -> Row:
    return {
        "tenant": place.tenant,
        "cabinet": place.cabinet,
        "ordinal": place.ordinal,
        "seq": place.seq,
    }


def _is_later(place: Place, row: Row | None) -> bool:
    return row is None or place.order > (row["ordinal"], row["seq"])
