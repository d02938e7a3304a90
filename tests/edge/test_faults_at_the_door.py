"""Doors that jam, switches that lie, people who pull, a child inside: what the cabinet makes of it."""

import pytest
from edge_bench import Bench, cabinet_file, parse

from config.contract import codes


@pytest.fixture
async def on_a_card(tmp_path):
    """The same cabinet, with its locks and switches on one relay card."""
    raw = cabinet_file().model_dump(mode="json", by_alias=True, exclude_none=True)
    raw["bus"][0]["kind"] = "modbus"
    raw["board"][0] |= {"kind": "lock_modbus", "channels": 8}
    bench = Bench(tmp_path, parse(raw))
    await bench.plug_in()
    await bench.start()
    yield bench
    await bench.stop()
    bench.served.unplug()


async def raised(bench):
    return {(e.data["fault"], e.data["subject"]) for e in await bench.events() if e.type == "FaultRaised"}


async def test_a_door_that_jams_while_loading_gets_three_pulses_and_the_parcel_another_box(bench):
    order = bench.cloud.expect()
    await bench.hand_over()
    await bench.served.fault("latch_jammed", "01")
    scanned = bench.edge.entrance.scanned
    await scanned(bench.cloud.badge())
    assert (await scanned(codes.parcel_label(order.parcel))).door == "01"
    await bench.until(lambda: "out_of_service" in bench.box("01").sides)
    assert bench.pulses_at("01") == 3
    assert ("door_stuck", "01") in await raised(bench)
    assert await bench.load(order) == "02"
    assert bench.box("01").parcel is None


async def test_a_door_that_jams_while_collecting_keeps_the_right(bench):
    order = await bench.loaded()
    door = bench.door_of(order)
    await bench.served.fault("latch_jammed", door)
    await bench.edge.entrance.typed(order.code)
    await bench.until(lambda: bench.box(door).state == "occupied")
    assert (await bench.edge.entrance.typed(order.code)).refusal == "door_stuck"
    assert bench.box(door).occupancy is not None
    assert "OpeningFailed" in await bench.event_types()


async def test_a_switch_that_always_says_open_does_not_refuse_a_valid_code(bench):
    order = await bench.loaded()
    door = bench.door_of(order)
    await bench.served.fault("switch_broken_open", door)
    await bench.until(lambda: bench.box(door).door.is_open)
    before = bench.openings_on_the_wire()
    assert (await bench.edge.entrance.typed(order.code)).kind == "opening"
    await bench.becomes(door, "checking")
    assert bench.openings_on_the_wire() == before + 3
    assert ("compartment_unclear", door) in await raised(bench)
    assert (await bench.edge.entrance.typed(order.code)).kind == "opening"


async def test_a_door_pulled_open_by_force_is_told_and_the_box_is_not_given_away(bench):
    """What the cabinet sees of a crowbar is a switch that opens without a pulse."""
    await bench.hand_over()
    await bench.served.fault("switch_broken_open", "01")
    await bench.until(lambda: "forced" in bench.box("01").sides)
    assert ("door_forced", "01") in await raised(bench)
    assert not bench.box("01").assignable


async def test_someone_inside_opens_what_holds_no_parcel_even_without_a_right(bench):
    order = await bench.loaded()
    answer = await bench.edge.entrance.inside()
    assert answer.door == bench.door_of(order), "the door closed last opens first, whatever lies there"
    for label in bench.edge.cabinet.boxes:
        await bench.until(lambda label=label: bench.box(label).door.is_open)
    assert ("someone_inside", "cabinet") in await raised(bench)


async def test_a_coil_that_rests_keeps_no_other_door_of_its_supply_waiting(bench):
    bench.edge.cabinet._unlock._resting["01"] = bench.edge.clock.now() + 3
    await bench.edge.entrance.inside()
    for label in list(bench.edge.cabinet.boxes)[1:]:
        assert await bench.served.wait(label, "open", 2)
    assert bench.pulses_at("01") == 0
    assert await bench.served.wait("01", "open", 4)


async def test_the_door_that_was_closed_last_is_known_after_a_restart(bench):
    """Whoever shut themselves in with it does not know that the program has begun anew."""
    order = await bench.loaded()
    await bench.stop()
    await bench.start()
    assert (await bench.edge.entrance.inside()).door == bench.door_of(order)


async def test_a_board_that_falls_silent_is_told_once_and_told_back(bench):
    await bench.served.fault("board_silent", "locks")
    await bench.until(lambda: bench.edge.health.has("board_silent", "locks"))
    await bench.served.repair("board_silent", "locks")
    await bench.until(lambda: not bench.edge.health.has("board_silent", "locks"), 10)
    told = [e.type for e in await bench.events() if e.data.get("fault") == "board_silent"]
    assert told == ["FaultRaised", "FaultCleared"]


