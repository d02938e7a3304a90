"""A parcel is loaded and collected: by code, by QR, offline; and who is turned away."""

import asyncio

from config.contract import codes


async def test_a_courier_loads_and_a_resident_collects_by_code(bench):
    order = bench.cloud.expect()
    await bench.hand_over()
    door = await bench.load(order)
    answer = await bench.edge.entrance.typed(order.code)
    assert (answer.kind, answer.door) == ("opening", door)
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    types = [t for t in await bench.event_types() if t not in ("DocumentApplied", "Booted")]
    assert types == [
        "CourierArrived",
        "OpeningStarted", "PulseIntended", "DoorOpened", "DoorClosed", "ParcelDeposited",
        "OpeningStarted", "PulseIntended", "DoorOpened", "DoorClosed", "ParcelCollected",
    ]  # fmt: skip


async def test_a_code_opens_once(bench):
    order = await bench.loaded()
    door = (await bench.edge.entrance.typed(order.code)).door
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    again = await bench.edge.entrance.typed(order.code)
    assert (again.kind, again.refusal) == ("refused", "not_valid")


async def test_a_pickup_qr_at_the_reader_opens(bench):
    order = await bench.loaded()
    door = bench.door_of(order)
    await bench.served.scan("qr", bench.cloud.pickup_qr(order.order))
    await bench.collect(door)
    await bench.becomes(door, "vacant")


async def test_no_poll_begins_while_a_scan_comes_in(bench):
    bench.served.readers["qr"].wire.merged = False  # byte by byte, as a reader sends it
    order = await bench.loaded()
    polls = bench.served.buses["rs485"].requests
    reader = bench.served.readers["qr"].wire
    text, sent = bench.cloud.pickup_qr(order.order), reader.bytes_out
    await bench.served.scan("qr", text)
    await bench.until(lambda: reader.bytes_out > sent)
    began = asyncio.get_running_loop().time()
    await bench.until(lambda: reader.bytes_out > sent + len(text))
    ended = asyncio.get_running_loop().time()
    assert ended - began > 0.1
    assert [frame for at, frame in polls if began + 0.01 < at < ended] == []


async def test_a_code_may_be_typed_in_full_width_digits_with_spaces(bench):
    order = await bench.loaded()
    full_width = "".join(chr(ord(digit) + 0xFEE0) for digit in order.code)
    answer = await bench.edge.entrance.typed(f" {full_width[:4]} {full_width[4:]} ")
    assert answer.kind == "opening"


async def test_a_wrong_code_is_recorded_and_opens_nothing(bench):
    await bench.loaded()
    before = bench.openings_on_the_wire()
    answer = await bench.edge.entrance.typed("00000000")
    assert (answer.kind, answer.refusal) == ("refused", "not_valid")
    assert "AccessRefused" in await bench.event_types()
    assert bench.openings_on_the_wire() == before


async def test_five_wrong_codes_are_free_and_the_sixth_locks_the_keypad_but_not_the_reader(bench):
    order = await bench.loaded()
    waits = [(await bench.edge.entrance.typed(f"0000000{n}")).wait_s for n in range(6)]
    assert waits[:5] == [0] * 5
    assert waits[5] == 30
    assert (await bench.edge.entrance.typed(order.code)).refusal == "wait"
    assert (await bench.edge.entrance.scanned(bench.cloud.pickup_qr(order.order))).kind == "opening"


async def test_the_keypad_stays_locked_over_a_restart(bench):
    order = await bench.loaded()
    for n in range(6):
        await bench.edge.entrance.typed(f"0000000{n}")
    await bench.stop()
    await bench.start()
    assert (await bench.edge.entrance.typed(order.code)).refusal == "wait"


async def test_a_qr_of_another_cabinet_a_forged_and_an_expired_one_open_nothing(bench):
    order = await bench.loaded()
    before = bench.openings_on_the_wire()
    scanned = bench.edge.entrance.scanned
    assert (
        await scanned(bench.cloud.pickup_qr(order.order, cabinet="other-cabinet"))
    ).refusal == "other_cabinet"
    good = bench.cloud.pickup_qr(order.order)
    forged = good[:40] + ("A" if good[40] != "A" else "B") + good[41:]
    assert (await scanned(forged)).refusal == "not_valid"
    assert (await scanned(bench.cloud.pickup_qr(order.order, exp=1_700_000_000))).refusal == "expired"
    assert (await scanned("https://example.com/some/other/code")).refusal == "not_ours"
    assert bench.openings_on_the_wire() == before


async def test_a_double_tap_pulses_once(bench):
    order = await bench.loaded()
    before = bench.openings_on_the_wire()
    answers = await asyncio.gather(*(bench.edge.entrance.typed(order.code) for _ in range(4)))
    assert sorted(answer.kind for answer in answers) == ["opening", "refused", "refused", "refused"]
    assert {answer.refusal for answer in answers} == {"", "busy"}
    await bench.collect(bench.door_of(order))
    assert bench.openings_on_the_wire() == before + 1


async def test_two_parcels_of_one_order_open_one_after_the_other(bench):
    first = bench.cloud.expect()
    second = bench.cloud.expect(order=first.order, code=first.code)
    await bench.hand_over()
    doors = [await bench.load(first), await bench.load(second)]
    answer = await bench.edge.entrance.typed(first.code)
    other = next(door for door in doors if door != answer.door)
    assert answer.more == 1
    assert await bench.served.wait(answer.door, "open")
    assert not bench.box(other).door.is_open
    await bench.collect(answer.door)
    await bench.collect(other)
    for door in doors:
        await bench.becomes(door, "vacant")


async def test_a_parcel_that_is_not_expected_and_a_label_without_a_badge_open_nothing(bench):
    order = bench.cloud.expect()
    await bench.hand_over()
    scanned = bench.edge.entrance.scanned
    assert (await scanned(codes.parcel_label(order.parcel))).refusal == "no_badge"
    await scanned(bench.cloud.badge())
    assert (await scanned(codes.parcel_label("00000000000000ff"))).refusal == "unknown_parcel"
    assert (await scanned("TGP1-XYZ")).refusal == "not_ours"
    assert bench.openings_on_the_wire() == 0


async def test_a_parcel_gets_the_smallest_box_that_fits_and_none_when_all_are_taken(bench):
    large = [bench.cloud.expect(size="L") for _ in range(3)]
    await bench.hand_over()
    assert [await bench.load(order) for order in large[:2]] == ["05", "06"]
    answer = await bench.edge.entrance.scanned(codes.parcel_label(large[2].parcel))
    assert answer.refusal == "no_fit"


async def test_a_code_before_the_parcel_is_loaded_says_so(bench):
    order = bench.cloud.expect()
    await bench.hand_over()
    assert (await bench.edge.entrance.typed(order.code)).refusal == "not_loaded"
