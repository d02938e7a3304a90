"""From the wire into the database: prove, drop repeats, store, project; ack only what is committed.

What is queued is one transaction (group commit): it grows with load and needs no timer. Within it, batches
are taken in order of arrival, each against its cabinet's cursor. A message that makes a transaction fail
is tried again alone, so that it cannot hold up the others.

* ``proof.py`` what a message has to show
* ``group.py`` what one transaction does
"""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog

from cloud.cabinet_keys import KeyRing
from cloud.downlink import Downlink, Heard
from cloud.ingest.group import Group, begin, decode, finish, take
from cloud.ingest.proof import Proven, read
from cloud.live import Change, Live
from cloud.metrics import Metrics
from cloud.moment import now_ms
from cloud.presence import OnlineCabinets
from cloud.store import Store, cabinets, orders
from config.contract.messages import BadMessage
from config.contract.signing import BadProof, mac
from config.contract.topics import BadTopic, Leaf, parse, topic

__all__ = ["Ingest", "TakenIn", "decode"]

ALARM_PAUSE_MS = 10_000
"""A flood of forged messages costs one row in this time, not one each."""

log = structlog.get_logger("ingest")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TakenIn:
    """Cabinets with a new session, with a report, that showed a sign of life, whose parcels moved."""

    born: tuple[str, ...]
    reported: tuple[str, ...]
    heartbeats: tuple[str, ...]
    moved: tuple[str, ...]


