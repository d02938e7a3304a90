"""Does it all add up? Cloud against cabinet against hardware, and what opened against who asked for it."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulators.demo.books import Books, Row
from simulators.demo.service import Order

PULSES = 3
WINDOW_MS = 60_000
ROUNDING_S = 0.002
"""Events tell whole milliseconds."""
SPRING_AFTER_S = 0.2
"""A door that a pulse let go springs open within this after its end at the latest."""
LONGEST_ON_S = 0.32
"""The boards of the sample cabinets pulse for 300 ms; 20 ms are for the reckoning of time."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to hold, and what speaks against it."""

    name: str
    against: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.against


@dataclass(slots=True)
class Ledger:
    """What people were entitled to and did: kept by the players, unknown to the product."""

    orders: list[Order] = field(default_factory=list)
    asked: set[tuple[str, str, str]] = field(default_factory=set)
    """(cabinet, purpose, order) for which somebody presented a valid proof."""
    taken: list[tuple[str, str]] = field(default_factory=list)
    """(cabinet, parcel) in the hands of a resident."""

    def entitle(self, purpose: str, order: Order) -> None:
        self.asked.add((order.cabinet, purpose, order.id))

    def take(self, cabinet: str, parcels: Iterable[str]) -> None:
        self.taken += [(cabinet, parcel) for parcel in parcels]


def reckon(all_books: Sequence[Books], ledger: Ledger) -> list[Check]:
    """Everything that has to hold after draining, whatever was killed or cut meanwhile."""
    return [
        _over("every event is in the cloud exactly once and without gaps", all_books, _events_arrived),
        _over("cloud, cabinet and goods agree on every compartment", all_books, _compartments_agree),
        _over("no lock was energised that nobody had intended", all_books, _pulses_intended),
        _over("no coil was on longer than its board's pulse", all_books, _coils_let_go),
        _over("every door that opened is recorded, and no other", all_books, _openings_recorded),
        _over("every opening was asked for by somebody entitled", all_books, lambda b: _entitled(b, ledger)),
        _over("no right was used twice", all_books, _rights_once),
        _over("at most three pulses an opening, all within a minute", all_books, _pulses_bounded),
        Check("no parcel is lost or doubled", tuple(_parcels_accounted(all_books, ledger))),
    ]


def _over(name: str, all_books: Sequence[Books], look: Callable[[Books], Iterable[str]]) -> Check:
    return Check(name, tuple(f"{books.cabinet}: {found}" for books in all_books for found in look(books)))


def _events_arrived(books: Books) -> Iterable[str]:
    told = Counter((row["epoch"], row["seq"]) for row in books.cloud_events)
    yield from (f"event {key} is there {n} times" for key, n in told.items() if n > 1)
    yield from (f"event {key} never arrived" for key in books.edge.lines if key not in told)
    yield from (f"event {key} was never written" for key in told if key not in books.edge.lines)
    for epoch in {epoch for epoch, _ in told}:
        numbers = sorted(seq for its, seq in told if its == epoch)
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"epoch {epoch} has gaps: {len(numbers)} events up to {numbers[-1]}"
    for row in books.cloud_events:
        line = books.edge.lines.get((row["epoch"], row["seq"]))
        if line is not None and row.get("event") != json.loads(line):
            yield f"event {row['seq']} of {row['epoch']} is another one in the cloud"


def _compartments_agree(books: Books) -> Iterable[str]:
    for label, truth in books.truth["compartments"].items():
        cloud = books.cloud_boxes[label]
        edge = books.edge.boxes.get(label)
        if edge is not None:
            for name in ("state", "occupancy", "order", "parcel"):
                if edge[name] != cloud[name]:
                    yield f"{label}: {name} is {edge[name]} at the cabinet, {cloud[name]} in the cloud"
        goods = [each["name"] for each in truth["goods"]]
        lies_there = [cloud["parcel"]] if cloud["state"] == "occupied" else []
        if cloud["state"] in ("occupied", "vacant") and goods != lies_there:
            yield f"{label}: {cloud['state']} with {lies_there}, but there lies {goods}"
        if (truth["door"] != "closed") != (cloud["door"] in ("open", "forced")):
            yield f"{label}: the door is {truth['door']}, the cloud says {cloud['door']}"


def _pulses_intended(books: Books) -> Iterable[str]:
    """Each time a coil was under current was written down before, as one pulse of one opening."""
    withheld = {_pulse(event) for event in books.events("PulseWithheld")}
    intended = [event for event in books.events("PulseIntended") if _pulse(event) not in withheld]
    for label, truth in books.truth["compartments"].items():
        moments = [event["mono_ms"] / 1000 for event in intended if event["subject"] == label]
        for on_at, _ in truth["energised"]:
            before = [at for at in moments if at <= on_at + ROUNDING_S]
            if not before:
                yield f"{label}: energised at {on_at:.3f} without an intent"
                break
            moments.remove(before[0])


