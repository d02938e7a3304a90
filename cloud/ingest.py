"""From the wire into the database: prove, drop repeats, store, project; ack only what is committed.

What is queued is one transaction (group commit): it grows with load and needs no timer. Within it, batches
are taken in order of arrival, each against its cabinet's cursor. A message that makes a transaction fail
is tried again alone, so that it cannot hold up the others.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog
from pydantic import BaseModel, Field, ValidationError

from cloud.cabinet_keys import Enrolled, KeyRing
from cloud.downlink import Downlink, Heard
from cloud.fold import Picture, Place, happened_ms
from cloud.live import Change, Live
from cloud.metrics import Metrics
from cloud.moment import now_ms
from cloud.presence import OnlineCabinets, Sighting, after_sighting
from cloud.store import Store, Writing, cabinets, documents, events, orders
from cloud.store.schema import UNDECODABLE
from config.contract.events import Event
from config.contract.messages import (
    LARGEST_BATCH_BYTES,
    LARGEST_EVENT_BYTES,
    Ack,
    Applied,
    BadMessage,
    Batch,
    DocumentName,
    Label,
    Reported,
    Session,
    Status,
    Sync,
    Telemetry,
    chain_over,
)
from config.contract.signing import CHAIN_START, LARGEST_HEAD, BadProof, check_mac, mac
from config.contract.topics import BadTopic, Leaf, parse, topic

LARGEST_MESSAGE = LARGEST_BATCH_BYTES + 2 * LARGEST_HEAD
ALARM_PAUSE_MS = 10_000
"""A flood of forged messages costs one row in this time, not one each."""

log = structlog.get_logger("ingest")

Row = dict[str, Any]
Body = Status | Sync | Batch | Reported | Telemetry
READERS: dict[Leaf, type[Any]] = {
    Leaf.STATUS: Status,
    Leaf.SYNC: Sync,
    Leaf.EVENTS: Batch,
    Leaf.REPORTED: Reported,
    Leaf.TELEMETRY: Telemetry,
}


@dataclass(frozen=True, slots=True)
class Proven:
    """A message that its cabinet has said, whole and readable."""

    cabinet: str
    who: Enrolled
    leaf: Leaf
    body: Body
    retained: bool

    @property
    def session(self) -> Session:
        return self.body.head.session if isinstance(self.body, Batch) else self.body.session

    @property
    def epochs(self) -> set[str]:
        named = {self.session.epoch}
        return named | {self.body.head.epoch} if isinstance(self.body, Batch) else named

    @property
    def size(self) -> int:
        return self.body.head.count if isinstance(self.body, Batch) else 1


@dataclass(slots=True)
class Cursor:
    """How far the cloud has one epoch of one cabinet, and the hash-chain head there."""

    tenant: str
    cabinet: str
    epoch: str
    ordinal: int
    through: int = 0
    chain: str = CHAIN_START
    undecodable: int = 0
    changed: bool = False

    def row(self) -> Row:
        names = ("tenant", "cabinet", "epoch", "ordinal", "through", "chain", "undecodable")
        return {name: getattr(self, name) for name in names}


@dataclass(slots=True)
class Group:
    """What one transaction reads at its start and has gathered to write."""

    now: int
    cursors: dict[tuple[str, str], Cursor]
    presence: dict[str, Row]
    picture: Picture = field(default_factory=Picture)
    event_rows: list[Row] = field(default_factory=list)
    acks: list[tuple[Enrolled, Ack]] = field(default_factory=list)
    seen: dict[str, Row] = field(default_factory=dict)
    born: list[str] = field(default_factory=list)
    back: set[str] = field(default_factory=set)
    reported: dict[str, Reported] = field(default_factory=dict)
    heartbeats: set[str] = field(default_factory=set)
    fates: list[tuple[Leaf, str]] = field(default_factory=list)


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
            body = _read(address.leaf, who, heard.payload)
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
            group = await _begin(db, messages)
            for message in messages:
                await _take(db, group, message)
            await _finish(db, group)
        self._metrics.commits.inc()
        self._metrics.group.observe(len(group.event_rows))
        self._metrics.events.labels("stored").inc(len(group.event_rows))
        for leaf, fate in group.fates:
            self._metrics.messages.labels(leaf, fate).inc()
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
        for (cabinet, fault, subject), row in picture.alarms.items():
            changes.append(Change("alarm", cabinet, f"{fault} {subject}", row))
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


def _read(leaf: Leaf, who: Enrolled, payload: bytes) -> Body:
    """The message in a payload; ``BadProof`` or ``BadMessage`` when it is not one."""
    reader = READERS.get(leaf)
    if reader is None:
        raise BadMessage(f"{leaf}: cabinets do not say that")
    if len(payload) > LARGEST_MESSAGE:
        raise BadMessage(f"{leaf}: {len(payload)} bytes, at most {LARGEST_MESSAGE} are allowed")
    body: Body = reader.read(check_mac(who.keys, leaf, payload))
    return body


class _Place(BaseModel):
    label: Label
    size: Literal["S", "M", "L", "XL"]
    zone: Literal["ambient", "chilled", "frozen"]


class Map(BaseModel):
    """What the planner needs of a reported map; more may be said."""

    compartments: tuple[_Place, ...] = Field(min_length=1)


# --- within the transaction ---------------------------------------------------------------------------


async def _begin(db: Writing, messages: list[Proven]) -> Group:
    ids = sorted({message.cabinet for message in messages})
    rows = await cabinets.cursors_of(db, ids)
    cursors = {(row["cabinet"], row["epoch"]): Cursor(**row) for row in rows}
    group = Group(now_ms(), cursors, await cabinets.presences(db, ids))
    for message in messages:
        for epoch in sorted(message.epochs):
            _meet_epoch(group, message, epoch)
    return group


def _meet_epoch(group: Group, message: Proven, epoch: str) -> None:
    """Epochs are random; the order in which a cabinet's first came to us is their order."""
    if (message.cabinet, epoch) in group.cursors:
        return
    known = [cursor.ordinal for (cabinet, _), cursor in group.cursors.items() if cabinet == message.cabinet]
    cursor = Cursor(
        message.who.tenant, message.cabinet, epoch, ordinal=1 + max(known, default=0), changed=True
    )
    group.cursors[message.cabinet, epoch] = cursor


