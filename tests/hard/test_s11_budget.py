"""Whoever has stolen the key that signs commands opens three doors a minute and twenty an hour, no more."""

import time

import pytest

from config.contract.messages import CabinetSettings, Session
from controller.clock import boot_seconds
from controller.commands import Budget
from tests.edge.bench import Bench, cabinet_file

MINUTE_MS, HOUR_MS = 60_000, 3_600_000


@pytest.mark.row("S11")
@pytest.mark.parametrize("days", [1, pytest.param(30, marks=[pytest.mark.hard, pytest.mark.timeout(900)])])
def test_s11_a_command_every_second_opens_three_a_minute_and_twenty_an_hour(days):
    budget, opened = Budget(), []
    for now in range(0, days * 24 * HOUR_MS, 1000):
        if budget.allows(now, CabinetSettings()):
            budget = budget.spent(now)
            opened.append(now)
    for at, first in enumerate(opened):
        assert sum(now - first < MINUTE_MS for now in opened[at : at + 30]) <= 3
        assert sum(now - first < HOUR_MS for now in opened[at : at + 30]) <= 20
    assert len(opened) >= days * 24 * 20 - 20, "and an operator may open that many"


@pytest.mark.row("S11")
async def test_s11_an_open_all_that_is_validly_signed_opens_three_doors(tmp_path):
    """A cloud that tells a later time with every command gains nothing by it; nor does a restart."""
    bench = Bench(tmp_path, cabinet_file())
    await bench.plug_in()
    await bench.start()
    try:
        session = Session(epoch=bench.edge.store.epoch, n=7)
        await bench.hand_over()
        before = bench.openings_on_the_wire()
        for n, label in enumerate(bench.edge.cabinet.boxes):
            if n == 4:
                await bench.until(lambda: bench.openings_on_the_wire() == before + 3)
                await bench.stop()
                await bench.start()
            told_ms = int(time.time() * 1000) + n * 2 * HOUR_MS
            bench.edge.clock.synced(boot_seconds(), told_ms)
            command = bench.cloud.open_door(
                session, label, None, purpose="service", deadline_ms=told_ms + 10_000
            )
            await bench.edge.commands.take(command, session)
        ended = [e.data for e in await bench.events() if e.type == "CommandEnded"]
        assert bench.openings_on_the_wire() == before + 3
        rejected = [each["reason"] for each in ended if each["outcome"] == "rejected"]
        assert rejected == ["budget"] * 3
    finally:
        await bench.stop()
        bench.served.unplug()
