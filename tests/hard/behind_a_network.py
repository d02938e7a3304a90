"""A real edge in this process, a broker of either kind, and a network between that a test can spoil."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from simulators.network import Network
from tests.edge.bench import Bench, cabinet_file
from tests.edge.far_side import Broker, Cloud


@asynccontextmanager
async def behind_a_network(
    folder: Path, kind: str, **settings: Any
) -> AsyncIterator[tuple[Bench, Cloud, Network, Broker]]:
    broker, network = Broker(kind, folder), Network()
    broker.start()
    network.target = ("127.0.0.1", broker.port)
    bench = Bench(folder, cabinet_file(), **{"reconnect_s": 0.5, "sync_s": 1, **settings})
    bench.broker_url = f"mqtt://127.0.0.1:{await network.start()}"
    cloud = Cloud(bench.cloud, broker.url)
    await bench.plug_in()
    try:
        await bench.start()
        await bench.until(lambda: bench.edge.store.through > 0, 15)
        yield bench, cloud, network, broker
    finally:
        await bench.stop()
        bench.served.unplug()
        await network.stop()
        cloud.stop()
        broker.kill()