async def _take(db: Writing, group: Group, message: Proven) -> None:
    fate = "taken"
    match message.body:
        case Batch() as batch:
            fate = await _take_batch(db, group, message, batch)
        case Sync(nonce=nonce, session=session):
            cursor = group.cursors[message.cabinet, session.epoch]
            group.acks.append((message.who, _ack(session, nonce, cursor)))
            group.heartbeats.add(message.cabinet)
        case Reported() as reported:
            group.reported[message.cabinet] = reported
        case Status():
            group.heartbeats.add(message.cabinet)
        case Telemetry():
            fate = "counted"
    group.fates.append((message.leaf, fate))
    _see(group, message)


def _see(group: Group, message: Proven) -> None:
    session, body = message.session, message.body
    sighting = Sighting(
        tenant=message.who.tenant,
        cabinet=message.cabinet,
        epoch=session.epoch,
        ordinal=group.cursors[message.cabinet, session.epoch].ordinal,
        n=session.n,
        at_ms=group.now,
        retained=message.retained,
        status=body if isinstance(body, Status) else None,
    )
    before = group.presence.get(message.cabinet)
    after = after_sighting(before, sighting)
    if after is None:
        return
    if before is None or (before["epoch"], before["n"]) != (after["epoch"], after["n"]):
        group.born.append(message.cabinet)
    if after["state"] == "online" and (before is None or before["state"] != "online"):
        group.back.add(message.cabinet)
    group.presence[message.cabinet] = group.seen[message.cabinet] = after


def _ack(session: Session, nonce: str, cursor: Cursor, verdict: Any = "ok") -> Ack:
    return Ack(
        session=session,
        nonce=nonce,
        epoch=cursor.epoch,
        through=cursor.through,
        cloud_time_ms=0,
        verdict=verdict,
    )


async def _take_batch(db: Writing, group: Group, message: Proven, batch: Batch) -> str:
    head = batch.head
    cursor = group.cursors[message.cabinet, head.epoch]
    if head.first > cursor.through + 1:
        group.acks.append((message.who, _ack(head.session, head.nonce, cursor)))
        return "gap"
    known = min(cursor.through + 1 - head.first, head.count)
    if not await _fits(db, cursor, batch, known):
        await _quarantine(db, group, message, batch)
        group.acks.append((message.who, _ack(head.session, head.nonce, cursor, "fork")))
        return "fork"
    for at in range(known, head.count):
        _append(group, cursor, head.first + at, batch.lines[at])
    if known < head.count:
        cursor.through = head.first + head.count - 1
        cursor.chain = chain_over(cursor.chain, batch.lines[known:])
        cursor.changed = True
    group.acks.append((message.who, _ack(head.session, head.nonce, cursor)))
    return "taken" if known < head.count else "repeat"


