"""A program that keeps dying lets people collect and get out, and does nothing else."""

import time

import pytest

from config.contract import codes
from config.contract.messages import CabinetSettings, DocumentName, Session
from controller.safe_mode import Counted, Limit
from controller.store import StoreFailing

ENDS = 3


@pytest.fixture
async def bench(bench):
    """Three abnormal ends begin safe mode; they count for as long as a test wants."""
    await bench.stop()
    bench.settings = bench.settings.model_copy(update={"safe_after_ends": ENDS})
    await bench.start()
    return bench


async def dies(bench):
    """The program ends without having said so, and is started again."""

    async def too_late(change):
        raise StoreFailing(bench.edge.store.path, OSError("killed"))

    bench.edge.cabinet.record = too_late
    await bench.stop()
    await bench.start()


async def keeps_dying(bench):
    for _ in range(ENDS):
        await dies(bench)
    await bench.until(lambda: bench.edge.health.has("safe_mode", "cabinet"))


async def says_settings(bench, number):
    settings = CabinetSettings(safe_mode_ended=number)
    await bench.edge.documents.take(
        bench.cloud.document(DocumentName.SETTINGS, settings, bench.edge.store.epoch)
    )


async def over(bench):
    await bench.until(lambda: not bench.edge.health.has("safe_mode", "cabinet"))
    assert not bench.edge.cabinet.is_safe


async def test_in_safe_mode_a_code_opens_its_door_and_someone_inside_gets_out(bench):
    order = await bench.loaded()
    await keeps_dying(bench)
    answer = await bench.edge.entrance.typed(order.code)
    assert answer.kind == "opening"
    await bench.collect(answer.door)
    await bench.becomes(answer.door, "vacant")
    before = bench.openings_on_the_wire()
    assert (await bench.edge.entrance.inside()).kind == "opening"
    await bench.until(lambda: bench.openings_on_the_wire() == before + 6)
    assert "FaultRaised" in await bench.event_types()


async def test_in_safe_mode_nothing_is_loaded(bench):
    await keeps_dying(bench)
    order = bench.cloud.expect()
    await bench.hand_over()
    before = bench.openings_on_the_wire()
    await bench.edge.entrance.scanned(bench.cloud.badge())
    answer = await bench.edge.entrance.scanned(codes.parcel_label(order.parcel))
    assert (answer.kind, answer.refusal) == ("refused", "safe_mode")
    assert bench.openings_on_the_wire() == before


async def test_in_safe_mode_nothing_opens_from_afar(bench):
    order = await bench.loaded()
    await keeps_dying(bench)
    bench.knows_time()
    session = Session(epoch=bench.edge.store.epoch, n=7)
    door = bench.door_of(order)
    deadline = int((time.time() + 10) * 1000)
    command = bench.cloud.open_door(session, door, bench.box(door).occupancy, deadline_ms=deadline)
    before = bench.openings_on_the_wire()
    await bench.edge.commands.take(command, session)
    ended = [event.data for event in await bench.events() if event.type == "CommandEnded"]
    assert [(each["outcome"], each["reason"]) for each in ended] == [("rejected", "safe_mode")]
    assert bench.openings_on_the_wire() == before


async def test_tidy_restarts_do_not_begin_it_and_do_not_end_it(bench):
    for _ in range(ENDS + 1):
        await bench.stop()
        await bench.start()
    assert not bench.edge.cabinet.is_safe
    await keeps_dying(bench)
    await bench.stop()
    await bench.start()
    assert bench.edge.cabinet.is_safe


async def test_it_ends_after_a_quiet_time(bench):
    bench.settings = bench.settings.model_copy(update={"safe_within_min": 0.1})
    await keeps_dying(bench)
    await over(bench)
    await dies(bench)
    assert not bench.edge.cabinet.is_safe


async def test_it_ends_when_an_operator_says_so_and_may_begin_again(bench):
    await bench.hand_over()
    await keeps_dying(bench)
    await says_settings(bench, 1)
    await over(bench)
    await keeps_dying(bench)
    await says_settings(bench, 1)
    await bench.edge.safe_mode.look()
    assert bench.edge.cabinet.is_safe
    await says_settings(bench, 2)
    await over(bench)


def test_ends_that_lie_far_apart_do_not_add_up():
    counted, limit = Counted(), Limit(3, 10)
    for at in range(0, 100, 5):
        counted = counted.ended_abnormally(at * 60_000 * 2, limit)
    assert not counted.is_on
    for at in (200, 201, 202):
        counted = counted.ended_abnormally(at * 60_000, limit)
    assert counted.is_on


def test_a_limit_of_none_never_begins_it():
    counted = Counted()
    for _ in range(100):
        counted = counted.ended_abnormally(0, Limit(0, 10))
    assert not counted.is_on
