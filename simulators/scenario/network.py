"""The network and the broker between cabinets and the cloud, in memory, with a network's bad habits.

Messages keep their order within a topic, as MQTT promises, and nowhere else. They are late, come twice, or
die with the connection that carried them. The broker keeps nothing that the design does not allow it to lose.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from config.contract.messages import Session
from config.contract.topics import Leaf
from controller.uplink import INBOX, Broker, Heard, SessionLost

KEEPALIVE_SECONDS = 45.0
"""A connection on which nothing gets through ends after this."""


@dataclass(slots=True)
class Weather:
    """How bad the network of one cabinet is."""

    delay_s: tuple[float, float] = (0.02, 0.3)
    twice: float = 0.02
    """Share of messages that arrive a second time."""
    is_out: bool = False
    """No cable."""
    is_stalled: bool = False
    """Everything seems connected and nothing gets through."""


CloudHears = Callable[[str, Leaf, bytes], None]


@dataclass(slots=True)
class Network:
    """All cabinets' lines to one broker, and the cloud behind it."""

    chance: random.Random
    cloud_hears: CloudHears = lambda cabinet, leaf, payload: None
    weather: dict[str, Weather] = field(default_factory=dict)
    connections: dict[str, "MemoryConnection"] = field(default_factory=dict)
    broker_is_up: bool = True
    carried: int = 0
    lost: int = 0

    def connect(self, cabinet: str, broker: Broker, will: bytes, session: Session) -> "MemoryConnection":
        """What an edge is given in place of a client of a real broker."""
        return MemoryConnection(self, cabinet, will)

    def reaches(self, cabinet: str) -> bool:
        return self.broker_is_up and not self.weather[cabinet].is_out

    def say(self, cabinet: str, leaf: Leaf, payload: bytes) -> None:
        """The cloud speaks to a cabinet; with no connection there, the message is gone."""
        connection = self.connections.get(cabinet)
        if connection is None or not self.broker_is_up:
            self.lost += 1
        else:
            connection.travel(leaf, lambda: connection.hear(leaf, payload))

    def break_connection(self, cabinet: str, reason: str) -> None:
        """The connection of this cabinet ends, and all that is under way on it."""
        connection = self.connections.get(cabinet)
        if connection is not None:
            connection.end(reason)

    def restart_broker(self) -> None:
        """Every connection ends and everything it knew is forgotten."""
        for cabinet in list(self.connections):
            self.break_connection(cabinet, "the broker has gone")


class MemoryConnection:
    """One session. See ``controller.uplink.Connection``."""

    def __init__(self, network: Network, cabinet: str, will: bytes) -> None:
        self.inbox: asyncio.Queue[Heard] = asyncio.Queue(INBOX)
        self.is_open = False
        self._network, self._cabinet, self._will = network, cabinet, will
        self._arrives_at: dict[Leaf, float] = {}
        self._said = 0
        self._unconfirmed: dict[int, float] = {}

    async def open(self, timeout: float) -> None:
        """See ``Connection``."""
        if not self._network.reaches(self._cabinet) or self._stalled:
            await asyncio.sleep(timeout)
            raise SessionLost("no answer in time")
        await asyncio.sleep(self._delay())
        if not self._network.reaches(self._cabinet):
            raise SessionLost("no answer in time")
        self.is_open = True
        self._network.connections[self._cabinet] = self

    def publish(self, leaf: Leaf, message: bytes, *, retain: bool = False) -> None:
        """See ``Connection``."""
        if not self.is_open:
            raise SessionLost("not connected")
        self._said += 1
        said, self._unconfirmed[self._said] = self._said, asyncio.get_running_loop().time()

        def arrive() -> None:
            self._unconfirmed.pop(said, None)
            self._network.cloud_hears(self._cabinet, leaf, message)

        self.travel(leaf, arrive)

    def unconfirmed_s(self) -> float:
        """See ``Connection``."""
        now = asyncio.get_running_loop().time()
        return now - min(self._unconfirmed.values(), default=now)

    def still_s(self) -> float:
        """See ``Connection``: there is no thread."""
        return 0.0

    def taken(self, heard: Heard) -> None:
        """See ``Connection``; this inbox is bounded by the number of messages alone."""

    def close(self) -> None:
        """See ``Connection``: the broker speaks the last will as soon as it notices."""
        if self.is_open:
            self._gone()

    def end(self, reason: str) -> None:
        """The network or the broker ends it."""
        if self.is_open:
            self._gone()
            self.hear(None, reason.encode())

    def travel(self, leaf: Leaf, arrive: Callable[[], None]) -> None:
        """Bring something across, later, perhaps twice, in order within its topic."""
        loop = asyncio.get_running_loop()
        if self._stalled or not self._network.reaches(self._cabinet):
            self._network.lost += 1
            loop.call_later(KEEPALIVE_SECONDS, self.end, "nothing was heard for too long")
            return
        times = 2 if self._network.chance.random() < self._weather.twice else 1
        for _ in range(times):
            at = max(self._arrives_at.get(leaf, 0.0), loop.time() + self._delay())
            self._arrives_at[leaf] = at
            loop.call_at(at, self._arrive, arrive)

    def hear(self, leaf: Leaf | None, payload: bytes) -> None:
        """Into the inbox, which is bounded."""
        if leaf is None and self.inbox.full():
            self.inbox.get_nowait()
        if not self.inbox.full():
            self.inbox.put_nowait(Heard(leaf, payload))

    def _arrive(self, arrive: Callable[[], None]) -> None:
        if not self.is_open or self._stalled or not self._network.reaches(self._cabinet):
            self._network.lost += 1
            return
        self._network.carried += 1
        arrive()

    def _gone(self) -> None:
        self.is_open = False
        if self._network.connections.get(self._cabinet) is self:
            del self._network.connections[self._cabinet]
        will, network, cabinet = self._will, self._network, self._cabinet
        late = network.chance.uniform(0.0, 2.0)
        asyncio.get_running_loop().call_later(late, network.cloud_hears, cabinet, Leaf.STATUS, will)

    @property
    def _weather(self) -> Weather:
        return self._network.weather[self._cabinet]

    @property
    def _stalled(self) -> bool:
        return self._weather.is_stalled

    def _delay(self) -> float:
        return self._network.chance.uniform(*self._weather.delay_s)
