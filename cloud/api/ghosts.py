"""``/v1/ghosts``."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from cloud.api.asked import Limit, may
from cloud.auth import Caller, Scope
from cloud.ghosts import list_ghosts
from cloud.parts import Parts

Row = dict[str, Any]


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["cabinets"])
    Reader = Annotated[Caller, Depends(may(parts.api_keys, Scope.READ, Scope.OPERATOR))]

    @router.get("/ghosts")
    async def ghosts(_: Reader, cabinet: str | None = None, limit: Limit = 100) -> Row:
        """Goods without an order, and orders without goods."""
        return {"ghosts": await list_ghosts(parts.store, cabinet=cabinet, limit=limit)}

    return router