def _coils_let_go(books: Books) -> Iterable[str]:
    """A solenoid that is held burns, whoever has died."""
    for label, truth in books.truth["compartments"].items():
        for on_at, off_at in truth["energised"]:
            if off_at is None or off_at - on_at > LONGEST_ON_S:
                yield f"{label}: energised from {on_at:.3f} to {off_at or 'now'}"


def _openings_recorded(books: Books) -> Iterable[str]:
    """Only where the controller died in the middle may a door have opened and closed unseen; that is told."""
    opened = Counter(event["subject"] for event in books.events("DoorOpened"))
    ambiguous = Counter(event["subject"] for event in books.events("OpeningAmbiguous"))
    for event in books.events("DoorForced"):
        yield f"{event['subject']}: called forced"
    for label, truth in books.truth["compartments"].items():
        really = sum(_sprang(truth, *period) for period in truth["energised"])
        if not opened[label] <= really <= opened[label] + ambiguous[label]:
            yield f"{label}: sprang open {really} times, recorded {opened[label]} times"


def _sprang(truth: Row, on_at: float, off_at: float | None) -> bool:
    end = float("inf") if off_at is None else off_at + SPRING_AFTER_S
    return any(on_at <= at <= end for at in truth["sprang_open"])


def _entitled(books: Books, ledger: Ledger) -> Iterable[str]:
    for event in books.events("OpeningStarted"):
        told = event["data"]
        key = (books.cabinet, told["purpose"], told["box"].get("order"))
        if key not in ledger.asked:
            yield f"{event['subject']}: opened to {told['purpose']} order {key[2]}, for which nobody asked"


def _rights_once(books: Books) -> Iterable[str]:
    used: set[str] = set()
    for event in books.events("ParcelCollected", "OpeningStarted"):
        told = event["data"]
        if event["type"] == "ParcelCollected":
            if told["parcel"] in used:
                yield f"parcel {told['parcel']} was collected twice"
            used.add(told["parcel"])
        elif told["box"].get("parcel") in used:
            yield f"{event['subject']}: opened again for parcel {told['box']['parcel']}, which was collected"
    seen = Counter(_opening(event) for event in books.events("DoorOpened"))
    yield from (f"opening {key} opened {n} times" for key, n in seen.items() if n > 1)


def _pulses_bounded(books: Books) -> Iterable[str]:
    pulses: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for event in books.events("PulseIntended"):
        pulses[_opening(event)].append(event)
    for key, events in pulses.items():
        moments = [event["mono_ms"] for event in events]
        if len(events) > PULSES or max(moments) - min(moments) > WINDOW_MS:
            yield f"opening {key}: {len(events)} pulses within {max(moments) - min(moments)} ms"


def _parcels_accounted(all_books: Sequence[Books], ledger: Ledger) -> Iterable[str]:
    """In a box or in its resident's hands or not brought yet: each parcel at one place."""
    places: dict[str, list[str]] = {parcel.id: [] for order in ledger.orders for parcel in order.parcels}
    at = {parcel.id: order.cabinet for order in ledger.orders for parcel in order.parcels}
    for cabinet, parcel in ledger.taken:
        places.setdefault(parcel, []).append(f"taken at {cabinet}")
    for books in all_books:
        for label, truth in books.truth["compartments"].items():
            for goods in truth["goods"]:
                places.setdefault(goods["name"], []).append(f"{books.cabinet} {label}")
    for books in all_books:
        told = {event["data"]["parcel"] for event in books.events("ParcelCollected")}
        taken = {parcel for cabinet, parcel in ledger.taken if cabinet == books.cabinet}
        yield from (f"parcel {parcel}: collected by record only" for parcel in sorted(told - taken))
        yield from (f"parcel {parcel}: taken without a record" for parcel in sorted(taken - told))
        brought = {event["data"]["parcel"] for event in books.events("ParcelDeposited")}
        yield from (f"parcel {parcel} was brought and is gone" for parcel in brought if not places[parcel])
    yield from (f"parcel {parcel} is at {where}" for parcel, where in places.items() if len(where) > 1)
    yield from (f"parcel {parcel} was never ordered" for parcel in places if parcel not in at)


def _opening(event: Row) -> tuple[str, int]:
    return event["epoch"], event["data"]["opening"]


def _pulse(event: Row) -> tuple[Any, ...]:
    return (*_opening(event), event["data"]["pulse"])
