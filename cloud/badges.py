"""Couriers' badges: time-bounded, for one cabinet, revocable."""

from typing import Any

from cloud.documents import Documents
from cloud.moment import now_ms
from cloud.pickup import Pickup, new_id
from cloud.problems import Refused, unknown_cabinet
from cloud.store import Store, access, cabinets
from config.contract.codes import BadgeRight

Row = dict[str, Any]


class Badges:
    """Issues and revokes."""

    def __init__(self, store: Store, pickup: Pickup, documents: Documents) -> None:
        self._store = store
        self._pickup = pickup
        self._documents = documents

    async def issue(
        self, tenant: str, cabinet: str, name: str, valid_ms: int, *, may_remove: bool = False
    ) -> Row:
        """A new badge with its token, which is not kept."""
        now = now_ms()
        row = {
            "id": new_id(),
            "tenant": tenant,
            "cabinet": cabinet,
            "name": name,
            "created_ms": now,
            "expires_ms": now + valid_ms,
        }
        async with self._store.writing() as db:
            if await cabinets.cabinet(db, cabinet) is None:
                raise unknown_cabinet(cabinet)
            await access.add_badge(db, row)
        right = BadgeRight.LOAD | (BadgeRight.REMOVE if may_remove else 0)
        return {**row, "token": self._pickup.badge_of(row, right)}

    async def revoke(self, badge: str) -> None:
        """The cabinet refuses it as soon as it has the next ``grants`` document."""
        async with self._store.writing() as db:
            row = await access.badge(db, badge)
            if row is None:
                raise Refused(404, "unknown_badge", f"there is no badge {badge!r}", badge=badge)
            await access.revoke_badge(db, badge, now_ms())
        await self._documents.changed(row["cabinet"])
