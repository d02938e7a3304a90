"""``/v1/orders`` and ``/v1/parcels``."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from cloud.api.asked import IdempotencyKey, InPath, Limit, OrderAsked, may
from cloud.auth import Caller, Scope
from cloud.orders import Asked, NewOrder
from cloud.parts import Parts
from config.contract.codes import parcel_label

HOUR_MS = 3600 * 1000
Row = dict[str, Any]


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["orders"])
    Shop = Annotated[Caller, Depends(may(parts.api_keys, Scope.ORDERS))]
    Reader = Annotated[Caller, Depends(may(parts.api_keys, Scope.READ, Scope.ORDERS))]

    @router.post("/orders", status_code=201)
    async def take_order(caller: Shop, asked: OrderAsked, key: IdempotencyKey) -> JSONResponse:
        """Take an order; the answer holds pickup code, QR text and resident link."""
        order, is_new = await parts.orders.take(
            NewOrder(
                actor=caller.name,
                key=key,
                tenant=caller.tenant,
                cabinet=asked.cabinet,
                parcels=tuple(Asked(p.size, p.zone, p.sensitive) for p in asked.parcels),
                phone=asked.phone,
                reference=asked.reference,
                keep_ms=asked.keep_hours * HOUR_MS,
                low_door=asked.low_door,
            )
        )
        headers = {"Location": f"/v1/orders/{order['id']}"}
        if not is_new:
            headers["Idempotency-Replayed"] = "true"
        return JSONResponse(as_told(order), 201, headers)

    @router.get("/orders")
    async def list_orders(_: Reader, cabinet: str | None = None, limit: Limit = 50) -> Row:
        """Newest first, without codes."""
        rows = await parts.fleet.orders(cabinet=cabinet, limit=limit)
        return {"orders": [as_told(row) for row in rows]}

    @router.get("/orders/{order}")
    async def one_order(order: InPath, caller: Reader) -> Row:
        """With code, QR and link for a key that takes orders, without them for one that only reads."""
        told = await parts.orders.told(order, with_secrets=Scope.ORDERS in caller.scopes)
        return as_told(told)

    @router.get("/orders/{order}/hand-in")
    async def hand_in(order: InPath, _: Shop) -> Row:
        """QR texts for whoever brings the parcels themselves: a return, laundry, something for a neighbour.

        Each lets its holder put that one parcel into the cabinet, without a badge; the order's code and QR
        are for whoever is to fetch it.
        """
        return {"order": order, "parcels": await parts.orders.hand_in_labels(order)}

    @router.post("/orders/{order}/code")
    async def reissue(order: InPath, _: Shop) -> Row:
        """A new code and QR, because the old ones were seen by others; the old ones are void."""
        return as_told(await parts.orders.reissue(order))

    @router.get("/parcels/{parcel}")
    async def one_parcel(parcel: InPath, _: Reader) -> Row:
        """Where it is."""
        row = await parts.orders.parcel(parcel)
        return {**parcel_as_told(row), "order": row["order_id"], "cabinet": row["cabinet"]}

    return router


def as_told(order: Row) -> Row:
    names = ("cabinet", "reference", "state", "created_ms", "expires_ms")
    secrets: Row = {name: order[name] for name in ("code", "qr", "link") if name in order}
    return {
        "order": order["id"],
        **{name: order[name] for name in names},
        "phone": order["phone_masked"],
        **secrets,
        "parcels": [parcel_as_told(parcel) for parcel in order["parcels"]],
    }


def parcel_as_told(parcel: Row) -> Row:
    names = ("size", "zone", "state", "compartment", "deposited_ms", "collected_ms", "note")
    told = {name: parcel[name] for name in names}
    if "signed_label" in parcel:
        told["signed_label"] = parcel["signed_label"]
    return {"parcel": parcel["id"], "label": parcel_label(parcel["id"]), **told}
