"""Desired documents: what must become true at a cabinet, sent until the cabinet reports that it is.

Content comes from the tables; a change of content raises the version. A document is signed and sealed when
it is sent, because it names the epoch of the controller that is there now.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from cloud.cabinet_keys import KeyRing
from cloud.downlink import Downlink
from cloud.ingest import TakenIn
from cloud.keys import SigningKeys
from cloud.live import Change, Live
from cloud.metrics import Metrics
from cloud.moment import now_ms
from cloud.presence import OnlineCabinets
from cloud.store import Store, Writing, access, cabinets, orders, shares
from cloud.store import documents as stored
from config.contract.messages import (
    BadgePin,
    CabinetSettings,
    Desired,
    DocumentName,
    ExpectedParcel,
    Grants,
    Keys,
    Parcels,
    digest_of,
)
from config.contract.signing import seal, sign
from config.contract.topics import Leaf, topic

RESEND_S = 5
REFUSED_RESEND_S = 60
KEEP_COLLECTED_MS = 15 * 60 * 1000
"""A collected parcel stays known for the time in which its door may be opened once more."""

log = structlog.get_logger("documents")

Row = dict[str, Any]


class Documents:
    """Keeps every cabinet's documents up to date, here and there."""

    def __init__(
        self,
        store: Store,
        downlink: Downlink,
        ring: KeyRing,
        keys: SigningKeys,
        online: OnlineCabinets,
        live: Live,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._downlink = downlink
        self._ring = ring
        self._keys = keys
        self._online = online
        self._live = live
        self._metrics = metrics
        self._settled: set[str] = set()
        self._looked_at: set[str] = set()
        self._wanting: set[str] = set()
        self._sent: dict[tuple[str, str], tuple[int, str, float]] = {}
        self._writing = asyncio.Lock()
        self._sending = asyncio.Lock()

    async def follow(self, taken_in: asyncio.Queue[TakenIn]) -> None:
        """For ever: act on what ingest has committed."""
        while True:
            told = await taken_in.get()
            await self._each(self.born, told.born)
            await self._each(self.changed, told.moved)
            await self._each(self.reported, told.reported)
            await self._each(self._alive, told.heartbeats)

    async def insist(self) -> None:
        """For ever: send again what a cabinet has not reported; a broker may have lost it on the way."""
        while True:
            await asyncio.sleep(RESEND_S)
            await self._each(self.deliver, tuple(self._wanting))

    async def _each(self, act: Callable[[str], Awaitable[None]], those: tuple[str, ...]) -> None:
        for cabinet in those:
            try:
                await act(cabinet)
            except Exception:
                log.exception("documents not brought up to date", cabinet=cabinet)

    async def _alive(self, cabinet: str) -> None:
        """A sign of life. The first one after our start finds what changed just before our end."""
        if cabinet not in self._looked_at:
            await self.changed(cabinet)
        else:
            await self.deliver(cabinet)

    async def changed(self, cabinet: str) -> None:
        """Something that a document tells has changed: write the new version and send it."""
        await self.refresh(cabinet)
        await self.deliver(cabinet, look_again=True)

    async def reported(self, cabinet: str) -> None:
        """The cabinet has said what it applied: look whether anything is left to send."""
        async with self._store.reading() as db:
            rows = await stored.documents_of(db, cabinet)
        told = {
            name: {"version": r["version"], "reported": r["reported_version"]} for name, r in rows.items()
        }
        self._live.publish([Change("document", cabinet, name, row) for name, row in told.items()])
        if any(row["reported_version"] > row["version"] for row in rows.values()):
            await self.refresh(cabinet)
        await self.deliver(cabinet, look_again=True)

    async def born(self, cabinet: str) -> None:
        """A new session: nothing counts as sent."""
        for name in DocumentName:
            self._sent.pop((cabinet, name), None)
        await self.changed(cabinet)

    async def refresh(self, cabinet: str) -> None:
        """Compare every document with what it should say now; a difference is a new version."""
        async with self._writing, self._store.writing() as db:
            row = await cabinets.cabinet(db, cabinet)
            if row is None:
                return
            rows = await stored.documents_of(db, cabinet)
            for name, content in (await self._contents(db, row)).items():
                await _write_if_changed(db, row, name, content, rows.get(name))
        self._looked_at.add(cabinet)

    async def _contents(self, db: Writing, cabinet: Row) -> dict[DocumentName, Row]:
        now = now_ms()
        expected = await orders.expected_parcels(
            db, cabinet["id"], now=now, collected_after=now - KEEP_COLLECTED_MS
        )
        void = await shares.void_rights(db, cabinet["id"])
        revoked = await access.revoked_badges(db, cabinet["id"], now)
        pins = await access.badge_pins(db, cabinet["id"], now)
        content = {
            DocumentName.KEYS: Keys(keys=tuple(self._keys.in_force())),
            DocumentName.GRANTS: Grants(
                revoked_badges=tuple(revoked),
                salt=cabinet["salt"],
                pins=tuple(BadgePin(badge=row["id"], digest=row["pin_digest"]) for row in pins),
            ),
            DocumentName.PARCELS: Parcels(
                salt=cabinet["salt"], parcels=tuple(_expected_parcel(row, void) for row in expected)
            ),
            DocumentName.SETTINGS: CabinetSettings(**cabinet["settings"]),
        }
        return {name: said.model_dump(mode="json") for name, said in content.items()}

    async def deliver(self, cabinet: str, *, look_again: bool = False) -> None:
        """Send what the cabinet has not reported, no document more often than every 5 s.

        Where all was reported nothing is looked up, unless something has changed (``look_again``).
        """
        async with self._sending:
            if look_again:
                self._settled.discard(cabinet)
            if cabinet not in self._settled:
                await self._deliver(cabinet)

    async def _deliver(self, cabinet: str) -> None:
        session = self._online.session(cabinet)
        if session is None:
            return
        async with self._store.reading() as db:
            rows = await stored.documents_of(db, cabinet)
        open_rows = [row for row in rows.values() if not _is_applied(row)]
        if not open_rows and rows:
            self._settled.add(cabinet)
        (self._wanting.add if open_rows else self._wanting.discard)(cabinet)
        # keys first: the signatures of all others are checked against them
        for row in sorted(open_rows, key=lambda row: row["name"] != DocumentName.KEYS):
            if self._is_due(row, session.epoch):
                await self._send(cabinet, row, session.epoch)

    def _is_due(self, row: Row, epoch: str) -> bool:
        version, to, when = self._sent.get((row["cabinet"], row["name"]), (0, "", 0.0))
        if (version, to) != (row["version"], epoch):
            return True
        return time.monotonic() - when > (REFUSED_RESEND_S if row["refused"] else RESEND_S)

    async def _send(self, cabinet: str, row: Row, epoch: str) -> None:
        who = await self._ring.of(cabinet)
        if who is None:
            return
        name = DocumentName(row["name"])
        said = Desired(
            cabinet=cabinet, name=name, version=row["version"], epoch=epoch, content=row["content"]
        )
        by_root = name is DocumentName.KEYS
        signer = self._keys.root if by_root else self._keys.signer("desired")
        message = sign(signer, "keys" if by_root else "desired", cabinet, said.body())
        if self._downlink.say(topic(cabinet, Leaf.DESIRED), seal(who.keys, "desired", message)):
            self._sent[cabinet, name] = (row["version"], epoch, time.monotonic())
            self._metrics.documents.labels(name).inc()


def _expected_parcel(row: Row, void: dict[str, tuple[int, ...]]) -> ExpectedParcel:
    return ExpectedParcel(
        parcel=row["id"],
        order=row["order_id"],
        size=row["size"],
        zone=row["zone"],
        digest=row["digest"],
        strong_digest=row["strong_digest"],
        sensitive=row["sensitive"],
        low=row["low_door"],
        void_rights=void.get(row["order_id"], ()),
        generation=row["generation"],
        expires_ms=row["expires_ms"],
    )


def _is_applied(row: Row) -> bool:
    return bool(row["reported_version"] == row["version"] and row["reported_hash"] == row["hash"])


async def _write_if_changed(
    db: Writing, cabinet: Row, name: DocumentName, content: Row, before: Row | None
) -> None:
    """Versions never go back: after a restore of the cloud the cabinet may have reported a later one."""
    applied = before["reported_version"] if before else 0
    version = before["version"] if before else 0
    digest = digest_of(content)
    if before is not None and before["hash"] == digest and applied <= version:
        return
    row = {
        "tenant": cabinet["tenant"],
        "cabinet": cabinet["id"],
        "name": name.value,
        "version": max(version, applied) + 1,
        "hash": digest,
        "content": content,
        "changed_ms": now_ms(),
    }
    await stored.put_document(db, row)
    log.info("document changed", cabinet=cabinet["id"], document=name.value, version=row["version"])
