"""F11 on the wire: a light beam across each compartment sees what people leave behind its door."""

import asyncio
from pathlib import Path

import pytest
from edge_bench import Bench, cabinet_file, parse

from controller.visit import Ask, Purpose, State


def with_beams():
    """Six compartments on one relay card; the beams are on its inputs 9 to 14."""
    raw = cabinet_file().model_dump(mode="json", by_alias=True, exclude_none=True)
    raw["bus"][0]["kind"] = "modbus"
    raw["board"][0] |= {"kind": "lock_modbus", "channels": 8, "inputs": 16}
    for compartment in raw["compartment"]:
        compartment["beam_input"] = 8 + compartment["channel"]
    return parse(raw)


@pytest.fixture
async def beams(tmp_path: Path):
    bench = Bench(tmp_path, with_beams())
    await bench.plug_in()
    await bench.start()
    yield bench
    await bench.stop()
    bench.served.unplug()


async def types(bench, *wanted):
    return [type for type in await bench.event_types() if type in wanted]


def faults(bench):
    """Those that were raised and have not ended."""
    return {fault for fault, _ in bench.edge.store.open_faults}


async def no_fault_is_open(bench):
    await bench.until(lambda: not faults(bench))


async def leaves(bench, order):
    """The order's resident opens, takes nothing, and shuts the door."""
    door = (await bench.edge.entrance.typed(order.code)).door
    await bench.opens(door)
    await bench.shut(door)
    await bench.becomes(door, "checking")
    return door


async def takes(bench, door):
    """The resident's hands, at a door that is opening."""
    await bench.collect(door)
    await bench.until(lambda: bench.box(door).opening is None)


def panels(bench):
    """What the screen says, as it comes."""
    shown = []
    live = bench.edge.kiosk._live
    show = live.show
    live.show = lambda panel: (shown.append(panel), show(panel))
    return shown


# --- a resident


async def test_f11_an_empty_compartment_is_seen_empty(beams):
    order = await beams.loaded()
    door = (await beams.edge.entrance.typed(order.code)).door
    await takes(beams, door)
    assert (beams.box(door).state, beams.box(door).verified) == ("vacant", True)
    assert await types(beams, "LeftBehind", "SeenInside", "CheckNeeded") == []


async def test_f11_what_is_left_behind_is_told_and_the_same_code_opens_for_it(beams):
    order, shown = await beams.loaded(), panels(beams)
    door = await leaves(beams, order)
    assert shown[-1].says.en == f"Something is still in box {door}"
    assert "Type your code once more" in shown[-1].next_step.en
    assert faults(beams) == {"goods_unclaimed"}
    answer = await beams.edge.entrance.typed(order.code)
    assert (answer.kind, answer.door) == ("opening", door)
    await takes(beams, door)
    assert (beams.box(door).state, beams.box(door).verified) == ("vacant", True)
    assert beams.box(door).assignable
    await no_fault_is_open(beams)
    assert await types(beams, "ParcelCollected", "LeftBehind") == ["ParcelCollected", "LeftBehind"]
    assert (await beams.edge.entrance.typed(order.code)).refusal == "not_valid"


async def test_f11_it_opens_twice_more_and_then_a_person_is_called(beams):
    order, shown = await beams.loaded(), panels(beams)
    door = await leaves(beams, order)
    for _ in range(2):
        assert await leaves(beams, order) == door
    assert shown[-1].next_step.en == "Please call us"
    assert (await beams.edge.entrance.typed(order.code)).refusal == "not_again"
    told = [event.data["again"] for event in await beams.events() if event.type == "LeftBehind"]
    assert told == [True, True, False]


async def test_f11_nobody_is_given_the_compartment_before_somebody_has_looked(beams):
    order = await beams.loaded(size="L")
    door = await leaves(beams, order)
    large = [c.label for c in beams.file.compartment if c.size == "L" and c.label != door]
    others = [beams.cloud.expect(size="L") for _ in range(len(large) + 1)]
    await beams.hand_over()
    for other in others[:-1]:
        assert await beams.load(other) in large
    assert (await beams.scan(others[-1])).refusal == "no_fit"
    wish = Ask(beams.edge.store.next_opening(), Purpose.SERVICE, "badge", None, badge="00000000000000ba")
    await beams.edge.cabinet.ask(door, wish)
    await takes(beams, door)
    await no_fault_is_open(beams)
    assert (await beams.scan(others[-1])).door == door


@pytest.mark.parametrize("with_the_commit", [True, False])
@pytest.mark.parametrize("takes_it", [True, False])
async def test_f11_killed_between_the_closing_door_and_the_word_of_the_beam(beams, takes_it, with_the_commit):
    order = await beams.loaded()
    door = (await beams.edge.entrance.typed(order.code)).door
    await beams.opens(door)
    dead = beams.dies_after(1, carried_out=False)
    if not with_the_commit:
        await beams.is_killed()
    if takes_it:
        await beams.served.take(door)
    await beams.shut(door)
    if with_the_commit:
        await dead.wait()
        await beams.is_killed()
    await beams.start()
    await beams.until(lambda: beams.box(door).opening is None)
    assert beams.box(door).state == ("vacant" if takes_it else "checking")
    assert beams.box(door).assignable is takes_it
    told = await types(beams, "ParcelCollected", "LeftBehind")
    assert told.count("ParcelCollected") == 1
    assert told.count("LeftBehind") == (not takes_it)


