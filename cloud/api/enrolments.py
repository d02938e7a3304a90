"""``/v1/enrolments``: the first start of an edge."""

import base64
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from cloud.api.asked import TokenAsked
from cloud.broker import Login
from cloud.parts import Parts


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/v1/enrolments", tags=["enrolments"])

    @router.post("/exchange")
    async def exchange(asked: TokenAsked) -> JSONResponse:
        """A one-time token for all that ``identity.toml`` holds; keys in base64."""
        identity = await parts.enrolment.exchange(asked.token)
        login = Login(identity.broker_login, identity.broker_password, identity.cabinet)
        await parts.logins.admit(login)
        told: dict[str, Any] = {
            "cabinet": identity.cabinet,
            "broker_url": parts.logins.public_url,
            "broker_login": identity.broker_login,
            "broker_password": identity.broker_password,
            "root_public": base64.b64encode(identity.root_public).decode(),
            "cabinet_key": base64.b64encode(identity.cabinet_key).decode(),
        }
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    return router
