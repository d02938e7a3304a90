"""What the holder of a resident link may see and do: the state of one order, and "open now"."""

from dataclasses import dataclass
from typing import Any

from cloud.commands import Commands, Opening
from cloud.moment import now_ms
from cloud.orders import Orders, order_state
from cloud.pickup import Pickup
from cloud.presence import OnlineCabinets
from cloud.problems import Refused
from cloud.steps import step_of
from cloud.store import Store, cabinets
from cloud.store import orders as stored
from cloud.taps import Taps
from cloud.vault import hash_of
from config.contract.messages import Presence

LINK_OUTLIVES_ORDER_MS = 30 * 24 * 3600 * 1000
"""So long after its order has expired a link still tells what became of it."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Visit:
    """An order as its resident sees it."""

    order: Row
    cabinet: Row
    parcels: list[Row]
    boxes: dict[str, Row]


class Resident:
    """Finds an order by its link and acts for whoever holds it."""

    def __init__(
        self, store: Store, pickup: Pickup, orders: Orders, commands: Commands, online: OnlineCabinets
    ) -> None:
        self._store = store
        self._orders = orders
        self._pickup = pickup
        self._commands = commands
        self._online = online
        self._taps = Taps()

    async def visit(self, secret: str) -> Visit:
        """``Refused`` 404 for a link that is not one of ours, whatever the reason."""
        async with self._store.reading() as db:
            order = await stored.order_by_link(db, hash_of(secret))
            if order is None or _is_long_over(order):
                raise Refused(404, "unknown_link", "this link does not lead to an order")
            cabinet = await cabinets.cabinet(db, order["cabinet"])
            assert cabinet is not None
            parcels = await stored.parcels_of(db, [order["id"]])
            boxes = await cabinets.compartments_of(db, order["cabinet"])
        return Visit(order, cabinet, parcels, boxes)

    def state(self, visit: Visit) -> Row:
        """Everything that the page shows, as JSON."""
        order, cabinet = visit.order, visit.cabinet
        return {
            "order": order["id"],
            "reference": order["reference"],
            "state": order_state(visit.parcels, order["expires_ms"], now_ms()),
            "code": self._pickup.code_of(order),
            "qr": self._pickup.qr_of(order),
            "phone": order["phone_masked"],
            "needs_tail": any(parcel["sensitive"] for parcel in visit.parcels),
            "expires_ms": order["expires_ms"],
            "cabinet": {
                **{
                    name: cabinet[name] for name in ("id", "number", "name_zh", "name_en", "address", "phone")
                },
                "online": self._online.session(cabinet["id"]) is not None,
            },
            "parcels": [self._parcel(visit, parcel) for parcel in visit.parcels],
        }

    def _parcel(self, visit: Visit, parcel: Row) -> Row:
        box = visit.boxes.get(parcel["compartment"] or "")
        here = box is not None and parcel["occupancy"] == box["occupancy"]
        names = ("id", "size", "zone", "state", "compartment", "deposited_ms", "collected_ms", "note")
        door = box["door"] if box is not None and (here or parcel["state"] == "collected") else None
        step = step_of(parcel, box if here else None, over=visit.order["expires_ms"] < now_ms())
        return {**{name: parcel[name] for name in names}, "door": door, "step": step.value}

    async def reissue(self, secret: str) -> None:
        """A new code and QR: others have seen the old ones."""
        await self._orders.reissue((await self.visit(secret)).order["id"])

    async def open(self, secret: str, presence: Presence, parcel: str | None) -> Row:
        """Ask the cabinet to open for the parcel named, or the first that is ready; the ledger row.

        The same nonce again gives the same command: it is good for one opening.
        """
        visit = await self.visit(secret)
        ready = [p for p in visit.parcels if p["state"] in ("ready", "unclear") and p["occupancy"]]
        if parcel is not None:
            ready = [p for p in ready if p["id"] == parcel]
        if not ready:
            raise _nothing_ready(visit, parcel)
        if any(p["sensitive"] for p in visit.parcels):
            raise Refused(409, "tail_wanted", "sensitive goods need the code and the phone's last 4 digits")
        opening = _collecting(visit.order, ready[0], presence)
        key = (visit.order["id"], ready[0]["id"], presence.nonce)
        asked = await self._taps.once(key, lambda: self._commands.open(opening))
        return await self._commands.row(asked["id"])


def _collecting(order: Row, parcel: Row, presence: Presence) -> Opening:
    return Opening(
        cabinet=order["cabinet"],
        compartment=parcel["compartment"],
        occupancy=parcel["occupancy"],
        purpose="collect",
        asked_by=f"resident of {order['id']}",
        presence=presence,
    )


def _is_long_over(order: Row) -> bool:
    expired_ms: int = order["expires_ms"]
    return expired_ms + LINK_OUTLIVES_ORDER_MS < now_ms()


def _nothing_ready(visit: Visit, parcel: str | None) -> Refused:
    wanted = [p for p in visit.parcels if parcel is None or p["id"] == parcel]
    if not wanted:
        return Refused(404, "unknown_parcel", f"this order has no parcel {parcel!r}", parcel=parcel)
    if all(p["state"] == "collected" for p in wanted):
        return Refused(409, "used", "it has been collected already")
    if visit.order["expires_ms"] < now_ms():
        return Refused(409, "expired", "the order has expired; please call us")
    return Refused(409, "not_loaded", "the parcel is not in the cabinet yet")
