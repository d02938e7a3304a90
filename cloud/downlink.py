"""The cloud's end of the wire to all cabinets; the only file of the cloud that knows the MQTT library.

paho runs on a thread of its own. Messages cross into the event loop at exactly one place, ``_arrived``.
The inbox is bounded: what does not fit is dropped and counted, and the cabinet says it again, because only
an ack after our commit lets it forget. An exception in one of paho's callbacks would end its thread while
``is_connected()`` stays true, so none gets out.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion

from cloud.vault import new_secret
from config.contract.topics import FROM_CABINET

LARGEST_INBOX = 50_000
IN_FLIGHT = 2000
KEEPALIVE_S = 20
"""paho finds a connection that passes nothing after two of these."""
CONNECT_TIMEOUT_S = 2
RECONNECT_S = (1, 5)
SUBSCRIPTIONS = [(f"tg/v1/+/+/{leaf}", 1) for leaf in sorted(FROM_CABINET)]

log = structlog.get_logger("downlink")


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as it came. ``retained``: kept by the broker, so it may be old."""

    topic: str
    payload: bytes
    retained: bool


class BadBrokerUrl(ValueError):
    """A broker URL that cannot be used; says what is wrong with it, without its password."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    host: str
    port: int
    user: str
    password: str

    @classmethod
    def parse(cls, url: str) -> "BrokerAddress":
        """From ``mqtt://user:password@host:port``."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise BadBrokerUrl(f"broker_url: {error}") from error
        if parts.scheme != "mqtt" or not host:
            raise BadBrokerUrl(f"broker_url must be mqtt://user:password@host:port, not {parts.scheme}://…")
        return cls(host, port or 1883, unquote(parts.username or ""), unquote(parts.password or ""))

    @property
    def public(self) -> str:
        """Without login, as cabinets are told it."""
        return f"mqtt://{self.host}:{self.port}"


class Downlink:
    """Hears every cabinet, speaks to one."""

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address
        self._inbox: deque[Heard] = deque()
        self._waiting = asyncio.Event()
        self._awake = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._client = self._new_client()
        self._subscribed = threading.Event()
        self.dropped = 0
        self.connects = 0
        self.faults = 0

    @property
    def is_up(self) -> bool:
        """Connected, and every subscription granted."""
        return self._subscribed.is_set() and self._thread.is_alive()

    @property
    def backlog(self) -> int:
        return len(self._inbox)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def wait_until_up(self, timeout_s: float) -> bool:
        return await asyncio.to_thread(self._subscribed.wait, timeout_s)

    async def stop(self) -> None:
        self._stopping.set()
        with contextlib.suppress(Exception):  # whatever paho thinks of it: the thread ends below
            self._client.disconnect()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, 5)

    async def heard(self, most: int) -> list[Heard]:
        """Wait for messages, then take up to ``most`` of what is there."""
        while not self._inbox:
            self._waiting.clear()
            self._awake = False
            if not self._inbox:
                await self._waiting.wait()
        return [self._inbox.popleft() for _ in range(min(most, len(self._inbox)))]

    def say(self, topic: str, payload: bytes) -> bool:
        """Publish at QoS 1. False when there is no connection: nothing is kept for later."""
        if not self.is_up:
            return False
        return self._client.publish(topic, payload, qos=1).rc == paho.MQTT_ERR_SUCCESS

    # --- on paho's thread ---

    def _new_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"cloud-{new_secret()[:12]}",  # fresh each time: nobody can guess it and take it over
            clean_session=True,
            protocol=paho.MQTTv311,
        )
        client.username_pw_set(self._address.user, self._address.password)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.reconnect_delay_set(*RECONNECT_S)
        client.max_inflight_messages_set(IN_FLIGHT)
        client.max_queued_messages_set(LARGEST_INBOX)
        client.on_connect = self._safely(self._connected)
        client.on_disconnect = self._safely(self._disconnected)
        client.on_subscribe = self._safely(self._granted)
        client.on_message = self._safely(self._arrived)
        return client

    def _safely(self, callback: Callable[..., None]) -> Callable[..., None]:
        def call(*args: Any) -> None:
            try:
                callback(*args)
            except Exception:
                self.faults += 1
                log.exception("mqtt callback failed", callback=callback.__name__)

        return call

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._client.connect_async(self._address.host, self._address.port, KEEPALIVE_S)
                self._client.loop_forever(retry_first_connection=True)
            except Exception:
                self.faults += 1
                log.exception("mqtt loop failed")
            self._subscribed.clear()
            self._stopping.wait(RECONNECT_S[0])

    def _connected(self, client: paho.Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        if reason.is_failure:
            log.error("broker refused the cloud", reason=str(reason), broker=self._address.public)
            return
        self.connects += 1
        client.subscribe(SUBSCRIPTIONS)

    def _granted(self, client: paho.Client, _u: Any, _mid: int, reasons: list[Any], _p: Any) -> None:
        refused = [
            topic for (topic, _), reason in zip(SUBSCRIPTIONS, reasons, strict=True) if reason.is_failure
        ]
        if refused:
            log.error("broker refused subscriptions", topics=refused, broker=self._address.public)
            client.disconnect()  # the loop in _run connects again: perhaps the rights are being reloaded
            return
        self._subscribed.set()
        log.info("connected", broker=self._address.public)

    def _disconnected(self, _c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        self._subscribed.clear()
        if not self._stopping.is_set():
            log.warning("connection to the broker lost", reason=str(reason))

    def _arrived(self, _c: Any, _u: Any, message: paho.MQTTMessage) -> None:
        """The crossing: append is atomic, and the loop is woken once, not once a message."""
        if len(self._inbox) >= LARGEST_INBOX:
            self.dropped += 1
            return
        self._inbox.append(Heard(message.topic, bytes(message.payload), message.retain))
        if not self._awake and self._loop is not None:
            self._awake = True
            with contextlib.suppress(RuntimeError):  # the loop has closed: we are stopping
                self._loop.call_soon_threadsafe(self._waiting.set)
