"""A cabinet's login reaches its own topics and nothing else, on every broker we run."""

import asyncio
import json
import os
import queue
import signal
import socket
from pathlib import Path

import pytest

from config.contract.topics import Leaf, topic
from tests.service.conftest import Service, started, until
from tests.service.fake_cabinet import Mqtt

to = asyncio.to_thread


def as_login(service: Service, login: str, password: str) -> Mqtt:
    return Mqtt(service.parts.logins.public_url, login, password)


async def test_another_cabinets_subscriptions_get_nothing(on_both_brokers: Service) -> None:
    east = await on_both_brokers.connected()
    west = await on_both_brokers.connected("locker-modbus")
    mine = topic(east.id, Leaf.ACK)
    forbidden = [mine, topic(east.id, Leaf.COMMANDS), topic(east.id, Leaf.STATUS), "#", "tg/#", "+/+/+/+/ack",
                 "$MQTT/#", "$MQTT/sub/#", "$JS/#", "$SYS/#"]  # fmt: skip
    for name in forbidden:
        await to(west.mqtt.subscribe, name)  # some brokers grant it and deliver nothing
    await to(east.sync)
    await to(east.tell, east.event("CourierLeft", badge="ab" * 8, deposited=0))
    await to(west.sync)
    foreign = []
    while not west.mqtt.heard.empty():
        name, _ = west.mqtt.heard.get()
        foreign += [name] if not name.startswith(topic(west.id, Leaf.ACK)[:-4]) else []
    assert foreign == []


async def test_another_cabinets_publications_get_nowhere(on_both_brokers: Service) -> None:
    east = await on_both_brokers.connected()
    west = await on_both_brokers.connected("locker-modbus")
    before = on_both_brokers.parts.online.row(east.id)
    for leaf in Leaf:
        for retain in (False, True):
            await to(west.mqtt.publish, topic(east.id, leaf), b"forged", retain=retain)
    for internal in ("$MQTT/msgs/x", "$JS/API/STREAM/LIST", "$SYS/REQ/SERVER/PING"):
        await to(west.mqtt.publish, internal, b"", qos=0)
    await to(west.sync)  # whatever was sent before it has arrived by now
    assert on_both_brokers.parts.online.row(east.id) == before
    assert await on_both_brokers.parts.fleet.alarms() == []
    watcher = await to(as_login, on_both_brokers, east.identity.broker_login, east.identity.broker_password)
    for leaf in (Leaf.ACK, Leaf.DESIRED, Leaf.COMMANDS):
        await to(watcher.subscribe, topic(east.id, leaf))
    with pytest.raises(queue.Empty):
        await to(watcher.heard.get, True, 0.3)
    await to(watcher.close)


async def test_a_cabinet_cannot_speak_for_the_cloud_to_itself(on_both_brokers: Service) -> None:
    east = await on_both_brokers.connected()
    await to(east.mqtt.publish, topic(east.id, Leaf.COMMANDS), b"forged")
    with pytest.raises(queue.Empty):
        await to(east.hear, Leaf.COMMANDS, 0.3)


async def test_a_wrong_password_is_refused(on_both_brokers: Service) -> None:
    east = await on_both_brokers.enrolled()
    stranger = await to(as_login, on_both_brokers, east.identity.broker_login, "wrong")
    assert not stranger.connected
    await to(stranger.close)


async def test_enrolling_another_cabinet_disconnects_nobody(on_both_brokers: Service) -> None:
    east = await on_both_brokers.connected()
    connects = on_both_brokers.parts.downlink.connects
    west = await on_both_brokers.connected("locker-modbus")
    assert (await to(west.sync)).through == 0
    await to(east.mqtt.publish, topic(east.id, Leaf.TELEMETRY), b"still connected")
    assert (await to(east.sync)).through == 0
    assert on_both_brokers.parts.downlink.connects == connects


async def test_enrolling_anew_makes_the_earlier_identity_void(on_both_brokers: Service) -> None:
    first = await on_both_brokers.enrolled()
    second = await on_both_brokers.connected()
    old = await to(as_login, on_both_brokers, first.identity.broker_login, first.identity.broker_password)
    assert not old.connected
    await to(old.close)
    assert (await to(second.sync)).through == 0


async def test_no_login_works_on_the_native_port_of_nats(service: Service, tmp_path: Path) -> None:
    east = await service.enrolled()
    ports = json.loads(next((tmp_path / "cloud" / "broker").glob("*.ports")).read_text())
    port = int(ports["nats"][0].rsplit(":", 1)[1])
    login = {"user": east.identity.broker_login, "pass": east.identity.broker_password, "verbose": False}
    for offered in (login, {"verbose": False}):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            line.recv(4096)
            line.sendall(f"CONNECT {json.dumps(offered)}\r\nSUB tg.> 1\r\nPING\r\n".encode())
            assert line.recv(4096).startswith(b"-ERR 'Authorization Violation'")


async def test_a_killed_broker_comes_back_and_the_cabinets_with_it(on_both_brokers: Service) -> None:
    east = await on_both_brokers.connected()
    broker = on_both_brokers.parts.broker
    assert broker is not None
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)
    await to(east.close)

    async def back() -> bool:
        return broker.restarts == 1 and on_both_brokers.parts.downlink.is_up

    await until(back, 20)
    await to(east.connect)
    assert (await to(east.tell, east.event("CourierLeft", badge="ab" * 8, deposited=0))).through == 1


async def test_the_broker_keeps_its_port_over_a_restart_of_the_cloud(tmp_path: Path) -> None:
    async with started(tmp_path / "cloud") as service:
        before = service.parts.logins.public_url
    async with started(tmp_path / "cloud") as service:
        assert service.parts.logins.public_url == before