async def _fits(db: Writing, cursor: Cursor, batch: Batch, known: int) -> bool:
    """Whether a batch goes on where our history ends, and repeats what it repeats word for word."""
    head = batch.head
    if known < head.count or head.first + head.count - 1 == cursor.through:
        return chain_over(head.chain, batch.lines[:known]) == cursor.chain
    stored = await events.stored_lines(
        db, cursor.cabinet, head.epoch, head.first, head.first + head.count - 1
    )
    return all(stored.get(head.first + at, line) == line for at, line in enumerate(batch.lines))


async def _quarantine(db: Writing, group: Group, message: Proven, batch: Batch) -> None:
    head, body = batch.head, batch.body()
    log.error("two histories under one identity", cabinet=message.cabinet, epoch=head.epoch, first=head.first)
    row = {
        "hash": hashlib.sha256(b"\n".join(batch.lines)).hexdigest(),
        "tenant": message.who.tenant,
        "cabinet": message.cabinet,
        "epoch": head.epoch,
        "first": head.first,
        "reason": "the hash chain does not go on where ours ends",
        "received_ms": group.now,
        "body": body,
    }
    await events.put_aside(db, row)
    about = {"fault": "fork", "subject": message.cabinet, "detail": f"epoch {head.epoch}, from {head.first}"}
    told = {"tenant": message.who.tenant, "cabinet": message.cabinet, "raised_ms": group.now}
    await cabinets.raise_alarm(db, {**about, **told})


def _append(group: Group, cursor: Cursor, seq: int, line: bytes) -> None:
    row = {
        "tenant": cursor.tenant,
        "cabinet": cursor.cabinet,
        "epoch": cursor.epoch,
        "seq": seq,
        "type": UNDECODABLE,
        "subject": "",
        "at_ms": group.now,
        "received_ms": group.now,
        "line": line,
    }
    group.event_rows.append(row)
    try:
        event, fact = decode(line, cursor.cabinet, cursor.epoch, seq)
    except BadMessage as error:
        cursor.undecodable += 1
        log.warning("event kept as it came", cabinet=cursor.cabinet, seq=seq, reason=str(error)[:300])
        return
    at_ms = happened_ms(event, group.now)
    row |= {"type": event.type, "subject": event.subject, "at_ms": at_ms}
    place = Place(cursor.tenant, cursor.cabinet, cursor.ordinal, seq, at_ms)
    group.picture.apply(place, fact)


def decode(line: bytes, cabinet: str, epoch: str, seq: int) -> tuple[Event, Any]:
    """The event in a line and its fact; ``BadMessage`` when it is not the event of that number."""
    if len(line) > LARGEST_EVENT_BYTES:
        raise BadMessage(f"event: {len(line)} bytes, at most {LARGEST_EVENT_BYTES} are allowed")
    event = Event.read(line)
    if (event.source, event.epoch, event.seq) != (f"/cabinets/{cabinet}", epoch, seq):
        raise BadMessage(f"event says it is {event.seq} of {event.epoch} of {event.source}")
    return event, event.fact()


async def _finish(db: Writing, group: Group) -> None:
    await events.append(db, group.event_rows)
    await events.put_picture(db, group.picture)
    await events.put_cursors(db, [cursor.row() for cursor in group.cursors.values() if cursor.changed])
    await cabinets.put_presences(db, list(group.seen.values()))
    for cabinet in sorted(group.back):
        await cabinets.clear_alarm(db, cabinet, "offline", cabinet, group.now)
    for cabinet, reported in group.reported.items():
        await _note_reported(db, cabinet, reported, group.now)


async def _note_reported(db: Writing, cabinet: str, reported: Reported, now: int) -> None:
    for name in DocumentName:
        applied = reported.documents.get(name, Applied(version=0))  # a fresh controller has applied nothing
        told = {
            "reported_version": applied.version,
            "reported_hash": applied.hash,
            "refused": applied.refused,
            "reported_ms": now,
        }
        await documents.note_reported(db, cabinet, name, **told)
    try:
        Map.model_validate(reported.map)
    except ValidationError as error:
        log.warning("reported map not used", cabinet=cabinet, reason=str(error)[:300])
        return
    await cabinets.change_cabinet(db, cabinet, map=reported.map, map_version=reported.map_version)
