"""Last wills of dead sessions race the births of new ones; presence is never wrong for long."""

import asyncio
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from config.contract import signing
from config.contract.topics import Leaf, topic
from tests.service.conftest import started

WRONG_AT_MOST_S = 5.0


class Life:
    """One connection of a cabinet, with its last will; ended without a word."""

    def __init__(self, cabinet) -> None:
        identity = cabinet.identity
        self.session = cabinet.session
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"life-{cabinet.n}", reconnect_on_failure=False
        )
        self.client.username_pw_set(identity.broker_login, identity.broker_password)
        will = signing.mac(cabinet.keys, Leaf.STATUS, cabinet.status("offline").body())
        birth = signing.mac(cabinet.keys, Leaf.STATUS, cabinet.status().body())
        where = topic(cabinet.id, Leaf.STATUS)
        self.client.will_set(where, will, qos=1, retain=True)
        self.client.on_connect = lambda client, *_: client.publish(where, birth, qos=1, retain=True)
        parts = urlsplit(identity.broker_url)
        self.client.connect(parts.hostname or "", parts.port or 0)
        self.client.loop_start()

    def kill(self) -> None:
        """Its loop hears of it at once, and does not come back."""
        connection = self.client.socket()
        assert connection is not None
        connection.shutdown(socket.SHUT_RDWR)
        self.client.loop_stop()


async def lives(folder: Path, broker: str, number: int, reached) -> None:
    async with started(folder, broker=broker) as service:
        cabinet = await service.enrolled()
        online, longest = service.parts.online, 0.0
        for _ in range(number):
            cabinet.n += 1
            life = await asyncio.to_thread(Life, cabinet)
            began = time.monotonic()
            while online.session(cabinet.id) != life.session:
                assert time.monotonic() - began < WRONG_AT_MOST_S
                await asyncio.sleep(0.005)
            longest = max(longest, time.monotonic() - began)
            await asyncio.to_thread(life.kill)
        cabinet.n += 1
        life = await asyncio.to_thread(Life, cabinet)
        try:
            await asyncio.sleep(WRONG_AT_MOST_S / 2)  # late wills of all the dead
            assert online.session(cabinet.id) == life.session
        finally:
            await asyncio.to_thread(life.kill)
        reached("N5", goal=f"wrong ≤ {WRONG_AT_MOST_S:.0f} s", figure=f"{longest:.3f} s in {number} lives")


@pytest.mark.parametrize("broker", ["nats", "mosquitto"])
async def test_presence_follows_the_latest_session(tmp_path, broker, reached):
    await lives(tmp_path / "cloud", broker, 6, reached)


@pytest.mark.hard
@pytest.mark.row("N5")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("broker", ["nats", "mosquitto"])
async def test_n5_a_thousand_deaths_and_births(tmp_path, broker, reached):
    await lives(tmp_path / "cloud", broker, 1000, reached)
