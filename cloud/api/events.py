"""``/v1/events``: everything that cabinets told, in the order of storing."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from cloud.api.asked import Limit, may
from cloud.auth import Caller, Scope
from cloud.parts import Parts
from cloud.store.schema import UNDECODABLE

Row = dict[str, Any]


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["events"])
    Reader = Annotated[Caller, Depends(may(parts.api_keys, Scope.READ))]

    @router.get("/events")
    async def list_events(
        _: Reader, after: Annotated[int, Query(ge=0)] = 0, cabinet: str | None = None, limit: Limit = 100
    ) -> Row:
        """Go on with ``after`` = ``next``, which stays where it is while nothing is new."""
        rows = await parts.fleet.events(after=after, cabinet=cabinet, limit=limit)
        return {"events": [as_told(row) for row in rows], "next": rows[-1]["id"] if rows else after}

    return router


def as_told(row: Row) -> Row:
    """The event as the cabinet said it; one that cannot be read as text under ``raw``."""
    told = {name: row[name] for name in ("id", "cabinet", "epoch", "seq", "received_ms")}
    if row["type"] == UNDECODABLE:
        return {**told, "raw": row["line"].decode("utf-8", "backslashreplace")}
    return {**told, "event": json.loads(row["line"])}
