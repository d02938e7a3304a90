"""A connection that stays open and passes nothing is found, on both brokers, within 1.5 keepalives."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.hard.behind_a_network import behind_a_network


async def half_open(folder: Path, kind: str, keepalive: int, reached, **settings: Any) -> None:
    async with behind_a_network(folder, kind, keepalive_s=keepalive, **settings) as (
        bench,
        cloud,
        network,
        _,
    ):
        network.stall()
        began = time.monotonic()
        await bench.until(lambda: not bench.edge.uplink.connected, 1.5 * keepalive)
        found = time.monotonic() - began
        reached("N1", goal=f"found ≤ {1.5 * keepalive:.0f} s", figure=f"{found:.1f} s")
        await bench.until(lambda: cloud.statuses[-1].state == "offline", 1.5 * keepalive + 5)
        await bench.hand_over()
        network.heal()
        await bench.until(lambda: bench.edge.store.through == bench.edge.store.seq, 30)


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
async def test_a_half_open_connection_is_found(tmp_path, kind, reached):
    await half_open(tmp_path, kind, 3, reached)


@pytest.mark.hard
@pytest.mark.row("N1")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
async def test_n1_a_half_open_connection_is_found_within_45_s(tmp_path, kind, reached):
    await half_open(tmp_path, kind, 30, reached, sync_s=30)
