"""What nobody fetched in time: taken out by a badge that says so, door by door, each on record."""

import time

import httpx
import pytest

from config.contract.codes import BadgeRight
from config.contract.messages import DocumentName
from controller.clock import Computer

STRONG = {"right": BadgeRight.LOAD | BadgeRight.REMOVE}


def short():
    """A badge of a few hours, as removal needs."""
    now = int(time.time())
    return {**STRONG, "iat": now, "exp": now + 3600}


async def overdue(bench, how_many=2):
    """Parcels that were loaded in time and that nobody fetched; one more that is not due yet."""
    orders = [bench.cloud.expect() for _ in range(how_many)]
    fresh = bench.cloud.expect(size="M")
    await bench.hand_over()
    for order in (*orders, fresh):
        await bench.load(order)
    await bench.edge.entrance.scanned(bench.cloud.badge())
    gone = {order.parcel for order in orders}
    parcels = [p.model_copy(update={"expires_ms": 1}) if p.parcel in gone else p for p in bench.cloud.parcels]
    bench.cloud.parcels[:] = parcels
    await bench.hand_over()
    return [bench.door_of(order) for order in orders], bench.door_of(fresh)


async def removed(bench):
    return [event.data for event in await bench.events() if event.type == "ParcelRemoved"]


async def test_overdue_parcels_come_out_one_by_one_and_each_removal_names_the_badge(bench):
    doors, fresh = await overdue(bench)
    await bench.courier(badge="00000000000000cc", **short())
    assert [box.label for box in bench.edge.entrance.removing.overdue()] == doors
    answer = await bench.say("remove", "")
    assert (answer.kind, answer.door, answer.more) == ("opening", doors[0], 1)
    await bench.opens(doors[0])
    assert bench.box(doors[1]).door.is_closed
    await bench.collect(doors[0])
    await bench.collect(doors[1])
    for door in doors:
        await bench.becomes(door, "vacant")
    assert [told["badge"] for told in await removed(bench)] == ["00000000000000cc"] * 2
    assert bench.box(fresh).state == "occupied"
    assert bench.edge.entrance.removing.overdue() == []


@pytest.mark.parametrize(
    ("badge", "refusal"),
    [({}, "no_right"), (STRONG, "no_right")],
    ids=["a badge that may only load", "a badge that is good for years"],
)
async def test_other_badges_neither_see_nor_open_what_is_overdue(bench, badge, refusal):
    await overdue(bench, 1)
    before = bench.openings_on_the_wire()
    await bench.courier(**badge)
    assert bench.edge.entrance.removing.overdue() == []
    assert (await bench.say("remove", "")).refusal == refusal
    assert bench.openings_on_the_wire() == before


async def test_without_a_badge_nothing_is_removed(bench):
    await overdue(bench, 1)
    before = bench.openings_on_the_wire()
    assert (await bench.say("remove", "")).refusal == "no_badge"
    assert bench.openings_on_the_wire() == before


async def test_a_jammed_door_keeps_nobody_from_the_other_overdue_ones(bench):
    doors, _ = await overdue(bench)
    await bench.courier(**short())
    await bench.served.fault("latch_jammed", doors[0])
    await bench.say("remove", "")
    await bench.collect(doors[1])
    await bench.becomes(doors[1], "vacant")
    assert bench.box(doors[0]).state == "occupied"
    assert len(await removed(bench)) == 1


async def test_the_screen_tells_the_list_only_to_who_may_remove(bench):
    doors, _ = await overdue(bench)
    async with httpx.AsyncClient(base_url=bench.kiosk_url) as kiosk:
        assert (await kiosk.get("state")).json()["overdue"] == []
        await bench.courier(**short())
        assert (await kiosk.get("state")).json()["overdue"] == doors


async def test_what_was_removed_may_come_again_with_a_courier(bench):
    (door,), _ = await overdue(bench, 1)
    order = next(p for p in bench.cloud.parcels if p.expires_ms == 1)
    await bench.courier(**short())
    await bench.say("remove", "")
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    answer = await bench.edge.entrance.scanned(f"TGP1-{order.parcel}")
    assert answer.kind == "opening"


async def test_a_badge_that_is_good_for_years_removes_once_its_pin_was_typed(bench):
    (door,), _ = await overdue(bench, 1)
    grants = bench.cloud.grants(**{"00000000000000aa": "246810"})
    epoch = bench.edge.store.epoch
    await bench.edge.documents.take(bench.cloud.document(DocumentName.GRANTS, grants, epoch))
    await bench.edge.entrance.scanned(bench.cloud.badge(**STRONG))
    assert (await bench.say("remove", "")).refusal == "no_right"
    await bench.edge.entrance.typed("246810")
    assert (await bench.say("remove", "")).door == door
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    assert len(await removed(bench)) == 1


async def test_a_clock_that_runs_ahead_makes_nothing_overdue_that_may_still_be_fetched(bench):
    """Without a network nobody puts it right; a badge that is good for years is not void by it."""
    days = 86_400
    order = await bench.loaded(expires_ms=int(time.time() + 5 * days) * 1000)
    grants = bench.cloud.grants(**{"00000000000000aa": "246810"})
    epoch = bench.edge.store.epoch
    await bench.edge.documents.take(bench.cloud.document(DocumentName.GRANTS, grants, epoch))
    await bench.stop()
    bench.computer = Computer(wall=lambda: time.time() + 10 * days)
    await bench.start()
    await bench.edge.entrance.scanned(bench.cloud.badge(**STRONG))
    await bench.edge.entrance.typed("246810")
    before = bench.openings_on_the_wire()
    assert bench.edge.entrance.removing.overdue() == []
    assert (await bench.say("remove", "")).kind == "removed_all"
    assert bench.openings_on_the_wire() == before
    assert bench.box(bench.door_of(order)).state == "occupied"
