"""Several parcels, a second look, two people at once: what one right opens, and how often."""

import asyncio
import time

import pytest

from config.contract import codes
from config.contract.messages import Presence, Session
from controller import visit
from controller.doors import Reading
from controller.visit import Ask, Box, Pulsed, Purpose, Refused, Rules, State

OCCUPANCY, OTHER = "00000000000000aa-1", "00000000000000aa-2"
RULES = Rules()


def opened_and_closed(box, now):
    """The pulse went out, the door sprang open and was shut."""
    box = visit.pulsed(box, Pulsed(box.opening.number, box.opening.pulses, now)).box
    box = visit.door_read(box, Reading(True, now + 1), now + 1, RULES).box
    box = visit.door_read(box, Reading(False, now + 2), now + 2, RULES).box
    return visit.door_read(box, Reading(False, now + 2.1), now + 2.1, RULES)


def seen_closed(box, now=0.0):
    return visit.door_read(box, Reading(False, now), now, RULES).box


@pytest.fixture
def collected():
    """A compartment whose goods were collected at second 12.1."""
    box = seen_closed(Box("01", State.OCCUPIED, occupancy=OCCUPANCY, order="bb" * 8, parcel="cc" * 8))
    box = visit.ask(box, Ask(1, Purpose.COLLECT, "code", OCCUPANCY), 10.0, RULES).box
    return opened_and_closed(box, 10.0).box


def again(box, now, occupancy=OCCUPANCY, number=2):
    return visit.ask(box, Ask(number, Purpose.COLLECT, "code", occupancy, again=True), now, RULES)


def test_a_second_look_is_a_new_opening_of_the_same_occupancy_and_uses_no_right(collected):
    step = again(collected, 100.0)
    assert [fact.type for fact in step.facts] == ["OpeningStarted", "PulseIntended"]
    assert (step.pulse.opening, step.pulse.occupancy, step.box.parcel) == (2, OCCUPANCY, None)
    step = opened_and_closed(step.box, 100.0)
    assert [fact.type for fact in step.facts] == ["DoorClosed", "OpeningEnded"]
    assert step.box.assignable
    assert step.box.occupancy is None


def test_two_second_looks_within_ten_minutes_and_then_a_person_is_called(collected):
    box = collected
    for n in range(2):
        box = opened_and_closed(again(box, 100.0 + n * 100, number=n + 2).box, 100.0 + n * 100).box
    assert again(box, 400.0) == Refused("not_again")


@pytest.mark.parametrize(("after", "refusal"), [(600.0, ""), (600.1, "not_again")])
def test_a_second_look_is_had_for_ten_minutes(collected, after, refusal):
    outcome = again(collected, 12.1 + after)
    assert (outcome.reason if isinstance(outcome, Refused) else "") == refusal


def test_without_asking_for_it_the_same_right_opens_nothing_again(collected):
    wish = Ask(2, Purpose.COLLECT, "code", OCCUPANCY)
    assert visit.ask(collected, wish, 20.0, RULES) == Refused("not_valid")
    assert again(collected, 20.0, OTHER) == Refused("other_occupancy")


def test_a_box_that_was_given_to_others_does_not_open_to_who_was_there_before(collected):
    wish = Ask(2, Purpose.LOAD, "badge", OTHER, order="dd" * 8, parcel="ee" * 8)
    loading = visit.ask(collected, wish, 20.0, RULES).box
    assert isinstance(again(loading, 21.0), Refused)
    loaded = opened_and_closed(loading, 20.0).box
    assert (loaded.state, again(loaded, 30.0)) == (State.OCCUPIED, Refused("other_occupancy"))


def test_after_a_power_cut_nobody_knows_how_long_ago_it_was(collected):
    assert again(visit.restarted(collected, same_boot=False).box, 1.0) == Refused("other_occupancy")
    assert not isinstance(again(visit.restarted(collected, same_boot=True).box, 20.0), Refused)


def test_an_emergency_during_a_second_look_leaves_the_box_empty(collected):
    looking = again(collected, 100.0).box
    box = visit.ask(looking, Ask(3, Purpose.EMERGENCY, "inside", None), 101.0, RULES).box
    box = opened_and_closed(box, 101.0).box
    assert (box.state, box.occupancy, box.order) == (State.VACANT, None, None)


async def test_f13_a_resident_who_forgot_something_asks_types_the_code_again_and_looks(bench):
    order = await bench.loaded()
    entrance = bench.edge.entrance
    door = (await entrance.typed(order.code)).door
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    assert (await entrance.typed(order.code)).refusal == "not_valid"
    for _ in range(2):
        assert entrance.may_reopen
        entrance.again()
        answer = await entrance.typed(order.code)
        assert (answer.kind, answer.door) == ("opening", door)
        await bench.collect(door)
        await bench.becomes(door, "vacant")
    assert not entrance.may_reopen
    entrance.again()
    assert (await entrance.typed(order.code)).refusal == "not_again"
    types = await bench.event_types()
    assert (types.count("ParcelCollected"), types.count("DoorOpened")) == (1, 4)


