"""The cabinets as an operator sees them: who is there, what they look like, what is wrong with them."""

import asyncio
from typing import Any

import structlog

from cloud.documents import Documents
from cloud.live import Change, Live
from cloud.moment import now_ms
from cloud.orders import order_state
from cloud.presence import OnlineCabinets
from cloud.problems import unknown_cabinet
from cloud.store import Store, cabinets, commands, documents, events, orders
from config.contract.messages import CabinetSettings

WATCH_S = 1.0

log = structlog.get_logger("fleet")

Row = dict[str, Any]

_SECRET = frozenset({"key_sealed", "broker_password_sealed", "broker_login", "salt"})


class Fleet:
    """Reads for pages, console and API; and the watch that calls a silent cabinet offline."""

    def __init__(
        self,
        store: Store,
        online: OnlineCabinets,
        documents: Documents,
        live: Live,
        *,
        offline_after_s: float,
    ) -> None:
        self._store = store
        self._online = online
        self._documents = documents
        self._live = live
        self._offline_after_ms = int(offline_after_s * 1000)

    # --- what is shown ---

    async def cabinets(self, *, after: str = "", limit: int = 100) -> list[Row]:
        """By id: who it is, presence, compartments by state, number of open alarms."""
        async with self._store.reading() as db:
            rows = await cabinets.all_cabinets(db, after=after, limit=limit)
            states = await cabinets.compartment_states(db)
            alarms = await cabinets.open_alarms(db)
        return [
            {
                **_public(row),
                "presence": self._presence(row["id"]),
                "states": states.get(row["id"], {}),
                "alarms": sum(alarm["cabinet"] == row["id"] for alarm in alarms),
            }
            for row in rows
        ]

    async def search(self, text: str, *, offset: int = 0, limit: int = 50) -> tuple[list[Row], int]:
        """Cabinets by number, as in ``cabinets`` and with ``doors`` by state; how many there are in all."""
        async with self._store.reading() as db:
            rows, in_all = await cabinets.search(db, text, offset=offset, limit=limit)
            ids = [row["id"] for row in rows]
            counted = {"states": await cabinets.states_of(db, ids), "doors": await cabinets.doors_of(db, ids)}
            alarms = await cabinets.alarms_of(db, ids)
        found = []
        for row in rows:
            counts = {name: count.get(row["id"], {}) for name, count in counted.items()}
            about = {"presence": self._presence(row["id"]), "alarms": alarms.get(row["id"], 0)}
            found.append({**_public(row), **about, **counts})
        return found, in_all

    async def cabinet(self, cabinet_id: str) -> Row:
        """One cabinet with every compartment of its map, its open alarms and its documents."""
        async with self._store.reading() as db:
            row = await cabinets.cabinet(db, cabinet_id)
            if row is None:
                raise unknown_cabinet(cabinet_id)
            boxes = await cabinets.compartments_of(db, cabinet_id)
            alarms = await cabinets.open_alarms(db, cabinet_id)
            papers = await documents.documents_of(db, cabinet_id)
        return {
            **_public(row),
            "presence": self._presence(cabinet_id),
            "compartments": [
                {**place, **_box(boxes.get(place["label"]))} for place in row["map"]["compartments"]
            ],
            "alarms": alarms,
            "documents": [_paper(paper) for paper in papers.values()],
        }

    def _presence(self, cabinet_id: str) -> Row:
        blank: Row = {
            "state": "never",
            "seen_ms": None,
            "software": "",
            "clock": "unknown",
            "epoch": None,
            "n": None,
        }
        row = self._online.row(cabinet_id)
        return {name: row[name] for name in blank} if row else blank

    async def events(self, *, after: int = 0, cabinet: str | None = None, limit: int = 100) -> list[Row]:
        """In the order of storing, from the one after number ``after``."""
        async with self._store.reading() as db:
            return await events.page(db, after=after, limit=limit, cabinet=cabinet)

    async def latest_events(
        self, *, cabinet: str | None = None, limit: int = 50, type: str | None = None,
        subject: str | None = None, before: int | None = None,
    ) -> list[Row]:  # fmt: skip
        """Newest first; go on with ``before`` = the id of the last."""
        async with self._store.reading() as db:
            return await events.latest(
                db, limit=limit, cabinet=cabinet, type=type, subject=subject, before=before
            )

    async def alarms(self, cabinet: str | None = None) -> list[Row]:
        """Open ones, newest first."""
        async with self._store.reading() as db:
            return await cabinets.open_alarms(db, cabinet)

    async def commands(self, *, cabinet: str | None = None, limit: int = 50) -> list[Row]:
        """The ledger, newest first."""
        async with self._store.reading() as db:
            return await commands.latest_commands(db, cabinet=cabinet, limit=limit)

    async def orders(self, *, cabinet: str | None = None, limit: int = 50) -> list[Row]:
        """Newest first, with parcels and state, without code and link."""
        async with self._store.reading() as db:
            rows = await orders.latest_orders(db, cabinet=cabinet, limit=limit)
            parcels = await orders.parcels_of(db, [row["id"] for row in rows])
        of_order: dict[str, list[Row]] = {}
        for parcel in parcels:
            of_order.setdefault(parcel["order_id"], []).append(parcel)
        now = now_ms()
        return [
            {
                **row,
                "parcels": of_order.get(row["id"], []),
                "state": order_state(of_order.get(row["id"], []), row["expires_ms"], now),
            }
            for row in rows
        ]

    # --- what is changed ---

    async def change_settings(self, cabinet_id: str, settings: CabinetSettings) -> None:
        """What an operator sets from afar; the cabinet gets it as a document."""
        async with self._store.writing() as db:
            if await cabinets.cabinet(db, cabinet_id) is None:
                raise unknown_cabinet(cabinet_id)
            await cabinets.change_cabinet(db, cabinet_id, settings=settings.model_dump(mode="json"))
        await self._documents.changed(cabinet_id)

    async def clear_alarm(self, cabinet_id: str, fault: str, subject: str) -> bool:
        """An operator has seen to it. False when it was not open."""
        async with self._store.writing() as db:
            was_open = await cabinets.clear_alarm(db, cabinet_id, fault, subject, now_ms())
        if was_open:
            row = {"cabinet": cabinet_id, "fault": fault, "subject": subject, "cleared_ms": now_ms()}
            self._live.publish([Change("alarm", cabinet_id, f"{fault} {subject}", row)])
        return was_open

    # --- the watch ---

    async def load(self) -> None:
        """At start: presence as it was last known."""
        async with self._store.reading() as db:
            for row in (await cabinets.presences(db)).values():
                self._online.note(row)

    async def run(self) -> None:
        """For ever: cabinets of which nothing has been heard for long are offline, confirmed."""
        while True:
            await asyncio.sleep(WATCH_S)
            try:
                await self.confirm_offline()
            except Exception:
                log.exception("presence could not be checked")

    async def confirm_offline(self) -> None:
        now = now_ms()
        before = now - self._offline_after_ms
        async with self._store.reading() as db:
            if not await cabinets.silent_since(db, before):
                return
        async with self._store.writing() as db:  # looked at again: a heartbeat may have come meanwhile
            silent = await cabinets.silent_since(db, before)
            rows = [{**row, "state": "offline", "changed_ms": now} for row in silent]
            alarms = [_offline_alarm(row, now) for row in rows]
            await cabinets.put_presences(db, rows)
            for alarm in alarms:
                await cabinets.raise_alarm(db, alarm)
        for row in rows:
            self._online.note(row)
            log.warning("cabinet offline", cabinet=row["cabinet"], seen_ms=row["seen_ms"])
        self._live.publish(Change("presence", row["cabinet"], row["cabinet"], row) for row in rows)
        self._live.publish(Change("alarm", a["cabinet"], f"offline {a['subject']}", a) for a in alarms)


def _offline_alarm(row: Row, now: int) -> Row:
    about = {"tenant": row["tenant"], "cabinet": row["cabinet"], "subject": row["cabinet"]}
    return {**about, "fault": "offline", "detail": "", "raised_ms": now}


def _public(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in _SECRET | {"map"}}


def _box(box: Row | None) -> Row:
    """State as last told; unknown before the cabinet has said anything."""
    if box is None:
        blank: Row = {"state": "unknown", "door": "unknown", "sides": [], "occupancy": None}
        return {**blank, "order": None, "parcel": None, "verified": False, "at_ms": None}
    names = ("state", "door", "occupancy", "parcel", "verified", "at_ms")
    return {**{name: box[name] for name in names}, "sides": box["sides"].split(), "order": box["order_id"]}


def _paper(row: Row) -> Row:
    names = ("name", "version", "hash", "reported_version", "refused", "changed_ms", "reported_ms")
    applied = row["reported_version"] == row["version"] and row["reported_hash"] == row["hash"]
    return {**{name: row[name] for name in names}, "applied": applied}
