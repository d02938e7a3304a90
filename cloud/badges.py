"""Badges of those who work at a cabinet: time-bounded, for one cabinet, revocable.

A badge that is good for more than twelve hours opens vacant doors only; for removal and service it needs a
PIN, which is told once and kept as a digest.
"""

from typing import Any

from cloud.documents import Documents
from cloud.moment import now_ms
from cloud.pickup import Pickup, new_id, pin_digest_of
from cloud.problems import Refused, unknown_cabinet
from cloud.store import Store, access, cabinets
from config.contract.codes import SHORT_BADGE_S, BadgeRight, new_pin

Row = dict[str, Any]


class Badges:
    """Issues and revokes."""

    def __init__(self, store: Store, pickup: Pickup, documents: Documents) -> None:
        self._store = store
        self._pickup = pickup
        self._documents = documents

    async def issue(
        self, tenant: str, cabinet: str, name: str, valid_ms: int, rights: BadgeRight = BadgeRight.LOAD
    ) -> Row:
        """A new badge with its token and, where it needs one, its PIN; neither is kept."""
        now = now_ms()
        needs_pin = bool(rights & ~BadgeRight.LOAD) and valid_ms > SHORT_BADGE_S * 1000
        pin = new_pin() if needs_pin else None
        row: Row = {
            "id": new_id(),
            "tenant": tenant,
            "cabinet": cabinet,
            "name": name,
            "created_ms": now,
            "expires_ms": now + valid_ms,
            "rights": int(rights),
        }
        async with self._store.reading() as reading:
            there = await cabinets.cabinet(reading, cabinet)
        if there is None:
            raise unknown_cabinet(cabinet)
        row["pin_digest"] = await pin_digest_of(row["id"], pin, there["salt"]) if pin else None
        async with self._store.writing() as db:
            await access.add_badge(db, row)
        if pin is not None:
            await self._documents.changed(cabinet)
        return {**row, "token": self._pickup.badge_of(row), "pin": pin}

    async def revoke(self, badge: str) -> None:
        """The cabinet refuses it as soon as it has the next ``grants`` document."""
        async with self._store.writing() as db:
            row = await access.badge(db, badge)
            if row is None:
                raise Refused(404, "unknown_badge", f"there is no badge {badge!r}", badge=badge)
            await access.revoke_badge(db, badge, now_ms())
        await self._documents.changed(row["cabinet"])
