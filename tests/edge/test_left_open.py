"""Row H7: a door left open alarms after a minute, bars its box after two, until somebody has looked."""

import asyncio
from dataclasses import replace

import pytest

from controller import visit
from controller.doors import Reading
from controller.store.rows import box_from_json, box_to_json
from controller.visit import Ask, Box, Pulsed, Purpose, Rules, State

RULES = Rules()
MINE = "00000000000000aa-1"
OPENED = 1000.5

pytestmark = pytest.mark.row("H7")


def types(step):
    return [fact.type for fact in step.facts]


def faults(step):
    return [(fact.type, fact.fault) for fact in step.facts if fact.type.startswith("Fault")]


def opened(box, purpose, proof="code", number=1, at=1000.0):
    """The box with its door seen open half a second after ``at``."""
    box = visit.door_read(box, Reading(False, at - 1), at - 1, RULES).box
    asked = visit.ask(box, Ask(number, purpose, proof, box.occupancy), at, RULES)
    sent = visit.pulsed(asked.box, Pulsed(number, 1, at)).box
    return visit.door_read(sent, Reading(True, at + 0.5), at + 0.5, RULES).box


def closed(box, at):
    """The switch has been read closed twice, the second time at ``at``."""
    once = visit.door_read(box, Reading(False, at - 0.1), at - 0.1, RULES)
    return visit.door_read(once.box, Reading(False, at), at, RULES)


def collecting():
    order, parcel = "00000000000000bb", "00000000000000cc"
    box = Box("01", State.OCCUPIED, occupancy=MINE, order=order, parcel=parcel)
    return opened(box, Purpose.COLLECT)


async def left_to_others(bench):
    """A courier opens a door, and somebody shuts it when it has stood open for too long."""
    order = bench.cloud.expect()
    await bench.hand_over()
    await bench.courier()
    door = await bench.opens((await bench.scan(order)).door)
    bench.edge.cabinet.rules = replace(bench.edge.cabinet.rules, left_open_block_s=0.1)
    answers = []
    bench.edge.entrance.show_to(answers.append)
    await asyncio.sleep(0.2)
    await bench.closed(door)
    await bench.becomes(door, "checking")
    return order, door, answers


async def test_h7_a_parcel_whose_door_others_shut_is_ready_by_the_word_of_its_courier_only(bench):
    order, door, answers = await left_to_others(bench)
    await bench.until(lambda: any(answer.kind == "question" for answer in answers))
    assert (answers[-1].door, answers[-1].asks) == (door, ("is_in", "not_in"))
    assert not {"ParcelDeposited", "DepositAnswered"} & set(await bench.event_types())
    assert (await bench.say("is_in", door)).kind == "noted"
    assert bench.box(door).state == "occupied"
    assert (await bench.edge.entrance.typed(order.code)).door == door


async def test_h7_a_courier_who_had_gone_by_then_is_asked_at_the_next_visit(bench):
    order, door, _ = await left_to_others(bench)
    await bench.edge.entrance.scanned(bench.cloud.badge())
    asked = await bench.edge.entrance.scanned(bench.cloud.badge())
    assert (asked.kind, asked.door) == ("question", door)
    assert (await bench.say("not_in", door)).kind == "noted"
    assert bench.boxes_with(order) == []


def left_open():
    return closed(collecting(), OPENED + 120).box


def test_h7_the_alarm_comes_at_sixty_seconds_and_once():
    box = collecting()
    assert visit.tick(box, OPENED + 59.9, RULES).facts == ()
    told = visit.tick(box, OPENED + 60, RULES)
    assert types(told) == ["DoorLeftOpen", "FaultRaised"]
    assert visit.tick(told.box, OPENED + 90, RULES).facts == ()


def test_h7_closed_after_less_than_two_minutes_the_box_is_free_and_the_alarm_over():
    step = closed(visit.tick(collecting(), OPENED + 60, RULES).box, OPENED + 119.9)
    assert step.box.assignable
    assert ("FaultCleared", "door_left_open") in faults(step)


def test_h7_at_two_minutes_it_is_not_assignable_any_more():
    step = closed(collecting(), OPENED + 120)
    assert step.box.state is State.CHECKING
    assert not step.box.assignable
    assert ("FaultRaised", "compartment_unclear") in faults(step)


def test_h7_while_it_stands_open_it_is_never_assignable():
    assert not collecting().assignable


@pytest.mark.parametrize(
    "happens",
    [
        lambda box: visit.tick(box, OPENED + 1e7, RULES).box,
        lambda box: visit.restarted(box_from_json("01", box_to_json(box)), same_boot=True).box,
        lambda box: visit.restarted(box_from_json("01", box_to_json(box)), same_boot=False).box,
        lambda box: closed(opened(box, Purpose.SERVICE, "remote", 2, 2000.0), 2010.0).box,
        lambda box: closed(opened(box, Purpose.EMERGENCY, "inside", 2, 2000.0), 2010.0).box,
    ],
)
def test_h7_neither_time_nor_a_restart_nor_an_opening_from_afar_clears_it(happens):
    assert not happens(left_open()).assignable


def test_h7_a_person_who_looks_clears_it():
    step = closed(opened(left_open(), Purpose.SERVICE, "badge", 2, 2000.0), 2010.0)
    assert step.box.assignable
    assert step.box.verified is False
    assert ("FaultCleared", "compartment_unclear") in faults(step)


def test_h7_a_look_that_itself_left_the_door_open_clears_nothing():
    assert not closed(opened(left_open(), Purpose.SERVICE, "badge", 2, 2000.0), 2130.0).box.assignable


def test_h7_a_power_cut_while_the_door_stands_open_counts_as_too_long():
    """The clock of a new boot begins at nought; the time before it is nobody's to say."""
    kept = box_from_json("01", box_to_json(collecting()))
    box = visit.restarted(kept, same_boot=False).box
    box = box_from_json("01", box_to_json(box))
    box = visit.door_read(box, Reading(True, 5.0), 5.0, RULES).box
    step = closed(box, 8.0)
    assert "ParcelCollected" in types(step)
    assert step.box.state is State.CHECKING


def test_h7_a_restart_of_the_program_alone_counts_on():
    kept = box_from_json("01", box_to_json(collecting()))
    box = visit.restarted(kept, same_boot=True).box
    box = visit.door_read(box, Reading(True, OPENED + 50), OPENED + 50, RULES).box
    assert closed(box, OPENED + 100).box.assignable
    assert not closed(replace(box), OPENED + 121).box.assignable
