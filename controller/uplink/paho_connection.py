"""A connection over paho, which runs a thread of its own.

Its callbacks do nothing but hand what they heard to the event loop, here and nowhere else.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from config.contract.messages import Session
from config.contract.topics import Leaf, topic
from controller.clock import boot_seconds
from controller.uplink.connection import Broker, Heard, SessionLost

log = structlog.get_logger(__name__)

INBOX = 500
INBOX_BYTES = 4 << 20
"""What the broker sends faster than we read it, or longer than this, is dropped and counted."""


class _Client(mqtt.Client):
    """paho's client, and when its thread last came round."""

    came_round_at = float("inf")

    def loop_misc(self) -> MQTTErrorCode:
        self.came_round_at = boot_seconds()
        return super().loop_misc()


class PahoConnection:
    """One paho client for one session. See ``Connection``."""

    def __init__(
        self, cabinet: str, broker: Broker, will: bytes, session: Session, *, keepalive_s: int
    ) -> None:
        self._cabinet = cabinet
        self._keepalive_s = keepalive_s
        self._unconfirmed: dict[int, float] = {}
        self._bytes = 0
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self.inbox: asyncio.Queue[Heard] = asyncio.Queue(INBOX)
        self.dropped = 0
        where = urlsplit(broker.url)
        self._where = (where.hostname or "", where.port or (8883 if where.scheme == "mqtts" else 1883))
        self._client = _Client(
            CallbackAPIVersion.VERSION2,
            # a client id of its own for every session: no takeover, no stall, and the will tells the session
            client_id=f"{cabinet}-{session.epoch[:8]}-{session.n}",
            clean_session=True,
            reconnect_on_failure=False,
        )
        if where.scheme == "mqtts":
            self._client.tls_set()
        self._client.username_pw_set(broker.login, broker.password)
        self._client.will_set(topic(cabinet, Leaf.STATUS), will, qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish

    async def open(self, timeout: float) -> None:
        """Connected and subscribed within ``timeout`` seconds; else ``SessionLost``."""
        self._client.connect_timeout = timeout
        try:
            await self._loop.run_in_executor(None, self._connect)
            async with asyncio.timeout(2 * timeout):
                await self._ready
        except (OSError, ValueError) as error:
            raise SessionLost(f"broker {self._where[0]}:{self._where[1]}: {error or 'no answer'}") from error

    def _connect(self) -> None:
        self._client.connect(*self._where, keepalive=self._keepalive_s)
        self._client.loop_start()

    def publish(self, leaf: Leaf, message: bytes, *, retain: bool = False) -> None:
        info = self._client.publish(topic(self._cabinet, leaf), message, qos=1, retain=retain)
        if info.rc != mqtt.MQTT_ERR_SUCCESS:
            raise SessionLost(mqtt.error_string(info.rc))
        if not info.is_published():
            self._unconfirmed[info.mid] = boot_seconds()

    def unconfirmed_s(self) -> float:
        """For how long the broker has owed us a PUBACK; 0 when it owes none."""
        return boot_seconds() - min(self._unconfirmed.values(), default=boot_seconds())

    def still_s(self) -> float:
        """For how long paho's thread has not come round; it does so at least once a second."""
        return boot_seconds() - self._client.came_round_at

    def taken(self, heard: Heard) -> None:
        """The message is off the inbox."""
        self._bytes -= len(heard.payload)

    def close(self) -> None:
        """Without a DISCONNECT, so that the broker speaks the last will."""
        self._client.on_disconnect = None
        open_socket = self._client.socket()
        if isinstance(open_socket, socket.socket):
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
        self._client.loop_stop()

    # --- on paho's thread: hand over, nothing else

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._hand_over(self._fail, f"the broker refused the connection: {reason}")
            return
        leaves = (Leaf.ACK, Leaf.DESIRED, Leaf.COMMANDS)
        self._client.subscribe([(topic(self._cabinet, leaf), 1) for leaf in leaves])

    def _on_subscribe(self, _client: Any, _data: Any, _mid: Any, reasons: Any, _properties: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._hand_over(self._fail, f"the broker refused a subscription: {refused[0]}")
        else:
            self._hand_over(self._succeed)

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        leaf = message.topic.rsplit("/", 1)[-1]
        if leaf in set(Leaf) and not message.retain:
            self._hand_over(self._put, Heard(Leaf(leaf), bytes(message.payload)))

    def _on_publish(self, _client: Any, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        self._hand_over(self._confirmed, mid)

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._hand_over(self._fail, f"the connection ended: {reason}")

    def _hand_over(self, what: Callable[..., None], *args: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended before this thread
            self._loop.call_soon_threadsafe(what, *args)

    # --- on the loop

    def _succeed(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def _fail(self, reason: str) -> None:
        if not self._ready.done():
            self._ready.set_exception(SessionLost(reason))
            return
        self._put(Heard(None, reason.encode()))

    def _confirmed(self, mid: int) -> None:
        self._unconfirmed.pop(mid, None)

    def _put(self, heard: Heard) -> None:
        if heard.leaf is None and self.inbox.full():
            self.taken(self.inbox.get_nowait())
        if self.inbox.full() or self._bytes + len(heard.payload) > INBOX_BYTES:
            self.dropped += 1
            log.warning("inbox full, message dropped", leaf=heard.leaf, dropped=self.dropped)
            return
        self._bytes += len(heard.payload)
        self.inbox.put_nowait(heard)