class Ingest:
    """Takes in everything that cabinets say; ``taken_in`` tells of each commit."""

    def __init__(
        self,
        store: Store,
        downlink: Downlink,
        ring: KeyRing,
        live: Live,
        metrics: Metrics,
        online: OnlineCabinets,
        *,
        group_rows: int,
    ) -> None:
        self._store = store
        self._downlink = downlink
        self._ring = ring
        self._live = live
        self._metrics = metrics
        self._online = online
        self._group_rows = group_rows
        self._alarmed: dict[tuple[str, Leaf], int] = {}
        self.taken_in: asyncio.Queue[TakenIn] = asyncio.Queue(10_000)

    async def run(self) -> None:
        """For ever: take what is queued, commit it, answer."""
        waiting: list[Proven] = []
        while True:
            if not waiting:
                waiting = await self._proven(await self._downlink.heard(self._group_rows))
            group, waiting = _fill(waiting, self._group_rows)
            if group:
                await self._take_in_or_apart(group)

    async def _take_in_or_apart(self, messages: list[Proven]) -> None:
        try:
            await self.take_in(messages)
        except asyncio.CancelledError:
            raise
        except Exception:
            self._metrics.failures.inc()
            if len(messages) == 1:
                log.exception("message not taken in", cabinet=messages[0].cabinet, leaf=messages[0].leaf)
                await asyncio.sleep(0.05)  # a full disk is not helped by trying faster
                return
            log.warning("a group failed, its messages are tried one by one", messages=len(messages))
            for message in messages:
                await self._take_in_or_apart([message])

    # --- prove ---

    async def _proven(self, heard: Iterable[Heard]) -> list[Proven]:
        found = [await self._prove(message) for message in heard]
        return [message for message in found if message is not None]

    async def _prove(self, heard: Heard) -> Proven | None:
        try:
            address = parse(heard.topic)
        except BadTopic as error:
            log.warning("message dropped", reason=str(error))
            self._metrics.messages.labels("?", "bad_topic").inc()
            return None
        who = await self._ring.of(address.cabinet)
        if who is None:
            log.warning("message dropped", cabinet=address.cabinet, reason="no such cabinet is enrolled")
            self._metrics.messages.labels(address.leaf, "not_enrolled").inc()
            return None
        try:
            body = read(address.leaf, who, heard.payload)
        except (BadProof, BadMessage) as error:
            await self._alarm(address.cabinet, who.tenant, address.leaf, str(error))
            return None
        return Proven(address.cabinet, who, address.leaf, body, heard.retained)

    async def _alarm(self, cabinet: str, tenant: str, leaf: Leaf, reason: str) -> None:
        log.error("message not believed", cabinet=cabinet, leaf=leaf, reason=reason)
        self._metrics.messages.labels(leaf, "bad_proof").inc()
        now = now_ms()
        if now - self._alarmed.get((cabinet, leaf), 0) < ALARM_PAUSE_MS:
            return
        self._alarmed[cabinet, leaf] = now
        row = {
            "tenant": tenant,
            "cabinet": cabinet,
            "fault": "bad_proof",
            "subject": f"{leaf} at the cloud",
            "detail": reason[:300],
            "raised_ms": now,
        }
        async with self._store.writing() as db:
            await cabinets.raise_alarm(db, row)
        self._live.publish([Change("alarm", cabinet, f"bad_proof {row['subject']}", row)])

    # --- take in ---

    async def take_in(self, messages: list[Proven]) -> None:
        """Everything that these messages change, in one transaction; then the answers."""
        async with self._store.writing() as db:
            group = await begin(db, messages)
            for message in messages:
                await take(db, group, message)
            await finish(db, group)
        self._metrics.commits.inc()
        self._metrics.group.observe(len(group.event_rows))
        self._metrics.events.labels("stored").inc(len(group.event_rows))
        for leaf, fate in group.fates:
            self._metrics.messages.labels(leaf, fate).inc()
        for cabinet, samples in group.samples.items():
            self._metrics.sampled(cabinet, samples)
        self._answer(group)
        await self._tell(group)

    def _answer(self, group: Group) -> None:
        for who, ack in group.acks:
            # the time as late as can be: the cabinet counts on it being no later than the truth
            said = ack.model_copy(update={"cloud_time_ms": now_ms()})
            self._downlink.say(topic(who.keys.cabinet, Leaf.ACK), mac(who.keys, Leaf.ACK, said.body()))

    async def _tell(self, group: Group) -> None:
        for row in group.seen.values():
            self._online.note(row)
        moved = {cabinet for cabinet, _ in group.picture.whereabouts}
        told = TakenIn(tuple(group.born), tuple(group.reported), tuple(group.heartbeats), tuple(moved))
        if any((told.born, told.reported, told.heartbeats, told.moved)):
            with contextlib.suppress(asyncio.QueueFull):  # whoever follows looks again at each heartbeat
                self.taken_in.put_nowait(told)
        if len(self._live):
            self._live.publish(await self._changes(group))

    async def _changes(self, group: Group) -> list[Change]:
        picture = group.picture
        named = {parcel for _, parcel in picture.whereabouts}
        named |= {row["parcel"] for row in picture.compartments.values() if row["parcel"]}
        async with self._store.reading() as db:
            order_of = await orders.orders_of_parcels(db, list(named)) if named else {}
        changes = [Change("presence", cabinet, cabinet, row) for cabinet, row in group.seen.items()]
        for (cabinet, label), row in picture.compartments.items():
            changes.append(Change("compartment", cabinet, label, row, row["order_id"]))
        for (cabinet, parcel), row in picture.whereabouts.items():
            changes.append(Change("parcel", cabinet, parcel, row, order_of.get(parcel)))
        for row in (*picture.alarms.values(), *group.alarms):
            changes.append(Change("alarm", row["cabinet"], f"{row['fault']} {row['subject']}", row))
        for (cabinet, command), row in picture.commands.items():
            changes.append(Change("command", cabinet, command, row))
        changes += [
            Change("event", row["cabinet"], f"{row['epoch']}-{row['seq']}", row) for row in group.event_rows
        ]
        return changes


def _fill(waiting: list[Proven], most: int) -> tuple[list[Proven], list[Proven]]:
    """As many messages as hold at most that many events (one at least), and the rest."""
    rows = 0
    for at, message in enumerate(waiting):
        rows += message.size
        if rows > most and at:
            return waiting[:at], waiting[at:]
    return waiting, []
