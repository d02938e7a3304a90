"""Scan, scan, scan: doors open in turn, and after a crash at any step every parcel is accounted for."""

import asyncio
import time

import pytest


async def three(bench):
    orders = [bench.cloud.expect() for _ in range(3)]
    await bench.hand_over()
    await bench.courier()
    return orders, [await bench.scan(order) for order in orders]


async def put(bench, order):
    (door,) = bench.boxes_with(order)
    await bench.opens(door)
    await bench.served.put(door, order.parcel)
    await bench.shut(door)
    await bench.becomes(door, "occupied")


async def test_doors_open_one_after_the_other_in_the_order_of_the_scans(bench):
    orders, answers = await three(bench)
    assert [(answer.kind, answer.more) for answer in answers] == [
        ("opening", 0),
        ("queued", 1),
        ("queued", 2),
    ]
    for order in orders:
        await bench.until(lambda order=order: bench.boxes_with(order) != [])
        assert sum(box.door.is_open for box in bench.edge.cabinet.boxes.values()) <= 1
        await put(bench, order)
    await bench.edge.entrance.scanned(bench.cloud.badge())
    left = next(event for event in await bench.events() if event.type == "CourierLeft")
    assert left.data["deposited"] == 3


async def test_a_door_that_has_shut_holds_up_the_next_parcel_no_longer_than_its_switch_is_doubted(bench):
    orders, _ = await three(bench)
    await put(bench, orders[0])
    shut = time.monotonic()
    await bench.until(lambda: bench.boxes_with(orders[1]) != [])
    assert time.monotonic() - shut < 1


async def test_as_many_doors_stand_open_as_the_operator_allows(bench):
    bench.edge.entrance.placing.doors_at_once = 2
    orders, answers = await three(bench)
    assert [answer.kind for answer in answers] == ["opening", "opening", "queued"]
    await put(bench, orders[1])
    await bench.until(lambda: bench.boxes_with(orders[2]) != [])
    await put(bench, orders[2])
    await put(bench, orders[0])


async def test_the_setting_comes_from_the_cloud(bench):
    from config.contract.messages import CabinetSettings, DocumentName

    await bench.hand_over()
    epoch = bench.edge.store.epoch
    wanted = bench.cloud.document(DocumentName.SETTINGS, CabinetSettings(doors_at_once=3), epoch)
    await bench.edge.documents.take(wanted)
    assert bench.edge.entrance.placing.doors_at_once == 3


async def test_what_was_scanned_twice_waits_once(bench):
    orders, _ = await three(bench)
    again = await bench.scan(orders[1])
    assert (again.kind, again.more) == ("queued", 2)
    assert (await bench.scan(orders[0])).refusal == "busy"


async def test_a_parcel_for_which_nothing_is_left_behind_the_queue_is_refused_at_once(bench):
    large = [bench.cloud.expect(size="L") for _ in range(3)]
    await bench.hand_over()
    await bench.courier()
    assert [(await bench.scan(order)).kind for order in large] == ["opening", "queued", "refused"]


async def test_a_dead_door_does_not_stop_the_queue(bench):
    await bench.served.fault("latch_jammed", "01")
    orders, _ = await three(bench)
    for order in orders:
        await bench.until(lambda order=order: bench.boxes_with(order) not in ([], ["01"]))
        await put(bench, order)
    assert "out_of_service" in bench.box("01").sides


async def test_a_courier_who_leaves_is_told_what_was_not_put_in(bench):
    _, _ = await three(bench)
    answer = await bench.edge.entrance.scanned(bench.cloud.badge())
    assert (answer.kind, answer.more) == ("courier_left", 2)


# --- the process dies


async def hands(bench, orders):
    """A courier with two parcels who sees nothing but doors."""
    await bench.edge.entrance.scanned(bench.cloud.badge())
    for order in orders:
        await bench.scan(order)
    for order in orders:
        await bench.until(lambda order=order: bench.boxes_with(order) != [])
        (door,) = bench.boxes_with(order)
        assert await bench.served.wait(door, "open")
        await bench.served.put(door, order.parcel)
        await bench.shut(door)
    await asyncio.Event().wait()


