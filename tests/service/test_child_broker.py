"""The broker is a child of ours, or an error: whoever else listens on its port is not taken for it."""

import asyncio
import socket

import pytest

from cloud.broker.child import BrokerProblem, ChildBroker
from cloud.broker.kinds import MOSQUITTO, NATS


@pytest.fixture
def stranger():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.mark.parametrize("kind", [NATS, MOSQUITTO], ids=["nats", "mosquitto"])
async def test_a_port_that_somebody_else_listens_on_is_an_error(kind, stranger, tmp_path, monkeypatch):
    monkeypatch.setattr("cloud.broker.child.FREE_S", 0.2)
    port = stranger.getsockname()[1]
    broker = ChildBroker(kind, tmp_path, "127.0.0.1", port)
    with pytest.raises(BrokerProblem, match=rf"127\.0\.0\.1:{port}: Address already in use"):
        await broker.start([])
    assert broker.pid is None
    await broker.stop()


@pytest.mark.parametrize("kind", [NATS, MOSQUITTO], ids=["nats", "mosquitto"])
async def test_a_port_that_becomes_free_in_time_is_waited_for(kind, stranger, tmp_path):
    broker = ChildBroker(kind, tmp_path, "127.0.0.1", stranger.getsockname()[1])
    asyncio.get_running_loop().call_later(0.3, stranger.close)
    await broker.start([])
    assert broker.pid is not None
    await broker.stop()
