"""The broker is killed in mid-stream and forgets everything: no event is lost, no command fires twice."""

import time
from pathlib import Path

import pytest

from config.contract.events import InsideCalled
from config.contract.messages import Presence
from config.contract.topics import Leaf
from controller.store import Change
from tests.edge.bench import Bench, cabinet_file
from tests.edge.far_side import Broker, Cloud
from tests.proofs import Reached


def said_again(cloud: Cloud, commands: dict[str, bytes]) -> None:
    """All commands there ever were, once more."""
    for command in commands.values():
        cloud.say(Leaf.COMMANDS, command)


async def opens(bench: Bench, label: str) -> None:
    await bench.until(lambda: bench.box(label).door.is_open, 10)


async def shut(bench: Bench, label: str) -> None:
    """Whoever sees an open door shuts it."""
    if bench.box(label).door.is_open:
        await bench.shut(label)
        await bench.until(lambda: bench.box(label).opening is None)


async def killed(folder: Path, kind: str, times: int, reached: Reached) -> None:
    commands: dict[str, bytes] = {}
    broker = Broker(kind, folder)
    broker.start()
    bench = Bench(folder, cabinet_file(), reconnect_s=0.5, sync_s=1)
    bench.broker_url = broker.url
    cloud = Cloud(bench.cloud, broker.url)
    await bench.plug_in()
    try:
        await bench.start()
        await bench.hand_over()
        edge = bench.edge
        for n in range(times):
            await bench.until(lambda: edge.uplink.connected and edge.clock.sync_age() < 10, 30)
            await bench.until(lambda: cloud.session == edge.uplink._session, 30)
            deadline = int(time.time() * 1000) + 5000
            label = f"{n % 6 + 1:02d}"
            await shut(bench, label)
            shown = edge.screen.shown()  # with the screen's number it needs no budget
            command = bench.cloud.open_door(
                cloud.session, label, None, id=f"{n:016x}", purpose="service", deadline_ms=deadline,
                presence=Presence(nonce=shown.nonce, number=shown.number),
            )  # fmt: skip
            commands[f"{n:016x}"] = command
            for _ in range(3):
                cloud.say(Leaf.COMMANDS, command)
            for _ in range(20):
                await edge.cabinet.record(Change(facts=(InsideCalled(),)))
            if n % 2 == 0:  # every other time the command has fired when the broker dies
                await opens(bench, label)
            broker.kill()
            broker.start()
        await bench.until(lambda: edge.store.through == edge.store.seq, 60)
        rows = await edge.store.events_after(0, 1 << 20, 1 << 30)
        assert rows is not None
        assert [cloud.kept[n + 1] for n in range(len(rows.lines))] == list(rows.lines)
        said_again(cloud, commands)
        await bench.until(lambda: edge.uplink.connected, 30)
        await edge.cabinet.record(Change(facts=(InsideCalled(),)))
        await bench.until(lambda: edge.store.through == edge.store.seq, 60)
        fired = [event.data["command"] for event in await bench.events() if event.type == "OpeningStarted"]
        twice = len(fired) - len(set(fired))
        figure = f"0 of {len(rows.lines)} lost, {twice} of {len(fired)} fired twice"
        reached("R6", goal=f"0 lost, 0 fired twice in {times} kills", figure=figure)
        assert twice == 0
        assert set(fired) <= set(commands)
        assert len(fired) >= times / 2, "hardly a command came through: this shows nothing"
        assert bench.openings_on_the_wire() == len(fired), "a pulse without an opening of its own"
    finally:
        await bench.stop()
        bench.served.unplug()
        cloud.stop()
        broker.kill()


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
async def test_a_killed_broker_costs_nothing(tmp_path, kind, reached):
    await killed(tmp_path, kind, 3, reached)


@pytest.mark.hard
@pytest.mark.row("R6")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
async def test_r6_a_hundred_kills_cost_nothing(tmp_path, kind, reached):
    await killed(tmp_path, kind, 100, reached)
