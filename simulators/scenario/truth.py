"""The rules that always hold, checked against the physics and not against what a program believes.

At every pulse: its intent is durable (I5), at most three of an opening within a minute (I1), none once the
door was seen open (I2), and behind the door lie nobody else's goods (I3, I9). At rest: events without gaps
(I10), nothing acknowledged that the cloud has not (I11), the cloud's picture is the fold of the events in any
order (I12), rights are used once (I15), and edge, cloud and physics agree on every parcel.
"""

import json
import random
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from cloud.fold import Picture
from cloud.fold import Place as At
from cloud.ingest import decode
from simulators.cabinet import Door
from simulators.scenario.cloud import Cloud
from simulators.scenario.place import PULSE_MS, Place
from simulators.scenario.story import Story

MOST_PULSES = 3
WITHIN_SECONDS = 60.0
MARGIN_SECONDS = 0.05
REMEMBERED_OPENINGS = 1000


@dataclass(slots=True)
class Opening:
    """What the store has told of one opening."""

    label: str = ""
    order: str | None = None
    parcel: str | None = None
    purpose: str = ""
    seen_open: bool = False
    pulsed_at: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Parcel:
    """One parcel in the world: where it truly is, by hands alone."""

    id: str
    order: str
    cabinet: str
    box: str | None = None
    lay_in: str | None = None
    fetched: bool = False
    excused: str = ""
    """Why nobody can promise anything about it: its door, its switch or its board was broken."""


