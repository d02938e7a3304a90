"""What a session needs of a connection to the broker."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from config.contract.messages import Session
from config.contract.topics import Leaf


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and how this cabinet logs in. ``url`` is mqtt://host:port or mqtts://host:port."""

    url: str
    login: str
    password: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that came in; ``leaf`` is None when the connection ended, and ``payload`` says why."""

    leaf: Leaf | None
    payload: bytes


class SessionLost(Exception):
    """The connection is gone, or was never there."""


class Connection(Protocol):
    """One connection for one session; everything that is heard on it ends up in ``inbox``."""

    inbox: asyncio.Queue[Heard]

    async def open(self, timeout: float) -> None:
        """Connected and subscribed within ``timeout`` seconds; else ``SessionLost``."""
        ...

    def publish(self, leaf: Leaf, message: bytes, *, retain: bool = False) -> None:
        """At least once, or ``SessionLost``."""
        ...

    def unconfirmed_s(self) -> float:
        """For how long the broker has owed us a PUBACK; 0 when it owes none."""
        ...

    def still_s(self) -> float:
        """For how long its own thread has not shown that it goes on; 0 where there is none."""
        ...

    def taken(self, heard: Heard) -> None:
        """The message is off the inbox."""
        ...

    def close(self) -> None:
        """Without a farewell, so that the broker speaks the last will."""
        ...


Connect = Callable[[str, Broker, bytes, Session], Connection]
"""Cabinet, broker, last will, session."""
