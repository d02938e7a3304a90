"""A command whose deadline is over makes no pulse, whatever network and broker hold up, keep or repeat."""

import asyncio
import time

import pytest

from config.contract.messages import Session
from config.contract.topics import Leaf
from tests.edge.bench import Bench
from tests.edge.far_side import Cloud
from tests.hard.behind_a_network import behind_a_network

GOOD_FOR_S = 0.6


async def synced(bench: Bench, cloud: Cloud) -> Session:
    """The session in which both sides know each other and the time."""
    edge = bench.edge
    await bench.until(lambda: edge.uplink.connected and edge.clock.sync_age() < 10, 30)
    await bench.until(lambda: cloud.session == edge.uplink._session, 30)
    return cloud.session


async def refusals(bench: Bench) -> dict[str, str]:
    """Command → why it was refused."""
    ended = [event.data for event in await bench.events() if event.type == "CommandEnded"]
    return {each["command"]: each["reason"] for each in ended if each["outcome"] == "rejected"}


@pytest.mark.row("O4")
@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
async def test_o4_what_a_broker_holds_up_keeps_or_repeats_makes_no_late_pulse(tmp_path, kind, reached):
    async with behind_a_network(tmp_path, kind) as (bench, cloud, network, broker):
        network.repeats = 3
        await bench.hand_over()
        now = await synced(bench, cloud)
        deadline_ms = int((time.time() + GOOD_FOR_S) * 1000)
        sessions = {"01": now, "02": Session(epoch=now.epoch, n=now.n + 1), "03": now}
        commands = [
            bench.cloud.open_door(session, label, None, purpose="service", deadline_ms=deadline_ms)
            for label, session in sessions.items()
        ]
        network.stall()
        cloud.say(Leaf.COMMANDS, commands[0])
        cloud.say(Leaf.COMMANDS, commands[1], retain=True)
        await bench.until(lambda: time.time() * 1000 > deadline_ms)
        network.heal()
        network.repeats = 3  # in flight, and now delivered four times
        await bench.until(lambda: bench.edge.store.seq == bench.edge.store.through, 15)
        network.cut()
        await bench.until(lambda: not bench.edge.uplink.connected, 10)
        network.heal()
        await synced(bench, cloud)
        broker.kill()
        broker.start()
        await synced(bench, cloud)
        for command in commands:
            cloud.say(Leaf.COMMANDS, command)
        for _ in range(500):
            if len(reasons := await refusals(bench)) == len(commands):
                break
            await asyncio.sleep(0.02)
        pulses = bench.openings_on_the_wire()
        figure = f"{pulses} of {len(commands)}, brought again and again"
        reached("O4", goal="0 late pulses, whatever the broker does", figure=figure)
        assert pulses == 0
        assert set(reasons.values()) <= {"late", "other_session", "no_time"}
        assert len(reasons) == len(commands)
        assert "late" in reasons.values()
