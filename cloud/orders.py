"""Orders: taken from a shop, given a code, and followed until the last parcel is collected."""

import contextlib
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import structlog

from cloud.documents import Documents
from cloud.live import Change, Live
from cloud.metrics import Metrics
from cloud.moment import now_ms
from cloud.pickup import Code, Pickup, masked, new_id
from cloud.problems import Refused, unknown_cabinet
from cloud.store import Clash, Store, access, cabinets
from cloud.store import orders as stored
from config.contract.labels import LabelPurpose

SIZES = ("S", "M", "L", "XL")
CODE_TRIES = 5
LAST_GENERATION = 255

log = structlog.get_logger("orders")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A parcel as the shop wants it stored."""

    size: str
    zone: str
    sensitive: bool = False
    """Handed out to code and phone digits together only."""


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What a shop sends. ``actor`` and ``key`` make it idempotent."""

    actor: str
    key: str
    tenant: str
    cabinet: str
    parcels: tuple[Asked, ...]
    phone: str
    reference: str
    keep_ms: int
    low_door: bool = False

    @property
    def fingerprint(self) -> str:
        said: list[Any] = [
            self.cabinet,
            [(p.size, p.zone, *(["sensitive"] if p.sensitive else [])) for p in self.parcels],
            self.phone,
            self.reference,
            self.keep_ms,
            *(["low_door"] if self.low_door else []),
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


class Orders:
    """Takes orders and tells of them."""

    def __init__(
        self, store: Store, pickup: Pickup, documents: Documents, live: Live, metrics: Metrics
    ) -> None:
        self._store = store
        self._pickup = pickup
        self._documents = documents
        self._live = live
        self._metrics = metrics

    async def take(self, new: NewOrder) -> tuple[Row, bool]:
        """The order with its parcels, and whether it is new; the same key again gives the same order."""
        known = await self._known(new)
        if known is not None:
            return await self.told(known, with_secrets=True), False
        async with self._store.reading() as db:
            cabinet = await cabinets.cabinet(db, new.cabinet)
        if cabinet is None:
            raise unknown_cabinet(new.cabinet)
        if cabinet["settings"].get("closed_for", "nothing") != "nothing":
            raise Refused(409, "cabinet_closed", f"cabinet {new.cabinet!r} is closed: it takes nothing in")
        for at, parcel in enumerate(new.parcels):
            _check_fits(cabinet, parcel, at)
        order = await self._write(new, cabinet)
        if order is None:  # the same key arrived twice at once, the other was first
            return await self.take(new)
        self._metrics.orders.inc()
        await self._documents.changed(new.cabinet)
        told = await self.told(order, with_secrets=True)
        self._live.publish([Change("order", new.cabinet, order, {"id": order}, order)])
        return told, True

    async def _known(self, new: NewOrder) -> str | None:
        async with self._store.reading() as db:
            row = await access.answered(db, new.actor, new.key)
        if row is None:
            return None
        if row["request_hash"] != new.fingerprint:
            raise Refused(
                422, "key_reused", f"Idempotency-Key {new.key!r} was used before for another request"
            )
        resource: str = row["resource"]
        return resource

    async def _write(self, new: NewOrder, cabinet: Row) -> str | None:
        """The id of the new order; None when its Idempotency-Key was taken meanwhile."""
        order = new_id()
        for _ in range(CODE_TRIES):
            code = await self._pickup.new_code(order, new.cabinet, cabinet["salt"], new.phone)
            try:
                await self._insert(new, order, code)
            except Clash:
                if await self._known(new) is not None:
                    return None
                continue  # the code is in use at this cabinet
            return order
        raise Refused(503, "no_free_code", f"no free pickup code was found for cabinet {new.cabinet}")

    async def _insert(self, new: NewOrder, order: str, code: Code) -> None:
        now = now_ms()
        link_hash, link_sealed = self._pickup.new_link(order)
        row = {
            "id": order,
            "tenant": new.tenant,
            "cabinet": new.cabinet,
            "reference": new.reference,
            "phone_masked": masked(new.phone),
            "phone_sealed": self._pickup.seal_phone(order, new.phone),
            "code_sealed": code.sealed,
            "code_lookup": code.lookup,
            "link_hash": link_hash,
            "link_sealed": link_sealed,
            "created_ms": now,
            "expires_ms": now + new.keep_ms,
            "low_door": new.low_door,
        }
        common = {"tenant": new.tenant, "order_id": order, "cabinet": new.cabinet, **digests(code)}
        rows = [
            {"id": new_id(), "size": p.size, "zone": p.zone, "sensitive": p.sensitive, **common}
            for p in new.parcels
        ]
        answered = {
            "actor": new.actor,
            "key": new.key,
            "tenant": new.tenant,
            "route": "POST /v1/orders",
            "request_hash": new.fingerprint,
            "resource": order,
            "created_ms": now,
        }
        async with self._store.writing() as db:
            await access.add_answered(db, answered)
            await stored.add_order(db, row, rows)

    async def reissue(self, order_id: str) -> Row:
        """A new code and QR for an order that is not over; the ones before it are void.

        The cabinet refuses the old ones as soon as it has heard of it, or has seen the new QR.
        """
        async with self._store.reading() as db:
            order = await stored.order(db, order_id)
            cabinet = await cabinets.cabinet(db, order["cabinet"]) if order is not None else None
        if order is None or cabinet is None:
            raise Refused(404, "unknown_order", f"there is no order {order_id!r}", order=order_id)
        _check_may_reissue(order)
        for _ in range(CODE_TRIES):
            code = await self._pickup.new_code(
                order_id, order["cabinet"], cabinet["salt"], self._pickup.phone_of(order)
            )
            with contextlib.suppress(Clash):  # the code is in use at this cabinet
                await self._replace_code(order, code)
                break
        else:
            raise Refused(503, "no_free_code", f"no free pickup code was found for cabinet {cabinet['id']}")
        await self._documents.changed(order["cabinet"])
        self._live.publish([Change("order", order["cabinet"], order_id, {"id": order_id}, order_id)])
        return await self.told(order_id, with_secrets=True)

    async def _replace_code(self, order: Row, code: Code) -> None:
        async with self._store.writing() as db:
            row = {"code_sealed": code.sealed, "code_lookup": code.lookup}
            if not await stored.replace_code(db, order["id"], order["generation"], row, digests(code)):
                raise Refused(409, "changed_meanwhile", "the order has changed meanwhile; look at it again")

    async def told(self, order_id: str, *, with_secrets: bool = False) -> Row:
        """An order with its parcels; ``with_secrets`` adds code, QR and link, as whoever took it may know."""
        async with self._store.reading() as db:
            order = await stored.order(db, order_id)
            if order is None:
                raise Refused(404, "unknown_order", f"there is no order {order_id!r}", order=order_id)
            rows = await stored.parcels_of(db, [order_id])
        told = {**order, "parcels": rows, "state": order_state(rows, order["expires_ms"], now_ms())}
        if with_secrets:
            told["code"] = self._pickup.code_of(order)
            told["qr"] = self._pickup.qr_of(order)
            told["link"] = self._pickup.link_of(order)
            for row in rows:
                row["signed_label"] = self._pickup.label_of(order, row, LabelPurpose.DELIVERY)
        return told

    async def hand_in_labels(self, order_id: str) -> list[Row]:
        """For whoever brings the parcels without a courier: a QR for each that is still to come."""
        async with self._store.reading() as db:
            order = await stored.order(db, order_id)
            if order is None:
                raise Refused(404, "unknown_order", f"there is no order {order_id!r}", order=order_id)
            rows = await stored.parcels_of(db, [order_id])
        if order["closed_ms"] is not None or order["expires_ms"] <= now_ms():
            raise Refused(409, "order_over", f"order {order_id!r} is over", order=order_id)
        expected = [row for row in rows if row["state"] == "expected"]
        return [
            {"parcel": row["id"], "label": self._pickup.label_of(order, row, LabelPurpose.HAND_IN)}
            for row in expected
        ]

    async def parcel(self, parcel_id: str) -> Row:
        async with self._store.reading() as db:
            row = await stored.parcel(db, parcel_id)
        if row is None:
            raise Refused(404, "unknown_parcel", f"there is no parcel {parcel_id!r}", parcel=parcel_id)
        return row

    async def forget_expired(self) -> None:
        """Erase the codes of orders that are over, and tell their cabinets."""
        now = now_ms()
        async with self._store.reading() as db:
            if not await stored.any_code_expired(db, now):
                return
        async with self._store.writing() as db:
            touched = await stored.forget_expired_codes(db, now)
        for cabinet in touched:
            await self._documents.changed(cabinet)


def _check_may_reissue(order: Row) -> None:
    if order["closed_ms"] is not None:
        raise Refused(409, "used", "it has been collected already")
    if order["expires_ms"] < now_ms():
        raise Refused(409, "expired", "the order has expired; please call us")
    if order["generation"] >= LAST_GENERATION:
        raise Refused(409, "no_more_codes", f"this order has had {LAST_GENERATION} new codes already")


def digests(code: Code) -> Row:
    """What the cabinet is to know of a code."""
    return {"digest": code.digest, "strong_digest": code.strong_digest}


def order_state(parcels: list[Row], expires_ms: int, now: int) -> str:
    """By its parcels: expected, ready (something can be collected), collected, removed, unclear, expired."""
    states = {parcel["state"] for parcel in parcels}
    if states == {"collected"}:
        return "collected"
    if states <= {"collected", "removed"}:
        return "removed"
    if "unclear" in states:
        return "unclear"
    if expires_ms < now:
        return "expired"
    return "ready" if "ready" in states else "expected"


def _check_fits(cabinet: Row, parcel: Asked, at: int) -> None:
    """A parcel needs a compartment of its zone that is no smaller."""
    boxes = cabinet["map"]["compartments"]
    zones = sorted({box["zone"] for box in boxes})
    name, where = cabinet["id"], f"parcels[{at}]"
    if parcel.zone not in zones:
        raise Refused(
            422, "no_such_zone", f"{where}: cabinet {name} has no {parcel.zone} compartments, only "
            + ", ".join(zones), cabinet=name, zone=parcel.zone,
        )  # fmt: skip
    largest = max(SIZES.index(box["size"]) for box in boxes if box["zone"] == parcel.zone)
    if SIZES.index(parcel.size) > largest:
        raise Refused(
            422, "no_such_size", f"{where}: the largest {parcel.zone} compartment of cabinet {name} is "
            f"{SIZES[largest]}, not {parcel.size}", cabinet=name, size=parcel.size, zone=parcel.zone,
        )  # fmt: skip