async def test_f13_a_phone_opens_once_more_and_only_when_that_is_what_it_asks(bench):
    order = await bench.loaded()
    door = bench.door_of(order)
    occupancy = bench.box(door).occupancy
    await bench.edge.entrance.typed(order.code)
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    edge, before = bench.edge, bench.openings_on_the_wire()
    bench.knows_time()
    session = Session(epoch=edge.store.epoch, n=7)
    for asked in (False, True):
        shown = edge.screen.shown()
        presence = Presence(nonce=shown.nonce, number=shown.number)
        deadline_ms = int((time.time() + 10) * 1000)
        command = bench.cloud.open_door(
            session, door, occupancy, presence=presence, deadline_ms=deadline_ms, again=asked
        )
        await edge.commands.take(command, session)
    await bench.collect(door)
    assert bench.openings_on_the_wire() == before + 1


async def test_what_may_be_looked_into_once_more_survives_a_restart_of_the_program(bench):
    order = await bench.loaded()
    door = (await bench.edge.entrance.typed(order.code)).door
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    await bench.stop()
    await bench.start()
    bench.edge.entrance.again()
    qr = bench.cloud.pickup_qr(order.order)
    assert (await bench.edge.entrance.scanned(qr)).door == door


async def two_parcels(bench):
    first = bench.cloud.expect()
    second = bench.cloud.expect(order=first.order, code=first.code)
    await bench.hand_over()
    return first, {await bench.load(first), await bench.load(second)}


async def test_f7_a_pickup_that_was_left_in_the_middle_is_taken_up_again_with_the_same_code(bench):
    order, doors = await two_parcels(bench)
    door = (await bench.edge.entrance.typed(order.code)).door
    (other,) = doors - {door}
    assert await bench.served.wait(door, "open")
    await bench.stop()
    await bench.start()
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    assert bench.box(other).state == "occupied", "nobody is at work: the next door waits for the code"
    answer = await bench.edge.entrance.typed(order.code)
    assert answer.door == other
    await bench.collect(other)
    await bench.becomes(other, "vacant")
    assert (await bench.edge.entrance.typed(order.code)).refusal == "not_valid"


async def test_f7_the_next_door_waits_until_the_one_before_is_closed(bench):
    order, doors = await two_parcels(bench)
    door = (await bench.edge.entrance.typed(order.code)).door
    await bench.until(lambda: bench.box(door).door.is_open)
    answer = await bench.edge.entrance.typed(order.code)
    assert (answer.refusal, answer.door) == ("busy", door)
    (other,) = doors - {door}
    assert bench.box(other).opening is None


async def test_f7_a_door_that_does_not_close_keeps_nobody_from_the_next_one_for_ever(bench):
    order, doors = await two_parcels(bench)
    door = (await bench.edge.entrance.typed(order.code)).door
    await bench.until(lambda: bench.box(door).door.is_open)
    bench.edge.cabinet.rules = Rules(release_wait_s=0.5, left_open_alarm_s=0.0)
    assert {(await bench.edge.entrance.typed(order.code)).door} == doors - {door}


@pytest.mark.row("O3")
async def test_o3_keypad_reader_and_phone_at_once_are_one_opening(bench):
    """F19: whoever is first opens; the others hear that it is in use; a used right opens nothing."""
    for size in "SML":
        order = await bench.loaded(size)
        door, edge = bench.door_of(order), bench.edge
        bench.knows_time()
        session = Session(epoch=edge.store.epoch, n=7)
        shown = edge.screen.shown()
        command = bench.cloud.open_door(
            session, door, bench.box(door).occupancy, deadline_ms=int((time.time() + 10) * 1000),
            presence=Presence(nonce=shown.nonce, number=shown.number),
        )  # fmt: skip
        qr, before = bench.cloud.pickup_qr(order.order), bench.openings_on_the_wire()
        ways = (edge.entrance.typed(order.code), edge.entrance.scanned(qr), edge.entrance.typed(order.code))
        *answers, _ = await asyncio.gather(*ways, edge.commands.take(command, session))
        assert {answer.refusal for answer in answers} <= {"", "busy"}
        await bench.collect(door)
        await bench.becomes(door, "vacant")
        assert (await edge.entrance.typed(order.code)).refusal == "not_valid"
        assert (await edge.entrance.scanned(qr)).refusal == "not_valid"
        await edge.commands.take(command, session)
        assert bench.openings_on_the_wire() == before + 1
    started = [e.data["purpose"] for e in await bench.events() if e.type == "OpeningStarted"]
    assert started.count("collect") == 3


@pytest.mark.row("O9")
async def test_o9_codes_and_tokens_that_nobody_gave_out_open_nothing_offline(bench):
    order = await bench.loaded()
    before = bench.openings_on_the_wire()
    foreign = type(bench.cloud)()
    for text in (
        foreign.pickup_qr(order.order),
        foreign.badge(right=codes.BadgeRight(7)),
        bench.cloud.pickup_qr(order.order, cabinet="another-cabinet"),
        bench.cloud.pickup_qr("00000000000000ab"),
        *(f"{n:08d}" for n in range(4)),
    ):
        assert (await bench.edge.entrance.scanned(text)).kind == "refused"
    assert bench.openings_on_the_wire() == before
