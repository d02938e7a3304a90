"""The operator closes the cabinet from afar: nothing new goes in, and nobody is kept from what is theirs."""

import time

import httpx
import pytest
from pydantic import ValidationError

from config.contract.codes import SHORT_BADGE_S, BadgeRight
from config.contract.messages import CabinetSettings, DocumentName

WHY = "冷柜故障，正在维修"


async def close(bench, closed_for, because=""):
    given = CabinetSettings(closed_for=closed_for, closed_because=because, phone="400-2")
    document = bench.cloud.document(DocumentName.SETTINGS, given, bench.edge.store.epoch)
    for label in bench.edge.cabinet.boxes:
        await bench.until(lambda label=label: bench.box(label).opening is None)
    await bench.edge.documents.take(document)


async def loads(bench):
    """What a courier gets who scans one more parcel."""
    order = bench.cloud.expect()
    await bench.hand_over()
    if bench.edge.entrance.loading.courier is None:
        await bench.courier()
    return await bench.scan(order)


async def collects(bench, order):
    return await bench.edge.entrance.typed(order.code)


@pytest.mark.parametrize("restart", [False, True])
async def test_closed_for_what_is_new_it_takes_nothing_in_and_hands_out_as_ever(bench, restart):
    order = await bench.loaded()
    await close(bench, "new")
    if restart:
        await bench.is_killed()
        await bench.start()
    assert (await loads(bench)).refusal == "closed"
    handed_in = bench.cloud.label(purpose=2)
    assert (await bench.edge.entrance.scanned(handed_in.signed(bench.cloud.token))).refusal == "closed"
    answer = await collects(bench, order)
    assert (answer.kind, answer.door) == ("opening", bench.door_of(order))
    await bench.collect(answer.door)
    await bench.becomes(answer.door, "vacant")


@pytest.mark.parametrize("restart", [False, True])
async def test_closed_for_all_nothing_is_handed_out_and_the_right_stays_for_later(bench, restart):
    order = await bench.loaded()
    await close(bench, "all", WHY)
    if restart:
        await bench.is_killed()
        await bench.start()
    before = bench.openings_on_the_wire()
    assert (await collects(bench, order)).refusal == "closed"
    assert (await bench.edge.entrance.scanned(bench.cloud.pickup_qr(order.order))).refusal == "closed"
    assert bench.openings_on_the_wire() == before
    await close(bench, "nothing")
    assert (await collects(bench, order)).kind == "opening"


async def test_closed_for_all_a_technician_gets_at_what_lies_there(bench):
    order = await bench.loaded()
    await close(bench, "all", WHY)
    now = int(time.time())
    badge = bench.cloud.badge(exp=now + SHORT_BADGE_S, iat=now, right=BadgeRight.SERVICE)
    assert (await bench.edge.entrance.scanned(badge)).kind == "service"
    assert (await bench.edge.entrance.typed(bench.door_of(order))).kind == "opening"


async def test_the_screen_says_so_with_the_reason_and_the_operators_telephone(bench):
    await bench.hand_over()
    await close(bench, "all", WHY)
    async with httpx.AsyncClient(base_url=bench.kiosk_url) as kiosk:
        state = (await kiosk.get("state")).json()
    assert (state["closed_for"], state["closed_because"], state["phone"]) == ("all", WHY, "400-2")


def test_pickups_stop_only_with_a_reason():
    with pytest.raises(ValidationError, match="only with a reason"):
        CabinetSettings(closed_for="all", closed_because=" ")
    assert CabinetSettings(closed_for="new").closed_because == ""