def lies(bench, order):
    """Where it really is; None: in the courier's hands."""
    there = bench.served.cabinet
    return next(
        (
            label
            for label in there.labels()
            if any(g.name == order.parcel for g in there.compartment(label).goods)
        ),
        None,
    )


def accounted(bench, order):
    """In box X, not deposited, or unknown: exactly one, and never against the truth."""
    claims, truth = bench.boxes_with(order), lies(bench, order)
    assert len(claims) <= 1
    if not claims:
        assert truth is None, "called not deposited, and it lies there"
    elif bench.box(claims[0]).state == "occupied":
        assert truth == claims[0], "called in the box, and it is not"
    else:
        assert bench.box(claims[0]).state in ("loading", "checking")


async def finished(bench, order):
    """The courier is back: whatever is not known is asked, and the rest is scanned again."""
    truth = lies(bench, order)
    if truth is not None:
        await bench.closed(truth)
    question = bench.edge.entrance.loading._unsure()
    while question is not None:
        asked = bench.box(question.door).parcel
        is_in = any(g.name == asked for g in bench.served.cabinet.compartment(question.door).goods)
        answer = await bench.say("is_in" if is_in else "not_in", question.door)
        question = answer if answer.kind == "question" else None
    if truth is None:
        answer = await bench.scan(order)
        await bench.opens(answer.door or bench.boxes_with(order)[0])
        await put(bench, order)
    assert bench.boxes_with(order) == [lies(bench, order)]
    assert bench.box(lies(bench, order)).state == "occupied"


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("commits", range(1, 8))
async def test_after_a_crash_at_any_commit_every_parcel_is_in_a_box_or_in_hand_or_asked_about(
    bench, commits, carried_out
):
    orders = [bench.cloud.expect(), bench.cloud.expect()]
    await bench.hand_over()
    dead = bench.dies_after(commits, carried_out=carried_out)
    courier = asyncio.create_task(hands(bench, orders))
    waiting = asyncio.create_task(dead.wait())
    await asyncio.wait({courier, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    assert dead.is_set(), "the evening is over before it died"
    await asyncio.sleep(0.15)
    courier.cancel()
    await asyncio.gather(courier, waiting, return_exceptions=True)
    await bench.stop()
    await bench.start()
    await bench.until(lambda: all(b.door.state != "unknown" for b in bench.edge.cabinet.boxes.values()))
    for order in orders:
        accounted(bench, order)
    await bench.edge.entrance.scanned(bench.cloud.badge())
    for order in orders:
        await finished(bench, order)


async def test_a_door_that_was_shut_while_nobody_watched_is_asked_about_and_not_called_ready(bench):
    order = bench.cloud.expect()
    await bench.hand_over()
    await bench.courier()
    door = await bench.opens((await bench.scan(order)).door)
    await bench.stop()
    await bench.served.close(door)
    await bench.start()
    await bench.becomes(door, "checking")
    assert "ParcelDeposited" not in await bench.event_types()
    question = await bench.edge.entrance.scanned(bench.cloud.badge())
    assert (question.kind, question.door) == ("question", door)
    assert (await bench.say("not_in", door)).kind == "noted"
    assert bench.boxes_with(order) == []
    assert bench.box(door).state == "vacant"


async def test_nobody_without_a_badge_answers_for_what_happened_before_a_stop(bench):
    order = bench.cloud.expect()
    await bench.hand_over()
    await bench.courier()
    door = await bench.opens((await bench.scan(order)).door)
    await bench.stop()
    await bench.served.close(door)
    await bench.start()
    await bench.becomes(door, "checking")
    assert (await bench.say("is_in", door)).refusal == "no_question"
    assert bench.box(door).state == "checking"


async def test_no_door_opens_for_what_a_courier_scanned_who_walked_away(bench):
    orders, _ = await three(bench)
    (door,) = bench.boxes_with(orders[0])
    await bench.opens(door)
    bench.edge.entrance.loading._courier.until = float("-inf")
    await bench.closed(door)
    await bench.becomes(door, "occupied")
    before = bench.openings_on_the_wire()
    await asyncio.sleep(0.3)
    assert bench.openings_on_the_wire() == before
    assert bench.boxes_with(orders[1]) == []
