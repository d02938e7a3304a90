"""A link that comes and goes: nothing lost, one session at a time, and no haste in coming back."""

import asyncio
import time

import pytest

from tests.hard.test_n1_half_open import behind_a_network


async def flap(folder, kind, cycles, record_property) -> None:
    async with behind_a_network(folder, kind) as (bench, cloud, network):
        alive, begun = [], [time.monotonic()]
        for n in range(cycles):
            sessions = len(cloud.statuses)
            network.cut()
            await bench.edge.commands._cabinet.record(edge_change(n))
            await asyncio.sleep(0.5)
            network.heal()
            began = time.monotonic()
            while time.monotonic() - began < 0.5:
                alive.append(len(network._tasks))
                if len(cloud.statuses) > sessions:
                    sessions = len(cloud.statuses)
                    begun.append(time.monotonic())
                await asyncio.sleep(0.02)
        await bench.until(lambda: bench.edge.store.through == bench.edge.store.seq, 60)
        rows = await bench.edge.store.events_after(0, 1 << 20, 1 << 30)
        assert [cloud.kept[n + 1] for n in range(len(rows.lines))] == list(rows.lines)
        assert max(alive) <= 1
        record_property("sessions", len(begun))


def edge_change(n):
    from config.contract.events import InsideCalled
    from controller.store import Change

    return Change(facts=(InsideCalled(first_door=f"{n % 6 + 1:02d}"),))


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
async def test_a_flapping_link_loses_nothing(tmp_path, kind, record_property):
    await flap(tmp_path, kind, 5, record_property)


@pytest.mark.hard
@pytest.mark.row("N2")
@pytest.mark.timeout(900)
async def test_n2_an_hour_of_flapping_ten_times_as_fast(tmp_path, record_property):
    await flap(tmp_path, "mosquitto", 360, record_property)
