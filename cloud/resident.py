"""What the holder of a resident link may see and do: the state of one order, and "open now"."""

from dataclasses import dataclass
from typing import Any

from cloud.commands import Commands, Opening
from cloud.fold import LEFT_BEHIND
from cloud.moment import now_ms
from cloud.orders import Orders, order_state
from cloud.pickup import ALL_PARCELS, Pickup
from cloud.presence import OnlineCabinets
from cloud.problems import Refused
from cloud.sharing import Sharing
from cloud.steps import Step, step_of
from cloud.store import Store, cabinets, shares
from cloud.store import orders as stored
from cloud.taps import Taps
from cloud.vault import hash_of
from config.contract.messages import Presence

LINK_OUTLIVES_ORDER_MS = 30 * 24 * 3600 * 1000
"""So long after its order has expired a link still tells what became of it."""

REOPEN_WITHIN_MS = 10 * 60 * 1000

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Visit:
    """An order as its resident sees it."""

    order: Row
    cabinet: Row
    parcels: list[Row]
    boxes: dict[str, Row]
    shares: list[Row]
    """Others who may collect; told to the owner only."""
    right: int = ALL_PARCELS
    """Whose link it is: the owner's, or the number of a share."""

    @property
    def is_owners(self) -> bool:
        return self.right == ALL_PARCELS


class Resident:
    """Finds an order by its link and acts for whoever holds it."""

    def __init__(
        self,
        store: Store,
        pickup: Pickup,
        orders: Orders,
        sharing: Sharing,
        commands: Commands,
        online: OnlineCabinets,
    ) -> None:
        self._store = store
        self._orders = orders
        self._sharing = sharing
        self._pickup = pickup
        self._commands = commands
        self._online = online
        self._taps = Taps()

    async def visit(self, secret: str) -> Visit:
        """``Refused`` 404 for a link that is not one of ours, whatever the reason."""
        async with self._store.reading() as db:
            share = await shares.share_by_link(db, hash_of(secret))
            order = (
                await stored.order_by_link(db, hash_of(secret))
                if share is None
                else await stored.order(db, share["order_id"])
            )
            if order is None or _is_long_over(order):
                raise Refused(404, "unknown_link", "this link does not lead to an order")
            cabinet = await cabinets.cabinet(db, order["cabinet"])
            assert cabinet is not None
            parcels = await stored.parcels_of(db, [order["id"]])
            boxes = await cabinets.compartments_of(db, order["cabinet"])
        if share is not None:
            return Visit(order, cabinet, parcels, boxes, [], share["number"])
        return Visit(order, cabinet, parcels, boxes, await self._sharing.of(order))

    def state(self, visit: Visit) -> Row:
        """Everything that the page shows, as JSON."""
        order, cabinet = visit.order, visit.cabinet
        needs_tail = any(parcel["sensitive"] for parcel in visit.parcels)
        return {
            "order": order["id"],
            "reference": order["reference"],
            "state": order_state(visit.parcels, order["expires_ms"], now_ms()),
            "code": self._pickup.code_of(order) if visit.is_owners else None,
            "qr": self._pickup.qr_of(order, visit.right),
            # the digits that are left of it are the second proof
            "phone": order["phone_masked"] if visit.is_owners and not needs_tail else "",
            "needs_tail": needs_tail,
            "is_owners": visit.is_owners,
            "shares": visit.shares,
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
        again = _may_reopen(parcel)
        if again and parcel["note"] == LEFT_BEHIND and box is not None and box["state"] == "checking":
            step = Step.LEFT_BEHIND
        told = {name: parcel[name] for name in names}
        return {**told, "door": door, "step": step.value, "again": again}

    async def reissue(self, secret: str) -> None:
        """A new code and QR: others have seen the old ones."""
        await self._orders.reissue((await self._owners(secret)).order["id"])

    async def share(self, secret: str) -> None:
        """Let one more person collect."""
        visit = await self._owners(secret)
        if any(parcel["sensitive"] for parcel in visit.parcels):
            raise Refused(409, "tail_wanted", "sensitive goods are handed out to their owner only")
        await self._sharing.share(visit.order)

    async def take_back(self, secret: str, number: int) -> None:
        """A share is good no longer."""
        await self._sharing.take_back((await self._owners(secret)).order, number)

    async def _owners(self, secret: str) -> Visit:
        visit = await self.visit(secret)
        if not visit.is_owners:
            raise Refused(403, "not_yours", "only whoever ordered may do this")
        return visit

    async def open(self, secret: str, presence: Presence, parcel: str | None, *, again: bool = False) -> Row:
        """Ask the cabinet to open for the parcel named, or the first that is ready; the ledger row.

        ``again``: once more for one that was collected a moment ago.
        The same nonce again gives the same command: it is good for one opening.
        """
        visit = await self.visit(secret)
        ready = [
            p for p in visit.parcels
            if p["occupancy"] and (_may_reopen(p) if again else p["state"] in ("ready", "unclear"))
        ]  # fmt: skip
        if parcel is not None:
            ready = [p for p in ready if p["id"] == parcel]
        if not ready:
            raise _nothing_ready(visit, parcel)
        if any(p["sensitive"] for p in visit.parcels):
            raise Refused(409, "tail_wanted", "sensitive goods need the code and the phone's last 4 digits")
        opening = _collecting(visit.order, ready[0], presence, again=again)
        key = (visit.order["id"], ready[0]["id"], presence.nonce)
        asked = await self._taps.once(key, lambda: self._commands.open(opening))
        return await self._commands.row(asked["id"])


def _collecting(order: Row, parcel: Row, presence: Presence, *, again: bool) -> Opening:
    return Opening(
        cabinet=order["cabinet"],
        compartment=parcel["compartment"],
        occupancy=parcel["occupancy"],
        purpose="collect",
        asked_by=f"resident of {order['id']}",
        presence=presence,
        again=again,
    )


def _may_reopen(parcel: Row) -> bool:
    """As far as the cloud can tell; the cabinet counts how often."""
    return bool(
        parcel["state"] == "collected"
        and parcel["occupancy"]
        and not parcel["sensitive"]
        and now_ms() - (parcel["collected_ms"] or 0) < REOPEN_WITHIN_MS
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
