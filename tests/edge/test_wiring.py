"""A board was replaced, or doors hang on other channels: none of them opens under another one's number."""

import time

import pytest

from config.cabinet import parse
from config.contract.codes import BadgeRight
from controller.visit import Ask, Purpose

BADGE = "00000000000000ee"
ANOTHER = {"locks": {"fitted": "SN 4711"}}


def technician(bench):
    now = int(time.time())
    return bench.cloud.badge(BADGE, now + 3600, iat=now, right=BadgeRight.SERVICE)


def rewired(file, *, boards=None, locks=None):
    """The same cabinet with another board, or with locks (their switches stay) on other channels."""
    raw = file.model_dump(mode="json", by_alias=True, exclude_none=True)
    for board in raw["board"]:
        board.update((boards or {}).get(board["name"], {}))
    for compartment in raw["compartment"]:
        compartment["switch_channel"] = compartment["channel"]
        compartment["channel"] = (locks or {}).get(compartment["label"], compartment["channel"])
    return parse(raw)


async def started_with(bench, file):
    await bench.stop()
    bench.file = file
    await bench.start()


def unproven(bench):
    return [label for label, box in bench.edge.cabinet.boxes.items() if "unproven" in box.sides]


@pytest.fixture
async def replaced(bench):
    """A parcel lies in a cabinet whose board was replaced since."""
    order = await bench.loaded()
    door = bench.door_of(order)
    await started_with(bench, rewired(bench.file, boards=ANOTHER))
    return bench, order, door


async def test_the_doors_of_a_replaced_board_open_for_nobody_and_the_alarm_is_told(replaced):
    bench, order, _ = replaced
    assert len(unproven(bench)) == len(bench.file.compartment)
    before = bench.openings_on_the_wire()
    answer = await bench.edge.entrance.typed(order.code)
    assert (answer.kind, answer.refusal) == ("refused", "unproven")
    another = bench.cloud.expect(size="S")
    await bench.hand_over()
    await bench.edge.entrance.scanned(bench.cloud.badge())
    assert (await bench.scan(another)).refusal == "no_fit"
    assert bench.openings_on_the_wire() == before
    raised = [e.data for e in await bench.events() if e.type == "FaultRaised"]
    assert {f["subject"] for f in raised if f["fault"] == "wiring_unproven"} == set(unproven(bench))


async def test_it_opens_again_once_a_technician_has_opened_it_and_says_that_it_was_this_one(replaced):
    bench, order, door = replaced
    shown = []
    bench.edge.entrance.show_to(shown.append)
    entrance = bench.edge.entrance
    assert door in (await entrance.scanned(technician(bench))).unproven
    assert (await bench.say("this_door", door)).refusal == "no_question", "nobody has seen it move"
    assert (await entrance.typed(door)).kind == "opening"
    assert await bench.served.wait(door, "open")
    await bench.shut(door)
    await bench.until(lambda: any(a.kind == "question" and a.door == door for a in shown))
    assert (await entrance.typed(order.code)).refusal == "unproven", "a switch is not a person"
    assert (await bench.say("this_door", door)).kind == "proven"
    assert door not in unproven(bench)
    assert (await entrance.scanned(technician(bench))).kind == "service_left"
    assert (await entrance.typed(order.code)).kind == "opening"
    told = [e.data for e in await bench.events() if e.type == "WiringProven"]
    assert [(t["box"]["label"], t["badge"]) for t in told] == [(door, BADGE)]


async def test_a_technician_who_saw_another_door_leaves_it_barred(replaced):
    bench, order, door = replaced
    entrance = bench.edge.entrance
    await entrance.scanned(technician(bench))
    await entrance.typed(door)
    assert await bench.served.wait(door, "open")
    await bench.shut(door)
    await bench.until(lambda: bench.box(door).opening is None)
    assert door in (await bench.say("another_door", door)).unproven
    assert (await bench.say("this_door", door)).refusal == "no_question", "it has to move once more"
    await entrance.scanned(technician(bench))
    assert (await entrance.typed(order.code)).refusal == "unproven"


async def test_swapped_wires_are_told_as_soon_as_the_other_switch_moves(bench):
    """Two locks have changed places, their switches have not."""
    await started_with(bench, rewired(bench.file, locks={"01": 2, "02": 1}))
    assert unproven(bench) == ["01", "02"]
    await bench.hand_over()
    shown = []
    bench.edge.entrance.show_to(shown.append)
    await bench.edge.entrance.scanned(technician(bench))
    await bench.edge.entrance.typed("01")
    await bench.until(lambda: any(a.kind == "other_moved" for a in shown))
    said = next(a for a in shown if a.kind == "other_moved")
    assert (said.door, said.other) == ("01", "02")
    assert (await bench.say("this_door", "01")).refusal == "no_question"
    assert "01" in unproven(bench)


async def test_only_the_door_that_hangs_elsewhere_is_barred(bench):
    await started_with(bench, rewired(bench.file, locks={"03": 9}))
    assert unproven(bench) == ["03"]


async def test_what_is_no_wire_bars_nothing(bench):
    await started_with(bench, rewired(bench.file, boards={"locks": {"pulse_ms": 150}}))
    assert unproven(bench) == []


async def test_a_barred_door_stays_barred_over_restarts_until_it_is_proven(replaced):
    bench, _, door = replaced
    await started_with(bench, bench.file)
    assert door in unproven(bench)
    assert [e.type for e in await bench.events()].count("WiringChanged") == len(bench.file.compartment)


async def test_nobody_opens_it_from_afar_and_someone_inside_still_gets_out(replaced):
    bench, _, door = replaced
    afar = Ask(bench.edge.store.next_opening(), Purpose.SERVICE, "remote", bench.box(door).occupancy)
    refused = await bench.edge.cabinet.ask(door, afar)
    assert refused.reason == "unproven"
    vacant = next(label for label, b in bench.edge.cabinet.boxes.items() if b.state == "vacant")
    await bench.edge.entrance.inside()
    assert await bench.served.wait(vacant, "open")
