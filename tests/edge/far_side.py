"""What an edge sees of the world: a broker of the test's own, and a cloud as it is on the wire."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from config.contract.events import Event
from config.contract.messages import Ack, Batch, Reported, Status, Sync
from config.contract.signing import check_mac, mac
from config.contract.topics import Leaf, parse, topic
from tests.edge.bench import CABINET


class Broker:
    """A broker of this test, on a port of its own; nobody has to log in."""

    def __init__(self, kind, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._command = {"mosquitto": self._mosquitto, "nats": self._nats}[kind](folder)
        self._process = None

    def _mosquitto(self, folder):
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n", encoding="utf-8")
        return ["mosquitto", "-c", str(config)]

    def _nats(self, folder):
        config = folder / "nats.conf"
        config.write_text(
            f'server_name: test\nhost: 127.0.0.1\nport: -1\njetstream {{ store_dir: "{folder}/js" }}\n'
            f"mqtt {{ host: 127.0.0.1, port: {self.port} }}\n",
            encoding="utf-8",
        )
        return [str(Path(sys.executable).parent / "nats-server"), "-c", str(config)]

    @property
    def url(self):
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
                return
            time.sleep(0.02)
        raise AssertionError("the broker does not listen")

    def kill(self):
        self._process.kill()
        self._process.wait()

    def freeze(self):
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self._process.pid, signal.SIGCONT)


class Cloud:
    """What a cloud does on the wire: hears, keeps, acks after keeping. ``deaf`` keeps but does not ack."""

    def __init__(self, keys, url):
        self.keys = keys
        self.kept = {}
        self.batches = 0
        self.statuses = []
        self.reported = None
        self.session = None
        self.deaf = False
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="cloud")
        self.client.on_connect = lambda c, *_: c.subscribe("tg/v1/#", 1)
        self.client.on_message = self._heard
        host, port = url.removeprefix("mqtt://").split(":")
        self.client.connect(host, int(port))
        self.client.reconnect_delay_set(1, 1)
        self.client.loop_start()

    def _heard(self, client, _data, message):
        leaf = parse(message.topic).leaf
        if leaf in (Leaf.ACK, Leaf.DESIRED, Leaf.COMMANDS):
            return
        body = check_mac(self.keys.cabinet, leaf, message.payload)
        if leaf is Leaf.STATUS:
            self.statuses.append(Status.read(body))
            self.session = self.statuses[-1].session
        elif leaf is Leaf.REPORTED:
            self.reported = Reported.read(body)
        elif leaf is Leaf.SYNC:
            sync = Sync.read(body)
            if not self.deaf:
                self._ack(sync.session, sync.nonce)
        elif leaf is Leaf.EVENTS:
            self._keep(Batch.read(body))

    def _keep(self, batch):
        self.batches += 1
        for line in batch.lines:
            event = Event.read(line)
            assert self.kept.setdefault(event.seq, line) == line, "one number, two events"
        if not self.deaf:
            self._ack(batch.head.session, batch.head.nonce)

    def through(self):
        n = 0
        while n + 1 in self.kept:
            n += 1
        return n

    def _ack(self, session, nonce):
        ack = Ack(
            session=session, nonce=nonce, epoch=session.epoch, through=self.through(),
            cloud_time_ms=int(time.time() * 1000),
        )  # fmt: skip
        self.client.publish(topic(CABINET, Leaf.ACK), mac(self.keys.cabinet, Leaf.ACK, ack.body()), 1)

    def say(self, leaf, message, *, retain=False):
        self.client.publish(topic(CABINET, leaf), message, 1, retain=retain)

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()