async def test_a_card_that_keeps_an_output_on_is_told_turned_off_and_opens_no_other_door(
    on_a_card, monkeypatch
):
    bench = on_a_card
    order, other = await bench.loaded(), await bench.loaded()
    with monkeypatch.context() as another_make:
        card = type(bench.served.buses["rs485"].boards[0])
        another_make.setattr(card, "_time", lambda card, relay, _: card._set(relay, True))
        door = (await bench.edge.entrance.typed(order.code)).door
        await bench.until(lambda: bench.edge.health.has("output_stays_on", "locks"))
    assert not bench.served.cabinet.compartment(door).coil_on
    assert bench.box(door).door.is_open, "its switches are still read"
    before = bench.pulses_at(bench.door_of(other))
    await bench.edge.entrance.typed(other.code)
    await bench.until(lambda: ("door_stuck", bench.door_of(other)) in bench.edge.store.open_faults)
    assert bench.pulses_at(bench.door_of(other)) == before
    await bench.is_killed()
    await bench.start()
    assert bench.edge.health.has("output_stays_on", "locks"), "until a card has shown that it lets go"
    await bench.edge.hardware.boards["locks"].open(6, lambda: True)
    await bench.until(lambda: not bench.edge.health.has("output_stays_on", "locks"))


async def test_a_door_left_open_alarms_and_a_long_open_box_wants_a_look(bench):
    bench.edge.cabinet.rules = bench.edge.cabinet.rules.__class__(
        release_wait_s=0.5, left_open_alarm_s=0.3, left_open_block_s=0.6
    )
    order = await bench.loaded()
    door = (await bench.edge.entrance.typed(order.code)).door
    assert await bench.served.wait(door, "open")
    await bench.until(lambda: bench.box(door).door.told_left_open)
    opened = bench.box(door).door.since
    await bench.until(lambda: bench.edge.clock.now() - opened > 0.7)
    await bench.shut(door)
    await bench.becomes(door, "checking")
    types = await bench.event_types()
    assert "DoorLeftOpen" in types
    assert "ParcelCollected" in types


async def test_a_port_that_vanishes_is_told_and_serves_again_when_it_is_back(bench):
    order = await bench.loaded()
    await bench.served.cut("rs485")
    await bench.until(lambda: bench.edge.health.has("bus_lost", "rs485"))
    await bench.served.restore("rs485")
    await bench.until(lambda: not bench.edge.health.has("bus_lost", "rs485"), 10)
    assert (await bench.edge.entrance.typed(order.code)).kind == "opening"
    await bench.collect(bench.door_of(order))


async def test_a_port_that_does_not_exist_is_told_and_the_rest_is_served(bench):
    await bench.stop()
    bench._ports["qr"] = "/dev/there-is-none"
    await bench.start()
    await bench.until(lambda: bench.edge.health.has("reader_lost", "qr"))
    order = await bench.loaded()
    assert (await bench.edge.entrance.typed(order.code)).kind == "opening"


async def two_parcels_under_one_code(bench):
    first = bench.cloud.expect(size="S")
    second = bench.cloud.expect(size="S", order=first.order, code=first.code)
    await bench.hand_over()
    return first, await bench.load(first), await bench.load(second)


async def test_a_door_that_jams_keeps_nobody_from_the_other_door_of_the_order(bench):
    order, low, high = await two_parcels_under_one_code(bench)
    await bench.served.fault("latch_jammed", low)
    assert (await bench.edge.entrance.typed(order.code)).door == low
    await bench.until(lambda: bench.box(low).opening is None)
    assert (await bench.edge.entrance.typed(order.code)).door == high
    await bench.collect(high)
    await bench.becomes(high, "vacant")
    assert bench.box(low).state == "occupied"


async def test_a_door_in_doubt_keeps_nobody_from_the_other_door_of_the_order(bench):
    order, low, high = await two_parcels_under_one_code(bench)
    await bench.served.fault("switch_broken_open", low)
    await bench.until(lambda: bench.box(low).door.is_open)
    assert (await bench.edge.entrance.typed(order.code)).door == low
    await bench.becomes(low, "checking")
    assert (await bench.edge.entrance.typed(order.code)).door == high


async def test_a_board_that_answers_nothing_leaves_it_open_whether_the_goods_were_taken(bench):
    """What was read before the pulses says nothing about what happened after them."""
    order = await bench.loaded()
    door = bench.door_of(order)
    await bench.served.fault("answer_lost", "locks")
    assert (await bench.edge.entrance.typed(order.code)).door == door
    assert await bench.served.wait(door, "open")
    await bench.served.take(door)
    await bench.until(lambda: bench.box(door).opening is None)
    assert bench.box(door).state == "checking"
    assert ("compartment_unclear", door) in await raised(bench)
