"""The rules of a session: what is said first, the beat, the draining of the outbox, what may come in."""

import asyncio
import contextlib
import math
import random
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import structlog

from config.contract.events import EpochReason
from config.contract.messages import Ack, BadMessage, Reported, Session, Status, Sync, Telemetry
from config.contract.signing import BadProof, CabinetKeys, check_mac, mac
from config.contract.topics import Leaf
from config.settings import EdgeSettings
from controller.beat import Beat
from controller.clock import Clock
from controller.commands import Commands
from controller.desired import Documents
from controller.health import Health
from controller.outbox import OtherHistory, Outbox
from controller.store import Store, StoreFailing
from controller.uplink.connection import Broker, Connect, Connection, SessionLost
from controller.uplink.paho_connection import PahoConnection

log = structlog.get_logger(__name__)

ACK_WITHIN_S = 5.0
LONGEST_WAIT_S = 30.0
ASK_AGAIN_S = 2.0
"""Nothing is sent before the first sync of a session was answered: a lost one must not cost half a minute."""
BACKLOG_EVENTS = 50
PACE_S = 0.2
"""Rest after a batch of a backlog: some 700 events a second, and the doors do not notice."""
EPOCH_PAUSE_S = 60.0
"""A cloud that calls everything a fork does not make us mint epochs in a row."""
GOOD_AFTER_S = 60.0
"""A fault of the wire ends when nothing bad came for so long, not with the next good message."""
STILL_AT_MOST_S = 2.0
"""A connection's thread that has not come round for longer than this hangs."""


