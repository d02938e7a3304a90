"""The broker is killed in mid-stream and forgets everything: no event is lost, no command fires twice."""

import time
from pathlib import Path

import pytest

from config.contract.events import InsideCalled
from config.contract.topics import Leaf
from controller.store import Change
from tests.edge.bench import Bench, cabinet_file
from tests.edge.far_side import Broker, Cloud


async def killed(folder: Path, kind: str, times: int) -> None:
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
            deadline = int(time.time() * 1000) + 5000
            label = f"{n % 6 + 1:02d}"
            command = bench.cloud.open_door(
                cloud.session, label, None, purpose="service", deadline_ms=deadline
            )
            for _ in range(3):
                cloud.say(Leaf.COMMANDS, command)
            for _ in range(20):
                await edge.cabinet.record(Change(facts=(InsideCalled(),)))
            broker.kill()
            broker.start()
        await bench.until(lambda: edge.store.through == edge.store.seq, 60)
        rows = await edge.store.events_after(0, 1 << 20, 1 << 30)
        assert rows is not None
        assert [cloud.kept[n + 1] for n in range(len(rows.lines))] == list(rows.lines)
        openings = [event.data["opening"] for event in await bench.events() if event.type == "OpeningStarted"]
        commands = [
            event.data.get("command") for event in await bench.events() if event.type == "OpeningStarted"
        ]
        assert len(openings) == len(set(commands))
    finally:
        await bench.stop()
        bench.served.unplug()
        cloud.stop()
        broker.kill()


@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
async def test_a_killed_broker_costs_nothing(tmp_path, kind):
    await killed(tmp_path, kind, 3)


@pytest.mark.hard
@pytest.mark.row("R6")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["nats", "mosquitto"])
async def test_r6_a_hundred_kills_cost_nothing(tmp_path, kind):
    await killed(tmp_path, kind, 100)
