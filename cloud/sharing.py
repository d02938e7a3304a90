"""Letting others collect: a link and a QR of their own for each, which can be taken back.

The number of a share is the ``right`` in its QR. What was taken back stands in the ``parcels`` document, so a
cabinet refuses it as soon as it has heard; the link ends at once.
"""

from typing import Any

from cloud.documents import Documents
from cloud.moment import now_ms
from cloud.pickup import Pickup
from cloud.problems import Refused
from cloud.store import Store
from cloud.store import shares as stored

MOST_SHARES = 20
"""Of one order, those taken back included."""

Row = dict[str, Any]


class Sharing:
    """Shares of orders. Whoever calls has found the order by its owner's link."""

    def __init__(self, store: Store, pickup: Pickup, documents: Documents) -> None:
        self._store = store
        self._pickup = pickup
        self._documents = documents

    async def share(self, order: Row) -> None:
        """One more link with its QR; 409 when the order is over or was shared too often."""
        if order["closed_ms"] is not None or order["expires_ms"] < now_ms():
            raise Refused(409, "used", "the order is over")
        async with self._store.writing() as db:
            number = await stored.next_number(db, order["id"], MOST_SHARES)
            if number is None:
                raise Refused(409, "too_many_shares", f"an order is shared {MOST_SHARES} times at most")
            link_hash, sealed = self._pickup.new_link(_name(order["id"], number))
            row = {
                "link_hash": link_hash, "tenant": order["tenant"], "order_id": order["id"],
                "number": number, "link_sealed": sealed, "created_ms": now_ms(),
            }  # fmt: skip
            await stored.add_share(db, row)

    async def take_back(self, order: Row, number: int) -> None:
        """The link ends now; the QR when the cabinet has heard of it."""
        async with self._store.writing() as db:
            await stored.take_back(db, order["id"], number, now_ms())
        await self._documents.changed(order["cabinet"])

    async def of(self, order: Row) -> list[Row]:
        """``number`` and ``link`` of those in force."""
        async with self._store.reading() as db:
            rows = await stored.shares_in_force(db, order["id"])
        return [{"number": row["number"], "link": self._link(order["id"], row)} for row in rows]

    def _link(self, order: str, share: Row) -> str:
        return self._pickup.link_of({**share, "id": _name(order, share["number"])})


def _name(order: str, number: int) -> str:
    """What the link is sealed for."""
    return f"{order}/{number}"