class Uplink:
    """Keeps a session open, for ever."""

    def __init__(
        self,
        *,
        cabinet: str,
        broker: Broker,
        keys: CabinetKeys,
        status: Callable[[], dict[str, Any]],
        cabinet_map: dict[str, Any],
        store: Store,
        clock: Clock,
        outbox: Outbox,
        documents: Documents,
        commands: Commands,
        health: Health,
        samples: Callable[[], dict[str, float]],
        settings: EdgeSettings,
        connect: Connect | None = None,
    ) -> None:
        self._cabinet = cabinet
        self._broker = broker
        self._keys = keys
        self._status = status
        self._map = cabinet_map
        self._store = store
        self._clock = clock
        self._outbox = outbox
        self._documents = documents
        self._commands = commands
        self._health = health
        self._samples = samples
        self._settings = settings
        paho = partial(PahoConnection, keepalive_s=settings.keepalive_s)
        self._connect: Connect = connect if connect is not None else paho
        self._session: Session | None = None
        self._asked: dict[str, float] = {}
        self._began_epoch = float("-inf")
        self._refused: dict[Leaf, float] = {}
        self._answered = asyncio.Event()
        self._awaited = ""
        self._knows_time = asyncio.Event()
        self._taken: dict[Leaf, Callable[[bytes], Awaitable[None]]] = {
            Leaf.ACK: self._take_ack,
            Leaf.DESIRED: self._take_desired,
            Leaf.COMMANDS: self._take_command,
        }
        self.connected = False
        self.beat = Beat()
        """Comes round while a session is open, as long as the connection's own thread does."""

    async def run(self) -> None:
        """Connect, serve the session until it ends, wait with jitter, begin again."""
        wait = self._settings.reconnect_s
        while True:
            try:
                await self._serve()
                wait = self._settings.reconnect_s
            except SessionLost as error:
                log.warning("uplink", error=str(error), was_connected=self.connected)
                wait = self._settings.reconnect_s if self.connected else min(wait * 2, LONGEST_WAIT_S)
            except StoreFailing as error:
                log.error("uplink", error=str(error))
            self.connected = False
            self.beat.rests()
            self._clock.forget_sync()
            await asyncio.sleep(wait * random.uniform(1.0, 1.5))

    # --- one session

    async def _serve(self) -> None:
        session = Session(epoch=self._store.epoch, n=await self._store.next_session())
        self._session = session
        self._asked.clear()
        self._outbox.begin_session()
        connection = self._connect(self._cabinet, self._broker, self._will(session), session)
        try:
            await connection.open(self._settings.connect_timeout_s)
            self.connected = True
            log.info("uplink open", session=session.n)
            await self._first_words(connection, session)
            await _until_one_ends(
                self._listen(connection), self._beat(connection, session),
                self._drain(connection, session), self._watch(connection),
            )  # fmt: skip
        finally:
            connection.close()

    async def _first_words(self, connection: Connection, session: Session) -> None:
        self._say(connection, Leaf.STATUS, self._state(session, "online"), retain=True)
        self._report(connection, session)
        self._ask_time(connection, session)

    def _state(self, session: Session, state: str) -> bytes:
        return Status.model_validate({"session": session, "state": state, **self._status()}).body()

    def _will(self, session: Session) -> bytes:
        return mac(self._keys, Leaf.STATUS, self._state(session, "offline"))

    def _say(self, connection: Connection, leaf: Leaf, body: bytes, *, retain: bool = False) -> None:
        connection.publish(leaf, mac(self._keys, leaf, body), retain=retain)

    def _report(self, connection: Connection, session: Session) -> None:
        said = Reported(
            session=session, documents=dict(self._documents.reported),
            map_version=self._status()["map_version"], map=self._map,
        )  # fmt: skip
        self._say(connection, Leaf.REPORTED, said.body())

    def _ask_time(self, connection: Connection, session: Session) -> None:
        nonce = secrets.token_hex(8)
        self._asked = {n: at for n, at in self._asked.items() if self._clock.boot_seconds() - at < 60}
        self._asked[nonce] = self._clock.boot_seconds()
        self._say(connection, Leaf.SYNC, Sync(session=session, nonce=nonce).body())

    async def _beat(self, connection: Connection, session: Session) -> None:
        """Signs of life; more often while the cloud has not answered: it may have come after us."""
        again = ASK_AGAIN_S
        while True:
            unanswered = self._clock.sync_age() == math.inf
            await self._until_next_beat(again if unanswered else math.inf)
            again *= 2 * random.uniform(1.0, 1.5)
            self._say(connection, Leaf.STATUS, self._state(session, "online"), retain=True)
            self._ask_time(connection, session)
            self._say_samples(connection, session)

    async def _until_next_beat(self, most_s: float) -> None:
        """The first answer to a sync is told at once: from then on the clock can be trusted."""
        wait = min(self._settings.sync_s, self._settings.keepalive_s, most_s)
        # not wait_for: where both happen at once, that of Python 3.11 loses a cancellation
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._knows_time.wait()
        self._knows_time.clear()

    def _say_samples(self, connection: Connection, session: Session) -> None:
        """Droppable: sent once, forgotten."""
        samples = self._samples()
        if samples:
            said = Telemetry(session=session, at_ms=self._clock.best_ms(), samples=samples)
            self._say(connection, Leaf.TELEMETRY, said.body())

    async def _watch(self, connection: Connection) -> None:
        """A connection that is open and passes nothing (half-open) is found by what is not confirmed.

        We speak at least once per keepalive, so it takes at most 4/3 of it; paho alone takes twice as long.
        """
        patience = self._settings.keepalive_s / 3
        while True:
            await asyncio.sleep(min(1.0, patience / 10))
            if connection.still_s() < STILL_AT_MOST_S:
                self.beat.comes_round()
            if connection.unconfirmed_s() > patience:
                raise SessionLost(f"the broker has confirmed nothing for {patience:.0f} s")

    async def _drain(self, connection: Connection, session: Session) -> None:
        """One batch in flight; sent again when no ack comes."""
        while True:
            batch = await self._outbox.next_batch(session)
            self._answered.clear()
            self._awaited = batch.head.nonce
            self._asked[batch.head.nonce] = self._clock.boot_seconds()
            self._say(connection, Leaf.EVENTS, batch.body())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ACK_WITHIN_S):
                    await self._answered.wait()
            if batch.head.count >= BACKLOG_EVENTS:
                await asyncio.sleep(PACE_S)

    # --- what comes in

    async def _listen(self, connection: Connection) -> None:
        while True:
            heard = await connection.inbox.get()
            connection.taken(heard)
            if heard.leaf is None:
                raise SessionLost(heard.payload.decode())
            await self._take(heard.leaf, heard.payload)
            if heard.leaf is Leaf.DESIRED and self._session is not None:
                self._report(connection, self._session)

    async def _take(self, leaf: Leaf, payload: bytes) -> None:
        """Nothing that comes in may end the session: it is used, or named and left."""
        try:
            await self._taken[leaf](payload)
            if self._clock.boot_seconds() - self._refused.get(leaf, 0.0) > GOOD_AFTER_S:
                await self._health.ends("bad_proof", leaf)
        except (BadProof, BadMessage) as error:
            await self._refuse(leaf, error)
        except StoreFailing as error:
            log.error("message not taken", leaf=leaf, error=str(error))

    async def _refuse(self, leaf: Leaf, error: Exception) -> None:
        self._refused[leaf] = self._clock.boot_seconds()
        log.warning("message refused", leaf=leaf, reason=str(error)[:300])
        try:
            await self._health.begins("bad_proof", leaf, str(error))
        except StoreFailing as failing:
            log.error("a refusal could not be recorded", leaf=leaf, error=str(failing))

    async def _take_ack(self, payload: bytes) -> None:
        ack: Ack = Ack.read(check_mac(self._keys, Leaf.ACK, payload))
        asked_at = self._asked.pop(ack.nonce, None)
        if ack.session != self._session or asked_at is None:
            log.info("ack of another question", nonce=ack.nonce)
            return
        first = self._clock.sync_age() == float("inf")
        self._clock.synced(asked_at, ack.cloud_time_ms)
        if first:
            self._knows_time.set()
        try:
            await self._outbox.acknowledged(ack)
        except OtherHistory as error:
            await self._go_on_anew(error)
        if ack.nonce == self._awaited:
            self._answered.set()

    async def _go_on_anew(self, error: OtherHistory) -> None:
        """A new epoch means a new session; documents that name the old one are asked for again."""
        self._outbox.begin_session()
        if self._clock.boot_seconds() - self._began_epoch < EPOCH_PAUSE_S:
            raise SessionLost(f"{error}, right after a new epoch")
        self._began_epoch = self._clock.boot_seconds()
        reason: EpochReason = "restored" if error.behind else "fork"
        await self._outbox.begin_epoch(reason, str(error))
        self._documents.ask_again()
        raise SessionLost(str(error))

    async def _take_desired(self, payload: bytes) -> None:
        await self._documents.take(payload)

    async def _take_command(self, payload: bytes) -> None:
        if self._session is not None:
            await self._commands.take(payload, self._session)


async def _until_one_ends(*work: Coroutine[Any, Any, None]) -> None:
    """Run all of them side by side; the first that fails ends the others, and its reason is raised.

    A task group would do the same, but before Python 3.13 it leaves its own task marked as cancelled.
    """
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()
