"""One transaction of ingest: what it reads first, what each message adds, what it writes at its end."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog
from pydantic import BaseModel, Field, ValidationError

from cloud.cabinet_keys import Enrolled
from cloud.fold import Picture, Place, happened_ms
from cloud.ingest.proof import Proven
from cloud.moment import now_ms
from cloud.presence import Sighting, after_sighting
from cloud.store import Writing, cabinets, documents, events
from cloud.store.schema import UNDECODABLE
from config.contract.events import Event
from config.contract.messages import (
    LARGEST_EVENT_BYTES,
    Ack,
    Applied,
    BadMessage,
    Batch,
    BatchHead,
    DocumentName,
    Label,
    Reported,
    Session,
    Status,
    Sync,
    Telemetry,
    chain_over,
)
from config.contract.signing import CHAIN_START
from config.contract.topics import Leaf

log = structlog.get_logger("ingest")

Row = dict[str, Any]


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
    alarms: list[Row] = field(default_factory=list)
    heartbeats: set[str] = field(default_factory=set)
    fates: list[tuple[Leaf, str]] = field(default_factory=list)
    samples: dict[str, dict[str, float]] = field(default_factory=dict)


async def begin(db: Writing, messages: list[Proven]) -> Group:
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


async def take(db: Writing, group: Group, message: Proven) -> None:
    fate = "taken"
    match message.body:
        case Batch() as batch:
            fate = await _take_batch(db, group, message, batch)
        case Sync(nonce=nonce, session=session):
            cursor = group.cursors[message.cabinet, session.epoch]
            group.acks.append((message.who, _ack(session, nonce, cursor)))
            group.heartbeats.add(message.cabinet)
        case Reported() as reported if _is_of_the_latest_session(group, message):
            group.reported[message.cabinet] = reported
        case Reported():
            fate = "old_session"
        case Status():
            group.heartbeats.add(message.cabinet)
        case Telemetry(samples=samples):
            group.samples[message.cabinet] = samples
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


def _is_of_the_latest_session(group: Group, message: Proven) -> bool:
    """Of two controllers under one identity, the one that began its epoch last is asked for documents."""
    latest = group.presence.get(message.cabinet)
    ordinal = group.cursors[message.cabinet, message.session.epoch].ordinal
    return latest is None or (ordinal, message.session.n) >= (latest["ordinal"], latest["n"])


def _ack(session: Session, nonce: str, cursor: Cursor, verdict: Any = "ok") -> Ack:
    return Ack(
        session=session,
        nonce=nonce,
        epoch=cursor.epoch,
        through=cursor.through,
        chain=cursor.chain,
        cloud_time_ms=0,
        verdict=verdict,
    )


async def _take_batch(db: Writing, group: Group, message: Proven, batch: Batch) -> str:
    head = batch.head
    cursor = group.cursors[message.cabinet, head.epoch]
    if head.first > cursor.through + 1:
        if head.lost_from is None or head.lost_from > cursor.through + 1:
            group.acks.append((message.who, _ack(head.session, head.nonce, cursor)))
            return "gap"
        _skip_lost(cursor, head)
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


def _skip_lost(cursor: Cursor, head: BatchHead) -> None:
    """What is kept nowhere cannot be waited for: the cabinet's word for the chain, and on from there."""
    log.error(
        "events are lost", cabinet=cursor.cabinet, epoch=cursor.epoch, first=cursor.through + 1,
        last=head.first - 1,
    )  # fmt: skip
    cursor.through, cursor.chain, cursor.changed = head.first - 1, head.chain, True


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
    group.alarms.append({**about, **told})
    await cabinets.raise_alarm(db, group.alarms[-1])


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


async def finish(db: Writing, group: Group) -> None:
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


class _Place(BaseModel):
    label: Label
    size: Literal["S", "M", "L", "XL"]
    zone: Literal["ambient", "chilled", "frozen"]


class Map(BaseModel):
    """What the planner needs of a reported map; more may be said."""

    compartments: tuple[_Place, ...] = Field(min_length=1)
