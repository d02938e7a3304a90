"""A link that comes and goes: nothing lost, one session at a time, and no haste in coming back."""

import asyncio
import time
from itertools import pairwise

import pytest

from config.contract.events import InsideCalled
from config.contract.topics import Leaf
from controller.store import Change
from tests.hard.behind_a_network import behind_a_network

RECONNECT_S = 0.5
"""As ``behind_a_network`` sets it; each wait is stretched by up to half."""


async def happens(bench, n):
    await bench.edge.cabinet.record(Change(facts=(InsideCalled(first_door=f"{n % 6 + 1:02d}"),)))


async def all_there(bench, cloud):
    await bench.until(lambda: bench.edge.store.through == bench.edge.store.seq, 60)
    rows = await bench.edge.store.events_after(0, 1 << 20, 1 << 30)
    assert [cloud.kept[n + 1] for n in range(len(rows.lines))] == list(rows.lines)
    return len(rows.lines)


def waits(network, since=0.0):
    """Between one knock and the next."""
    return [later - earlier for earlier, later in pairwise(at for at in network.knocks if at > since)]


async def flap(folder, kind, cycles, reached) -> None:
    async with behind_a_network(folder, kind) as (bench, cloud, network, _):
        alive = 0
        for n in range(cycles):
            network.cut()
            await happens(bench, n)
            await asyncio.sleep(0.5)
            network.heal()
            began = time.monotonic()
            while time.monotonic() - began < 0.5:
                alive = max(alive, len(network._passing) // 2)
                await asyncio.sleep(0.02)
        events = await all_there(bench, cloud)
        reached("N2", goal="0 lost", figure=f"0 of {events} in {cycles} cycles")
        reached("N2", goal="≤ 1 connection at a time", figure=f"{alive}")
        shortest = min(waits(network))
        reached("N2", goal=f"≥ {RECONNECT_S} s between attempts", figure=f"{shortest:.2f} s")
        assert alive <= 1
        assert shortest >= RECONNECT_S


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
async def test_a_flapping_link_loses_nothing(tmp_path, kind, reached):
    await flap(tmp_path, kind, 5, reached)


@pytest.mark.hard
@pytest.mark.row("N2")
@pytest.mark.timeout(900)
async def test_n2_an_hour_of_flapping_ten_times_as_fast(tmp_path, reached):
    await flap(tmp_path, "mosquitto", 360, reached)


@pytest.mark.row("N2")
async def test_n2_waits_grow_while_nobody_answers_and_are_never_the_same(tmp_path, reached):
    async with behind_a_network(tmp_path, "mosquitto") as (bench, cloud, network, _):
        since = time.monotonic()
        network.cut()
        await bench.until(lambda: len(waits(network, since)) >= 3, 30)
        found = waits(network, since)[:3]
        told = ", ".join(f"{wait:.2f}" for wait in found)
        reached("N2", goal="waits double, stretched by up to half", figure=f"{told} s")
        for n, wait in enumerate(found, 1):
            assert RECONNECT_S * 2**n <= wait <= 1.5 * RECONNECT_S * 2**n + 1.0, found
        stretched = [wait / (RECONNECT_S * 2**n) for n, wait in enumerate(found, 1)]
        assert len({round(each, 3) for each in stretched}) > 1, "no jitter"
        network.heal()
        await happens(bench, 0)
        await all_there(bench, cloud)


@pytest.mark.row("N2")
@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
async def test_n2_a_slow_link_that_repeats_everything_changes_nothing(tmp_path, kind, reached):
    async with behind_a_network(tmp_path, kind) as (bench, cloud, network, _):
        await bench.hand_over()
        network.repeats, network.delay_s, network.bytes_s = 2, 0.05, 20_000
        session = cloud.session
        network.cut()
        network.is_cut = False
        await bench.until(lambda: cloud.session != session, 30)
        await bench.until(lambda: bench.edge.clock.sync_age() < 10, 30)
        for n in range(6):
            await happens(bench, n)
            deadline = int(time.time() * 1000) + 8000
            told = {"purpose": "service", "deadline_ms": deadline}
            cloud.say(Leaf.COMMANDS, bench.cloud.open_door(cloud.session, f"{n + 1:02d}", None, **told))
        await bench.until(lambda: bench.openings_on_the_wire() >= 3, 20)
        await asyncio.sleep(1)  # for what might come twice
        opened = [event.data["command"] for event in await bench.events() if event.type == "OpeningStarted"]
        events = await all_there(bench, cloud)
        figure = f"{len(opened)} openings of 6 commands said three times, 0 of {events} events lost"
        reached("N2", goal="0 lost, 0 fired twice", figure=figure)
        assert len(opened) == len(set(opened)) == bench.openings_on_the_wire()
