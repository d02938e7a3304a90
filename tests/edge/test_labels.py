"""Labels signed by the cloud: a cabinet without any network takes parcels it has never heard of."""

import asyncio
import time
from dataclasses import replace

import pytest

from config.contract import labels
from config.contract.signing import SigningKey


async def scanned(bench, label, key=None):
    return await bench.edge.entrance.scanned(label.signed(key or bench.cloud.token))


async def filled(bench, label):
    answer = await scanned(bench, label)
    assert answer.kind == "opening", answer
    door = await bench.opens(answer.door)
    await bench.served.put(door, label.parcel)
    await bench.shut(door)
    await bench.becomes(door, "occupied")
    return door


async def test_an_unknown_parcel_goes_in_by_its_label_and_out_by_the_pickup_qr(bench):
    await bench.hand_over()
    await bench.courier()
    label = bench.cloud.label(size="M")
    door = await filled(bench, label)
    assert {c.label: c.size for c in bench.file.compartment}[door] == "M"
    told = next(event.data for event in await bench.events() if event.type == "ParcelDeposited")
    assert (told["parcel"], told["order"]) == (label.parcel, label.order)
    await bench.served.scan("qr", bench.cloud.pickup_qr(label.order))
    await bench.collect(door)
    await bench.becomes(door, "vacant")


async def test_the_label_comes_through_a_real_reader(bench):
    await bench.hand_over()
    await bench.courier()
    label = bench.cloud.label()
    await bench.served.scan("qr", label.signed(bench.cloud.token).lower())
    await bench.until(lambda: any(box.parcel == label.parcel for box in bench.edge.cabinet.boxes.values()))


async def test_a_label_alone_opens_nothing(bench):
    await bench.hand_over()
    assert (await scanned(bench, bench.cloud.label())).refusal == "no_badge"
    assert bench.openings_on_the_wire() == 0


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"cabinet": bytes(8)}, "other_cabinet"),
        ({"exp": 1_700_000_000}, "expired"),
        ({"kid": 9}, "not_valid"),
    ],
)
async def test_a_label_for_elsewhere_too_late_or_by_another_key_opens_nothing(bench, change, refusal):
    await bench.hand_over()
    await bench.courier()
    assert (await scanned(bench, replace(bench.cloud.label(), **change))).refusal == refusal
    assert bench.openings_on_the_wire() == 0


async def test_a_forged_or_damaged_label_opens_nothing(bench):
    await bench.hand_over()
    await bench.courier()
    label = bench.cloud.label()
    assert (await scanned(bench, label, SigningKey.generate("3"))).refusal == "not_valid"
    text = label.signed(bench.cloud.token)
    assert (await bench.edge.entrance.scanned(text[:-3])).refusal == "not_ours"
    other_size = replace(label, size="L").signed(SigningKey.generate("3"))
    spliced = other_size[:70] + text[70:]
    assert (await bench.edge.entrance.scanned(spliced)).refusal == "not_valid"
    assert bench.openings_on_the_wire() == 0


async def test_a_label_is_good_once(bench):
    await bench.hand_over()
    await bench.courier()
    label = bench.cloud.label()
    door = await filled(bench, label)
    assert (await scanned(bench, label)).refusal == "already_loaded"
    await bench.edge.entrance.scanned(bench.cloud.pickup_qr(label.order))
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    assert (await scanned(bench, label)).refusal == "already_loaded"


async def test_what_the_cloud_said_since_goes_before_what_the_label_says(bench):
    order = bench.cloud.expect(size="L")
    await bench.hand_over()
    await bench.courier()
    label = replace(bench.cloud.label(size="S"), parcel=order.parcel, order=order.order)
    door = await filled(bench, label)
    assert {c.label: c.size for c in bench.file.compartment}[door] == "L"
    assert (await bench.edge.entrance.typed(order.code)).kind == "opening"


async def test_a_label_raises_the_floor_of_a_lost_clock(bench):
    await bench.hand_over()
    await bench.courier()
    later = int(time.time()) + 86_400
    await scanned(bench, bench.cloud.label(iat=later))
    assert bench.edge.clock.best_ms() >= later * 1000


# --- brought by a resident


async def test_a_resident_hands_something_in_without_a_badge_and_a_courier_fetches_it(bench):
    await bench.hand_over()
    label = bench.cloud.label(purpose=labels.LabelPurpose.HAND_IN)
    door = await filled(bench, label)
    told = next(event.data for event in await bench.events() if event.type == "ParcelDeposited")
    assert (told["proof"], told["parcel"]) == ("qr", label.parcel)
    assert (await scanned(bench, label)).refusal == "already_loaded"
    await bench.edge.entrance.scanned(bench.cloud.pickup_qr(label.order))
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    assert (await scanned(bench, label)).refusal == "already_loaded"


async def test_a_resident_whose_return_does_not_fit_gets_a_larger_box(bench):
    await bench.hand_over()
    label = bench.cloud.label(purpose=labels.LabelPurpose.HAND_IN)
    small = await bench.opens((await scanned(bench, label)).door)
    large = await bench.opens((await bench.say("does_not_fit", small)).door)
    await bench.served.put(large, label.parcel)
    await bench.shut(large)
    await bench.becomes(large, "occupied")
    assert bench.box(large).parcel == label.parcel
    assert bench.box(small).parcel is None


async def test_a_return_goes_into_no_box_that_was_given_to_another(bench):
    order = await bench.loaded()
    label = bench.cloud.label(purpose=labels.LabelPurpose.HAND_IN)
    assert await filled(bench, label) != bench.door_of(order)


async def test_four_hands_at_once_never_share_a_box(bench):
    await bench.hand_over()
    bench.edge.entrance.placing.doors_at_once = 4
    brought = [bench.cloud.label(purpose=labels.LabelPurpose.HAND_IN) for _ in range(4)]
    answers = await asyncio.gather(*(scanned(bench, label) for label in brought))
    assert sorted(answer.kind for answer in answers) == ["opening"] * 4
    assert len({answer.door for answer in answers}) == 4