class Witness:
    """Watches one cabinet's coils, with the store's file in view."""

    def __init__(self, place: Place, story: Story, parcels: dict[str, Parcel]) -> None:
        self._place, self._story, self._parcels = place, story, parcels
        self._read_to: dict[str, int] = {}
        self._openings: dict[tuple[str, int], Opening] = {}
        self._intents: Counter[str] = Counter()
        self._pulses: Counter[str] = Counter()
        self._latest: dict[str, Opening] = {}
        self._moved: Counter[tuple[str, str]] = Counter()

    def pulsed(self, label: str) -> None:
        """A coil has just been energised."""
        self.read()
        self._pulses[label] += 1
        self._story.trace(self._place.id, f"coil {label}")
        self._story.count(self._place.id, "pulses")
        opening = self._latest.get(label)
        if opening is None or self._pulses[label] > self._intents[label]:
            self._wrong(f"I5: coil {label} was energised and no intent was durable")
            return
        now = self._place.now
        opening.pulsed_at.append(now)
        if len(opening.pulsed_at) > MOST_PULSES:
            self._wrong(f"I1: {len(opening.pulsed_at)} pulses for one opening of {label}")
        if now - opening.pulsed_at[0] > WITHIN_SECONDS:
            self._wrong(f"I1: a pulse {now - opening.pulsed_at[0]:.1f} s after the first one of {label}")
        if opening.seen_open:
            self._wrong(f"I2: a pulse on {label} after its door was seen open")
        self._check_goods(label, opening)

    def _check_goods(self, label: str, opening: Opening) -> None:
        for goods in self._place.goods(label):
            parcel = self._parcels[goods.name]
            if parcel.excused:
                continue
            if opening.purpose == "collect" and parcel.order != opening.order:
                self._wrong(f"I3: {label} opens for order {opening.order}, goods of {parcel.order} lie there")
            if opening.purpose == "load" and parcel.id != opening.parcel:
                self._wrong(f"I9: {label} opens to load {opening.parcel}, {parcel.id} lies there")

    def purpose(self, label: str) -> str:
        """What the latest opening of this door is for."""
        return self._latest[label].purpose if label in self._latest else ""

    def read(self) -> None:
        """What has been committed since the last look."""
        path = self._place.settings.folder / "edge.db"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as look:
            rows = look.execute("select epoch, max(seq) from outbox group by epoch").fetchall()
            for epoch, _ in rows:
                since = self._read_to.get(epoch, 0)
                wanted = "select seq, body from outbox where epoch = ? and seq > ? order by seq"
                for seq, body in look.execute(wanted, (epoch, since)):
                    if since and seq != self._read_to[epoch] + 1:
                        self._wrong(f"I10: event {seq} of {epoch} follows {self._read_to[epoch]}")
                    self._read_to[epoch] = seq
                    self._note(epoch, json.loads(body))
        look.close()

    def _note(self, epoch: str, event: dict[str, Any]) -> None:
        data = event["data"]
        box = data.get("box") or {}
        match event["type"]:
            case "PulseIntended":
                opening = self._opening(epoch, data)
                if opening.seen_open:
                    self._wrong(f"I2: a pulse is intended on {box['label']} after its door was seen open")
                opening.label, opening.purpose = box["label"], data["purpose"]
                opening.order, opening.parcel = box.get("order"), box.get("parcel")
                self._intents[box["label"]] += 1
                self._latest[box["label"]] = opening
            case "DoorOpened":
                self._opening(epoch, data).seen_open = True
            case "ParcelCollected" as what if not data.get("in_doubt"):
                self._moved[data["parcel"], what] += 1
                if self._moved[data["parcel"], what] > 1:
                    self._wrong(f"I15: parcel {data['parcel']} is collected a second time")
            case "ParcelDeposited" if self._moved[data["parcel"], "ParcelCollected"]:
                self._wrong(f"I15: parcel {data['parcel']} is deposited after it was collected")

    def _opening(self, epoch: str, data: dict[str, Any]) -> Opening:
        if len(self._openings) > REMEMBERED_OPENINGS:
            for key in list(self._openings)[: REMEMBERED_OPENINGS // 2]:
                del self._openings[key]  # ended long ago
        return self._openings.setdefault((epoch, data["opening"]), Opening())

    def check_coils(self) -> None:
        """I7, I8: one coil of a supply at a time, none longer than the board's own pulse."""
        spans: list[tuple[float, float, str]] = []
        for label in self._place.served.cabinet.labels():
            box = self._place.served.cabinet.compartment(label)
            for span in box.energised:
                if span.seconds(self._place.now) > PULSE_MS / 1000 + MARGIN_SECONDS:
                    self._wrong(f"I8: coil {label} was energised for {span.seconds(self._place.now):.3f} s")
                spans.append((span.on_at, span.off_at or self._place.now, label))
            del box.energised[:-1]
        spans.sort()
        for (_, off_at, first), (on_at, _, second) in pairwise(spans):
            if on_at < off_at:
                self._wrong(f"I7: coils {first} and {second} were energised at once")

    def _wrong(self, what: str) -> None:
        self._story.violated(self._place.id, what)


class Reckoning:
    """Edge, cloud and physics, held against each other."""

    def __init__(self, story: Story, cloud: Cloud, parcels: dict[str, Parcel], chance: random.Random) -> None:
        self._story, self._cloud, self._parcels, self._chance = story, cloud, parcels, chance

    def check_fold(self) -> None:
        """I12: the events in any order, some of them twice, give the cloud's picture."""
        told = [
            (cabinet, epoch, seq)
            for cabinet, known in self._cloud.cabinets.items()
            for epoch, history in known.epochs.items()
            for seq in range(1, len(history.lines) + 1)
        ]
        told += self._chance.sample(told, len(told) // 20)
        self._chance.shuffle(told)
        fresh = Picture()
        for cabinet, epoch, seq in told:
            history = self._cloud.cabinets[cabinet].epochs[epoch]
            _, fact = decode(history.lines[seq - 1], cabinet, epoch, seq)
            fresh.apply(At("simulated", cabinet, history.ordinal, seq, seq), fact)
        for name in ("compartments", "whereabouts"):
            if getattr(fresh, name) != getattr(self._cloud.picture, name):
                self._story.violated("cloud", f"I12: {name} are not the fold of the events")

    def check_drained(self, place: Place) -> None:
        """I10, I11 and liveness: with everything healthy the cloud has what the edge has."""
        edge, known = place.edge, self._cloud.cabinets[place.id]
        if edge is None:
            self._story.violated(place.id, "the controller does not run although nothing is wrong")
            return
        through = known.epochs[edge.store.epoch].through if edge.store.epoch in known.epochs else 0
        if edge.store.through > through:
            told = f"I11: the edge believes {edge.store.through}, the cloud has {through}"
            self._story.violated(place.id, told)
        if through != edge.store.seq:
            told = f"the outbox does not drain: cloud {through}, edge {edge.store.seq}"
            self._story.violated(place.id, told)
        for label, box in edge.cabinet.boxes.items():
            row = self._cloud.picture.compartments.get((place.id, label))
            there = None if row is None else (row["state"], row["occupancy"], row["parcel"], row["sides"])
            if there != (box.state, box.occupancy, box.parcel, " ".join(sorted(box.sides))):
                self._story.violated(place.id, f"edge and cloud disagree on {label}: {box} against {there}")

    def check_goods(self, place: Place) -> None:
        """Every parcel is where the cloud says, or its door is excused, or a person was called to look."""
        for parcel in self._parcels.values():
            row = self._cloud.picture.whereabouts.get((parcel.cabinet, parcel.id))
            if parcel.cabinet != place.id or parcel.excused or row is None:
                continue
            if row["state"] == "collected" and not parcel.fetched:
                self._story.violated(place.id, f"{parcel} is called collected and nobody has it")
            if row["state"] == "ready" and parcel.box != row["compartment"]:
                self._story.violated(place.id, f"{parcel} is called ready in {row['compartment']}")

    def check_doors(self, place: Place) -> None:
        """A box that may be given to a new parcel is empty."""
        if place.edge is None:
            return
        for label, box in place.edge.cabinet.boxes.items():
            inside = [self._parcels[goods.name] for goods in place.goods(label)]
            if box.assignable and any(not parcel.excused for parcel in inside):
                self._story.violated(place.id, f"I9: {label} counts as free and holds {inside}")
            physically_open = place.served.cabinet.compartment(label).door is not Door.CLOSED
            if physically_open and box.assignable and not any(p.excused for p in inside):
                self._story.trace(place.id, f"{label} stands open and counts as free")
