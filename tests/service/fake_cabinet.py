"""A cabinet that speaks the contract and has no doors: what an edge says, under a test's control."""

import base64
import itertools
import queue
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from config.cabinet import Cabinet
from config.contract import signing
from config.contract.events import BoxNow, Event
from config.contract.messages import (
    Ack,
    Applied,
    Batch,
    BatchHead,
    Clock,
    Desired,
    OpenDoor,
    Reported,
    Session,
    Status,
    Sync,
    digest_of,
)
from config.contract.topics import Leaf, topic

WAIT_S = 10


@dataclass
class Identity:
    """What the exchange of a token answers."""

    cabinet: str
    broker_url: str
    broker_login: str
    broker_password: str
    root_public: bytes
    cabinet_key: bytes

    @classmethod
    def read(cls, told: dict[str, str]) -> "Identity":
        keys = {name: base64.b64decode(told[name]) for name in ("root_public", "cabinet_key")}
        return cls(**{**told, **keys})


class Mqtt:
    """A plain MQTT client: what it was granted, what it heard."""

    patience_s = 5.0

    def __init__(self, url: str, login: str, password: str, client_id: str = "") -> None:
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._granted: dict[int, queue.Queue[list[bool]]] = {}
        self._answer: queue.Queue[Any] = queue.Queue()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id or f"test-{secrets.token_hex(6)}",
            protocol=paho.MQTTv311,
        )
        self._client.reconnect_delay_set(0.05, 1)  # a client that was thrown out is not closed before
        self._client.username_pw_set(login, password)
        self._client.on_connect = lambda *args: self._answer.put(args[3])
        self._client.on_message = lambda _c, _u, m: self.heard.put((m.topic, bytes(m.payload)))
        self._client.on_subscribe = lambda _c, _u, mid, codes, _p: self._granted.setdefault(
            mid, queue.Queue()
        ).put([not code.is_failure for code in codes])
        parts = urlsplit(url)
        self._client.connect(parts.hostname or "", parts.port or 0)
        self._client.loop_start()
        self.connected = not self._answer.get(timeout=WAIT_S).is_failure

    def subscribe(self, name: str) -> bool:
        """Whether the broker grants it."""
        _, mid = self._client.subscribe(name, qos=1)
        assert mid is not None
        return self._granted.setdefault(mid, queue.Queue()).get(timeout=WAIT_S)[0]

    def publish(self, name: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> None:
        self._client.publish(name, payload, qos=qos, retain=retain).wait_for_publish(self.patience_s)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@dataclass
class FakeCabinet:
    """Speaks as the cabinet of an identity. Keeps its own epoch, sequence and chain."""

    identity: Identity
    file: Cabinet
    epoch: str = field(default_factory=lambda: secrets.token_hex(8))
    n: int = 1
    seq: int = 0
    chain: str = signing.CHAIN_START
    _later: dict[str, list[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys = signing.CabinetKeys.derive(self.id, self.identity.cabinet_key)
        self.nonces = itertools.count(1)

    @property
    def id(self) -> str:
        return self.identity.cabinet

    @property
    def session(self) -> Session:
        return Session(epoch=self.epoch, n=self.n)

    def connect(self, *, say_hello: bool = True) -> "FakeCabinet":
        self.mqtt = Mqtt(self.identity.broker_url, self.identity.broker_login, self.identity.broker_password)
        assert self.mqtt.connected
        for leaf in (Leaf.ACK, Leaf.DESIRED, Leaf.COMMANDS):
            assert self.mqtt.subscribe(topic(self.id, leaf))
        if say_hello:
            self.say(Leaf.STATUS, self.status())
            self.sync()
        return self

    def close(self) -> None:
        self.mqtt.close()

    # --- speaking ---

    def say(self, leaf: Leaf, message: Any, *, retain: bool = False) -> None:
        self.publish(leaf, signing.mac(self.keys, leaf, message.body()), retain=retain)

    def publish(self, leaf: Leaf, payload: bytes, *, retain: bool = False) -> None:
        self.mqtt.publish(topic(self.id, leaf), payload, retain=retain)

    def status(self, state: Any = "online") -> Status:
        return Status(
            session=self.session, state=state, software="1.0", map_version="m1", clock=Clock.TRUSTED
        )

    def sync(self) -> Ack:
        nonce = secrets.token_hex(8)
        self.say(Leaf.SYNC, Sync(session=self.session, nonce=nonce))
        return self.ack(nonce)

    def event(self, kind: str, subject: str = "", /, **facts: Any) -> bytes:
        """The next event's line; counts and chains it."""
        self.seq += 1
        event = Event(
            id=f"{self.epoch}-{self.seq}",
            source=f"/cabinets/{self.id}",
            type=kind,
            time=datetime.now(UTC).isoformat(),
            subject=subject,
            data=facts,
            epoch=self.epoch,
            seq=self.seq,
            boot="b1",
            mono_ms=self.seq,
            clock=Clock.TRUSTED,
        )
        return event.line()

    def batch(self, *lines: bytes, first: int | None = None, head: str | None = None) -> Batch:
        """A batch of these lines; by default it goes on where the chain is, and the chain goes on with it."""
        start = self.seq - len(lines) + 1 if first is None else first
        batch = Batch(
            head=BatchHead(
                session=self.session, nonce=secrets.token_hex(8), epoch=self.epoch, first=start,
                count=len(lines), chain=self.chain if head is None else head,
            ),
            lines=lines,
        )  # fmt: skip
        if first is None and head is None:
            self.chain = batch.chain_after()
        return batch

    def send(self, batch: Batch) -> Ack:
        self.say(Leaf.EVENTS, batch)
        return self.ack(batch.head.nonce)

    def tell(self, *lines: bytes) -> Ack:
        """Events, acknowledged."""
        return self.send(self.batch(*lines))

    def report(self, *documents: Desired) -> None:
        applied = {d.name.value: Applied(version=d.version, hash=digest_of(d.content)) for d in documents}
        report = Reported(session=self.session, documents=applied, map_version="m1", map=self.file.map())
        self.say(Leaf.REPORTED, report)

    # --- hearing ---

    def hear(self, leaf: Leaf, timeout_s: float = WAIT_S) -> bytes:
        """The next message on a leaf; ``queue.Empty`` when none comes."""
        waiting = self._later.setdefault(leaf, [])
        until = time.monotonic() + timeout_s
        while not waiting:
            name, payload = self.mqtt.heard.get(timeout=max(0.01, until - time.monotonic()))
            self._later.setdefault(name.rsplit("/", 1)[1], []).append(payload)
        return waiting.pop(0)

    def ack(self, nonce: str | None = None, timeout_s: float = WAIT_S) -> Ack:
        """The ack to a nonce, with its MAC checked."""
        while True:
            ack = Ack.read(signing.check_mac(self.keys, Leaf.ACK, self.hear(Leaf.ACK, timeout_s)))
            if nonce in (None, ack.nonce):
                return ack

    def desired(self, public: dict[str, bytes], timeout_s: float = WAIT_S) -> Desired:
        """The next document, unsealed, its signature checked against these keys and the root."""
        message = signing.unseal(self.keys, "desired", self.hear(Leaf.DESIRED, timeout_s))
        by_root = {"root": self.identity.root_public}
        try:
            body = signing.check_signature(by_root, "keys", self.id, message)
        except signing.BadProof:
            body = signing.check_signature(public, "desired", self.id, message)
        return Desired.read(body)

    def command(self, public: dict[str, bytes], timeout_s: float = WAIT_S) -> OpenDoor:
        message = self.hear(Leaf.COMMANDS, timeout_s)
        return OpenDoor.read(signing.check_signature(public, "commands", self.id, message))


def box(label: str, state: Any = "vacant", door: Any = "closed", **more: Any) -> dict[str, Any]:
    return BoxNow(label=label, state=state, door=door, **more).model_dump(mode="json")


@dataclass
class Stay:
    """One parcel in one compartment, as events tell of it."""

    label: str
    occupancy: str
    order: str
    parcel: str

    def deposited(self, cabinet: FakeCabinet, opening: int = 1) -> bytes:
        return self._event(cabinet, "ParcelDeposited", "occupied", "load", "badge", opening, there=True)

    def collected(self, cabinet: FakeCabinet, opening: int = 2) -> bytes:
        return self._event(cabinet, "ParcelCollected", "vacant", "collect", "code", opening, there=False)

    def _event(
        self,
        cabinet: FakeCabinet,
        kind: str,
        state: str,
        purpose: str,
        proof: str,
        opening: int,
        *,
        there: bool,
    ) -> bytes:
        named = {"occupancy": self.occupancy, "order": self.order, "parcel": self.parcel}
        after = box(self.label, state, **(named if there else {}))
        return cabinet.event(
            kind, self.label, box=after, opening=opening, purpose=purpose, proof=proof, **named
        )
