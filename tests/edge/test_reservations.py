"""Whose compartment: choices over all boxes of a cabinet."""

from dataclasses import replace
from types import SimpleNamespace

from controller import reservations
from controller.doors import Door, DoorState
from controller.visit import Box, Left, Opening, Purpose, State

ORDER, PARCEL, OCCUPANCY = "00000000000000a1", "00000000000000a2", "00000000000000ee-1"
FULL = Box("01", State.OCCUPIED, occupancy=OCCUPANCY, order=ORDER, parcel=PARCEL)


def cabinet_of(**sizes):
    zones = [SimpleNamespace(name="z", class_="ambient"), SimpleNamespace(name="c", class_="chilled")]
    compartments = [
        SimpleNamespace(label=label, size=size, row=row, zone=zone)
        for label, (size, row, zone) in sizes.items()
    ]
    return SimpleNamespace(zone=zones, compartment=compartments)


FILE = cabinet_of(s1=("S", 4, "z"), m1=("M", 3, "z"), m2=("M", 2, "z"), l1=("L", 1, "z"), c1=("S", 1, "c"))
FREE = {label: Box(label) for label in ("s1", "m1", "m2", "l1", "c1")}


def wanted(size, *, low=False, zone="ambient"):
    return SimpleNamespace(size=size, zone=zone, low=low)


def test_low_doors_come_first_and_only_what_lies_there():
    boxes = {
        label: replace(FULL, label=label, state=state)
        for label, state in (("01", State.OCCUPIED), ("02", State.CHECKING), ("03", State.LOADING))
    }
    boxes["04"] = replace(FULL, label="04", order="00000000000000b1")
    rows = {"01": 5, "02": 1, "03": 1, "04": 1}
    assert [box.label for box in reservations.boxes_of(ORDER, boxes, rows)] == ["02", "01"]
    assert reservations.inside_order(boxes, "03") == ["03", "02"]
    assert reservations.inside_order(boxes, None) == ["02", "03"]
    assert reservations.inside_order(boxes, "99") == ["02", "03"]
    assert reservations.box_with(PARCEL, boxes) is boxes["01"]
    assert reservations.box_with("none", boxes) is None


def test_a_parcel_gets_the_smallest_free_box_of_its_zone_that_takes_it():
    assert reservations.best_fit(wanted("S"), FREE, FILE).label == "s1"
    assert reservations.best_fit(wanted("M"), FREE, FILE).label == "m2"
    assert reservations.best_fit(wanted("S", low=True), FREE, FILE).label == "l1"
    assert reservations.best_fit(wanted("S", zone="chilled"), FREE, FILE).label == "c1"
    assert reservations.best_fit(wanted("XL"), FREE, FILE) is None
    taken = {**FREE, "s1": FULL}
    assert reservations.best_fit(wanted("S"), taken, FILE).label == "m2"
    del taken["m2"]
    assert reservations.best_fit(wanted("S"), taken, FILE).label == "m1"


def test_sizes_are_counted_where_the_zone_has_them():
    free = reservations.free_by_size("ambient", {**FREE, "m1": FULL}, FILE)
    assert free == {"S": 1, "M": 1, "L": 1}
    assert [reservations.next_size(size) for size in ("S", "M", "L", "XL")] == ["M", "L", "XL", None]


def test_the_box_that_was_collected_from_last_comes_first():
    boxes = {
        label: Box(label, left=Left(OCCUPANCY, order, at))
        for label, order, at in (("01", ORDER, 1.0), ("02", ORDER, 2.0), ("03", "other", 3.0))
    }
    assert [box.label for box in reservations.boxes_left(ORDER, {**boxes, "04": FULL})] == ["02", "01"]


def test_what_was_to_be_fetched_by_now_and_lies_there_is_overdue():
    parcels = {PARCEL: SimpleNamespace(expires_ms=1000)}
    boxes = {"01": FULL, "02": replace(FULL, parcel="unknown"), "03": replace(FULL, state=State.VACANT)}
    assert reservations.overdue(boxes, parcels, 999) == []
    assert reservations.overdue(boxes, parcels, 1000) == [FULL]
    doubtful = replace(FULL, state=State.CHECKING)
    assert reservations.overdue({"01": doubtful}, parcels, 1000) == [doubtful]


def test_only_a_shut_box_whose_parcel_is_in_doubt_is_asked_about():
    doubtful = replace(FULL, state=State.CHECKING, awaits_word=True)
    assert reservations.unsure({"00": FULL, "01": doubtful}) is doubtful
    assert reservations.unsure({"01": replace(doubtful, door=Door(DoorState.OPEN, 0.0))}) is None
    loading = Opening(1, Purpose.LOAD, "badge", State.VACANT, ambiguous=True)
    cut_short = replace(FULL, state=State.LOADING, opening=loading)
    assert reservations.unsure({"01": cut_short}) is cut_short
    assert reservations.unsure({"01": replace(cut_short, parcel=None)}) is None
