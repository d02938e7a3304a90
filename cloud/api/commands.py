"""``/v1/commands``: doors opened from afar, and what became of it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from cloud.api.asked import InPath, Limit, OpenAsked, WaitS, may
from cloud.auth import Caller, Scope
from cloud.commands import FINAL
from cloud.parts import Parts
from config.contract.messages import SignedOrder

Row = dict[str, Any]


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["commands"])
    Reader = Annotated[Caller, Depends(may(parts.api_keys, Scope.READ, Scope.OPERATOR))]
    Operator = Annotated[Caller, Depends(may(parts.api_keys, Scope.OPERATOR))]

    @router.post("/cabinets/{cabinet}/compartments/{label}/open", status_code=202)
    async def open_door(
        cabinet: InPath, label: InPath, asked: OpenAsked, caller: Operator, wait: WaitS
    ) -> JSONResponse:
        """Open a door now. 202 while it is under way; 200 when it ended within ``Prefer: wait=10``."""
        row = await parts.commands.open_for_service(cabinet, label, f"key {caller.name}", asked.reason)
        if wait:
            row = await parts.commands.ended(row["id"], wait)
        return as_answer(row, f"/v1/commands/{row['id']}")

    @router.post("/cabinets/{cabinet}/open-all", status_code=202)
    async def open_all(cabinet: InPath, signed: SignedOrder, caller: Operator, wait: WaitS) -> JSONResponse:
        """Hand in an order, signed by two officers, to open every door of this cabinet.

        It succeeds when the cabinet has taken it and begins; each door tells for itself whether it opened.
        """
        row = await parts.commands.open_all(cabinet, signed, caller.name)
        if wait:
            row = await parts.commands.ended(row["id"], wait)
        return as_answer(row, f"/v1/commands/{row['id']}")

    @router.get("/commands")
    async def list_commands(_: Reader, cabinet: str | None = None, limit: Limit = 50) -> Row:
        """The ledger, newest first."""
        return {"commands": await parts.fleet.commands(cabinet=cabinet, limit=limit)}

    @router.get("/commands/{command}")
    async def one_command(command: InPath, _: Reader) -> Row:
        """``state`` is what we went by; ``outcome`` what the cabinet told, perhaps too late."""
        return await parts.commands.row(command)

    return router


def as_answer(row: Row, where: str) -> JSONResponse:
    return JSONResponse(row, 200 if row["state"] in FINAL else 202, {"Location": where})
