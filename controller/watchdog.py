"""Tells systemd that the edge is ready, that it goes on, and that it ends; says nothing when anything hangs.

The protocol is that of sd_notify(3): one datagram to the socket that NOTIFY_SOCKET names. WATCHDOG_USEC says
for how long systemd waits for the next sign of life before it kills the program and starts it again.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Mapping

import structlog

from controller.beat import Beat
from controller.store import Store

log = structlog.get_logger(__name__)

LOOKS = 10
"""So many looks, and signs of life, in the time that systemd waits."""


def notify(state: str) -> None:
    """Say READY=1, WATCHDOG=1 or STOPPING=1 to whoever started us; without NOTIFY_SOCKET to nobody."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    name = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as there:
        there.setblocking(False)  # whoever does not read must not hold up a door
        with contextlib.suppress(OSError):
            there.connect(name)
            there.send(state.encode())


def waits_s() -> float | None:
    """For how long systemd waits for a sign of life of this process; None when it does not watch."""
    told, whom = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not told.isdigit() or int(told) == 0 or whom not in ("", str(os.getpid())):
        return None
    return int(told) / 1_000_000


class Watchdog:
    """Gives a sign of life as long as every loop comes round and the store answers.

    A loop may be late by half of the time that systemd waits. ``beats`` are asked for at every look: loops
    come and go.
    """

    def __init__(
        self, store: Store, beats: Callable[[], Mapping[str, Beat]], waits: float | None = None
    ) -> None:
        self._store = store
        self._beats = beats
        self._waits_s = waits_s() if waits is None else waits
        self._store_beat = Beat()
        self._late: tuple[str, ...] = ()

    async def run(self) -> None:
        """Until cancelled; at once over when nobody watches."""
        if self._waits_s is None:
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ask_store(self._waits_s / LOOKS))
            group.create_task(self._feed(self._waits_s))

    async def _ask_store(self, rest_s: float) -> None:
        """The thread comes round, and the file can be written to: nobody else holds it."""
        self._store_beat.comes_round(rest_s)
        while True:
            await asyncio.sleep(rest_s)
            if await self._store.answers():
                self._store_beat.comes_round(rest_s)

    async def _feed(self, waits: float) -> None:
        while True:
            late = self._late_by(waits / 2)
            if late != self._late:
                log.error("hangs" if late else "goes on", parts=late or self._late)
            self._late = late
            if not late:
                notify("WATCHDOG=1")
            await asyncio.sleep(waits / LOOKS)

    def _late_by(self, seconds: float) -> tuple[str, ...]:
        beats = {"store": self._store_beat, **self._beats()}
        return tuple(sorted(name for name, beat in beats.items() if beat.late_s() > seconds))