async def test_f11_a_restart_keeps_what_was_left_and_the_second_look(beams):
    order = await beams.loaded()
    door = await leaves(beams, order)
    await beams.stop()
    await beams.start()
    assert beams.box(door).state == "checking"
    assert (await beams.edge.entrance.scanned(beams.cloud.pickup_qr(order.order))).door == door
    await takes(beams, door)
    assert beams.box(door).assignable


async def test_f11_a_blind_beam_keeps_nobody_out_and_is_overruled_by_a_person(beams):
    order = await beams.loaded()
    door = beams.door_of(order)
    await beams.served.fault("beam_blind", door)
    assert (await beams.edge.entrance.typed(order.code)).door == door
    await beams.collect(door)
    await beams.becomes(door, "checking")
    wish = Ask(beams.edge.store.next_opening(), Purpose.SERVICE, "badge", None, badge="00000000000000ba")
    await beams.edge.cabinet.ask(door, wish)
    await takes(beams, door)
    assert (beams.box(door).state, beams.box(door).verified) == ("vacant", False)
    assert beams.box(door).assignable
    await beams.until(lambda: faults(beams) == {"beam_blind"})
    await beams.stop()
    await beams.start()
    await beams.until(lambda: beams.box(door).beam.word is True)
    assert beams.box(door).assignable
    await beams.served.repair("beam_blind", door)
    await beams.until(lambda: beams.box(door).beam.overruled is None)
    await no_fault_is_open(beams)


# --- a courier


async def loading(bench):
    order = bench.cloud.expect()
    await bench.hand_over()
    await bench.courier()
    return order, await bench.opens((await bench.scan(order)).door)


async def test_a_parcel_that_is_seen_is_in_without_a_word_also_after_a_crash(beams):
    order, door = await loading(beams)
    await beams.served.put(door, order.parcel)
    await beams.stop()
    await beams.served.close(door)
    await beams.start()
    await beams.becomes(door, "occupied")
    assert await types(beams, "ParcelDeposited", "CheckNeeded") == ["ParcelDeposited"]
    assert beams.box(door).parcel == order.parcel


@pytest.mark.parametrize(("word", "state"), [("is_in", State.OCCUPIED), ("not_in", State.VACANT)])
async def test_a_parcel_that_is_not_seen_is_asked_about_at_once(beams, word, state):
    answers = []
    beams.edge.entrance.show_to(answers.append)
    _, door = await loading(beams)
    await beams.shut(door)
    await beams.until(lambda: answers[-1].kind == "question")
    assert (answers[-1].door, answers[-1].asks) == (door, ("is_in", "not_in"))
    assert await types(beams, "ParcelDeposited") == []
    assert (await beams.say(word, door)).kind == "noted"
    assert beams.box(door).state is state
    await no_fault_is_open(beams)


async def test_a_parcel_behind_a_door_that_sprang_open_unasked_is_found_there(beams):
    answers = []
    beams.edge.entrance.show_to(answers.append)
    order, door = await loading(beams)
    other = "05"
    beams.served.cabinet.force(other)
    await beams.until(lambda: beams.box(other).door.is_open)
    await beams.served.put(other, order.parcel)
    beams.served.cabinet.compartment(other).latched = True
    await beams.closed(other)
    await beams.becomes(other, "checking")
    await beams.shut(door)
    await beams.until(lambda: answers[-1].kind == "question")
    assert (answers[-1].door, answers[-1].other) == (door, other)
    assert answers[-1].asks == ("in_other", "is_in", "not_in")
    assert (await beams.say("in_other", door)).kind == "noted"
    assert beams.boxes_with(order) == [other]
    assert (await beams.edge.entrance.typed(order.code)).door == other


# --- behind shut doors


async def test_goods_that_appear_in_a_vacant_compartment_keep_it_from_everybody(beams):
    await beams.served.fault("beam_blind", "02")
    await beams.becomes("02", "checking")
    assert not beams.box("02").assignable
    assert await types(beams, "SeenInside") == ["SeenInside"]
    assert faults(beams) == {"goods_unclaimed"}


async def test_a_parcel_that_is_not_seen_any_more_is_told_and_its_code_opens_the_door(beams):
    order = await beams.loaded()
    door = beams.door_of(order)
    await beams.served.fault("beam_stuck", door)
    await beams.until(lambda: beams.box(door).beam.overruled is False)
    assert faults(beams) == {"goods_missing"}
    assert (await beams.edge.entrance.typed(order.code)).door == door
    await takes(beams, door)
    await beams.until(lambda: beams.box(door).beam.overruled is None)
    assert (beams.box(door).state, beams.box(door).verified) == ("vacant", False)
    await no_fault_is_open(beams)


async def test_a_board_that_is_silent_says_nothing_of_its_beams(beams):
    order = await beams.loaded()
    door = beams.door_of(order)
    before = len(await beams.events())
    await beams.served.fault("board_silent", "locks")
    await asyncio.sleep(0.5)
    await beams.served.repair("board_silent", "locks")
    await beams.until(lambda: not beams.box(door).beam.settles and beams.box(door).beam.word is True)
    told = {event.type for event in (await beams.events())[before:]}
    assert not told & {"SeenInside", "LeftBehind"}


async def test_the_beams_cost_no_exchange_of_their_own(beams):
    seen = {frame.hex()[:4] for _, frame in beams.served.buses["rs485"].requests}
    assert seen <= {"0102", "010f"}
