"""The broker is gone for a day: nothing is lost, order is kept, and the backlog drains in a minute."""

import time
from pathlib import Path

import pytest

from tests.hard.both_sides import both_sides, resident_bytes

LEAST_RATE = 170
RSS_GROWTH = 20 << 20


async def outage(folder: Path, events: int, reached) -> None:
    async with both_sides(folder) as both:
        await both.evening(20)
        await both.drained()
        both.network.cut()
        await both.bench.until(lambda: not both.edge.uplink.connected, 10)
        await both.evening(events // 2)
        before = resident_bytes()
        backlog = both.edge.store.seq - both.edge.store.through
        assert backlog >= events - 20
        both.network.heal()
        await both.bench.until(lambda: both.edge.uplink.connected, 60)
        began = time.monotonic()
        await both.bench.until(lambda: both.edge.store.through == both.edge.store.seq, 120)
        rate, growth = backlog / (time.monotonic() - began), resident_bytes() - before
        reached("R4", goal=f"≥ {LEAST_RATE} events/s", figure=f"{rate:.0f} events/s of {backlog}")
        reached("R4", goal="< 20 MiB more memory", figure=f"{growth / 2**20:.1f} MiB")
        assert rate >= LEAST_RATE
        assert growth < RSS_GROWTH
        await both.drained()


async def test_an_outage_is_made_good_at_once(tmp_path, reached):
    await outage(tmp_path, 1000, reached)


@pytest.mark.hard
@pytest.mark.row("R4")
@pytest.mark.timeout(600)
async def test_r4_ten_thousand_events_drain_in_a_minute(tmp_path, reached):
    await outage(tmp_path, 10_000, reached)
