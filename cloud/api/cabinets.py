"""``/v1/cabinets`` and ``/v1/alarms``."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from cloud.api.asked import AlarmAsked, InPath, Limit, may
from cloud.auth import Caller, Scope
from cloud.parts import Parts
from cloud.problems import Refused
from config.contract.messages import CabinetSettings

Row = dict[str, Any]


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["cabinets"])
    Reader = Annotated[Caller, Depends(may(parts.api_keys, Scope.READ, Scope.OPERATOR))]
    Operator = Annotated[Caller, Depends(may(parts.api_keys, Scope.OPERATOR))]

    @router.get("/cabinets")
    async def list_cabinets(
        _: Reader, after: Annotated[str, Query(max_length=32)] = "", limit: Limit = 100
    ) -> Row:
        """By id; go on with ``after`` = the last id of the page before."""
        rows = await parts.fleet.cabinets(after=after, limit=limit)
        return {"cabinets": rows, "next": rows[-1]["id"] if len(rows) == limit else None}

    @router.get("/cabinets/{cabinet}")
    async def one_cabinet(cabinet: InPath, _: Reader) -> Row:
        """With compartments, open alarms and documents."""
        return await parts.fleet.cabinet(cabinet)

    @router.put("/cabinets/{cabinet}/settings")
    async def change_settings(cabinet: InPath, settings: CabinetSettings, _: Operator) -> Row:
        """What an operator may set from afar; in force once the cabinet has reported it."""
        await parts.fleet.change_settings(cabinet, settings)
        return settings.model_dump(mode="json")

    @router.get("/alarms")
    async def list_alarms(_: Reader, cabinet: str | None = None) -> Row:
        """Open ones, newest first."""
        return {"alarms": await parts.fleet.alarms(cabinet)}

    @router.post("/alarms/clear")
    async def clear_alarm(asked: AlarmAsked, _: Operator) -> Row:
        """Somebody has seen to it. The cabinet raises it again if it is still so."""
        if not await parts.fleet.clear_alarm(asked.cabinet, asked.fault, asked.subject):
            raise Refused(404, "no_such_alarm", f"no alarm {asked.fault!r} is open at {asked.cabinet!r}")
        return {"cleared": True}

    return router
