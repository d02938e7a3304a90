"""Badges with rights: what opens by a badge alone, what needs its PIN, and what a revocation ends."""

import time

import pytest

from config.contract.codes import SHORT_BADGE_S, BadgeRight
from config.contract.messages import DocumentName

BADGE, PIN = "00000000000000ee", "314159"
EVERYTHING = BadgeRight.LOAD | BadgeRight.REMOVE | BadgeRight.SERVICE


async def tell_grants(bench, *revoked, version=None, **pins):
    grants = bench.cloud.grants(*revoked, **pins)
    message = bench.cloud.document(DocumentName.GRANTS, grants, bench.edge.store.epoch, version)
    await bench.edge.documents.take(message)


@pytest.fixture
async def manned(bench):
    """A cabinet with a parcel in it, and a technician whose badge has a PIN."""
    order = await bench.loaded()
    await bench.edge.entrance.scanned(bench.cloud.badge())
    await tell_grants(bench, **{BADGE: PIN})
    return bench, bench.door_of(order)


def long_badge(bench, right=BadgeRight.SERVICE):
    return bench.cloud.badge(BADGE, right=right)


async def test_a_badge_that_lives_long_opens_no_door_for_service_without_its_pin(manned):
    bench, door = manned
    before = bench.openings_on_the_wire()
    assert (await bench.edge.entrance.scanned(long_badge(bench))).kind == "pin"
    assert bench.edge.entrance.asks == "pin"
    assert (await bench.edge.entrance.typed(door)).kind == "refused"
    assert bench.openings_on_the_wire() == before


async def test_with_its_pin_it_opens_any_door_and_what_lay_there_is_to_be_checked(manned):
    bench, door = manned
    entrance = bench.edge.entrance
    await entrance.scanned(long_badge(bench))
    assert (await entrance.typed(PIN)).kind == "service"
    assert entrance.asks == "door"
    assert (await entrance.typed(door)).kind == "opening"
    await bench.collect(door)
    await bench.becomes(door, "checking")
    opened = [e.data for e in await bench.events() if e.type == "OpeningStarted"][-1]
    assert (opened["purpose"], opened["proof"], opened["badge"]) == ("service", "badge", BADGE)
    assert (await entrance.scanned(long_badge(bench))).kind == "service_left"
    assert (await entrance.typed(door)).kind == "refused"


async def test_a_wrong_pin_counts_over_a_restart_and_wants_the_badge_again(manned):
    bench, _ = manned
    for n in range(6):
        await bench.edge.entrance.scanned(long_badge(bench))
        answer = await bench.edge.entrance.typed(f"00000{n}")
        assert answer.refusal == "bad_pin"
    assert answer.wait_s == 30
    assert (await bench.edge.entrance.typed(PIN)).refusal == "not_valid", "no badge, no PIN"
    await bench.stop()
    await bench.start()
    await bench.edge.entrance.scanned(long_badge(bench))
    assert (await bench.edge.entrance.typed(PIN)).refusal == "wait"


@pytest.mark.parametrize(("seconds_over", "kind"), [(0, "service"), (1, "pin")])
async def test_a_badge_of_the_day_needs_no_pin_and_one_second_more_does(manned, seconds_over, kind):
    bench, _ = manned
    now = int(time.time())
    token = bench.cloud.badge(BADGE, now + SHORT_BADGE_S + seconds_over, iat=now, right=BadgeRight.SERVICE)
    assert (await bench.edge.entrance.scanned(token)).kind == kind


async def test_a_static_badge_for_everything_loads_and_does_no_more_until_its_pin_was_typed(manned):
    bench, door = manned
    entrance = bench.edge.entrance
    assert (await entrance.scanned(long_badge(bench, EVERYTHING))).kind == "courier"
    assert entrance.service.technician is None
    assert (await entrance.typed(door)).kind == "refused"
    assert (await entrance.typed(PIN)).kind == "service"


async def test_a_badge_without_any_right_or_without_a_pin_in_the_list_is_refused(manned):
    bench, _ = manned
    assert (await bench.edge.entrance.scanned(bench.cloud.badge(right=BadgeRight(0)))).refusal == "bad_badge"
    other = bench.cloud.badge("00000000000000ff", right=BadgeRight.SERVICE)
    assert (await bench.edge.entrance.scanned(other)).refusal == "bad_badge"


@pytest.mark.row("S5")
async def test_s5_an_older_list_never_replaces_a_newer_one_and_a_revoked_badge_stays_so(manned):
    bench, _ = manned
    await tell_grants(bench, BADGE, version=9, **{BADGE: PIN})
    await tell_grants(bench, version=8, **{BADGE: PIN})
    assert (await bench.edge.entrance.scanned(long_badge(bench))).refusal == "bad_badge"
    await bench.stop()
    await bench.start()
    await tell_grants(bench, version=8, **{BADGE: PIN})
    assert (await bench.edge.entrance.scanned(long_badge(bench))).refusal == "bad_badge"


async def test_a_badge_revoked_between_scan_and_pin_does_no_service(manned):
    bench, _ = manned
    await bench.edge.entrance.scanned(long_badge(bench))
    await tell_grants(bench, BADGE, version=9, **{BADGE: PIN})
    assert (await bench.edge.entrance.typed(PIN)).refusal == "bad_badge"
