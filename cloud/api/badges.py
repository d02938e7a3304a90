"""``/v1/badges``: badges of couriers and technicians."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from cloud.api.asked import BadgeAsked, InPath, may
from cloud.auth import Caller, Scope
from cloud.parts import Parts
from config.contract.codes import BadgeRight

HOUR_MS = 3600 * 1000
Row = dict[str, Any]


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["badges"])
    Station = Annotated[Caller, Depends(may(parts.api_keys, Scope.COURIER))]

    @router.post("/badges", status_code=201)
    async def issue_badge(asked: BadgeAsked, caller: Station) -> Row:
        """A badge; its token is the text of the QR. Token and PIN are told once.

        Only loading: no PIN. For removal and service a badge of more than 12 hours comes with one.
        """
        rights = BadgeRight(sum({BadgeRight[right.upper()] for right in asked.rights}))
        valid_ms = asked.valid_hours * HOUR_MS
        row = await parts.badges.issue(caller.tenant, asked.cabinet, asked.name, valid_ms, rights)
        names = ("cabinet", "name", "created_ms", "expires_ms", "token", "pin")
        return {"badge": row["id"], **{name: row[name] for name in names}}

    @router.delete("/badges/{badge}", status_code=204)
    async def revoke_badge(badge: InPath, _: Station) -> None:
        """Void from the moment the cabinet hears of it."""
        await parts.badges.revoke(badge)

    return router
