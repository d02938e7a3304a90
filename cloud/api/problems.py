"""Every error as ``application/problem+json`` with a stable ``code``; nothing of the request is echoed."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.problems import Refused

MEDIA_TYPE = "application/problem+json"
LARGEST_BODY = 64 * 1024

_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 400: "bad_request"}

log = structlog.get_logger("api")


def problem(status: int, code: str, detail: str, headers: Any = None, **facts: Any) -> JSONResponse:
    said = {
        "type": f"urn:tuangui:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        **facts,
    }
    return JSONResponse(said, status, headers, MEDIA_TYPE)


def add_problems(app: FastAPI) -> None:
    """Answer every refusal, bad request and failure of this app as a problem."""

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> JSONResponse:
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
        return problem(error.status, error.code, error.sentence, headers, **error.facts)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        found = [{"where": _where(e["loc"]), "reason": e["msg"]} for e in error.errors()]
        if any(e["type"] == "json_invalid" for e in error.errors()):
            return problem(400, "not_json", "the body is not JSON", errors=found)
        first = found[0]
        return problem(422, "invalid_request", f"{first['where']}: {first['reason']}", errors=found)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        code = _CODES.get(error.status_code, HTTPStatus(error.status_code).name.lower())
        detail = f"{request.method} {request.url.path}: {error.detail}"
        return problem(error.status_code, code, detail, error.headers)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        log.error("request failed", method=request.method, route=_route(request), exc_info=error)
        return problem(500, "internal", "the service failed; it has been written down")


def _route(request: Request) -> str:
    """The pattern, not the path: paths hold secrets."""
    return getattr(request.scope.get("route"), "path", "?")


def _where(loc: tuple[int | str, ...]) -> str:
    path = ""
    for step in loc[1:] if len(loc) > 1 else loc:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


class LimitBody:
    """Refuses request bodies over 64 KiB, whether they announce their length or not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if told.isdigit() and int(told) > LARGEST_BODY:
            answer = problem(413, "too_large", f"a request body has at most {LARGEST_BODY} bytes")
            return await answer(scope, receive, send)
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > LARGEST_BODY:
                raise HTTPException(413, f"a request body has at most {LARGEST_BODY} bytes")
            return message

        return await self._app(scope, counted, send)
