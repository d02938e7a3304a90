"""``/p/{secret}``: a resident's order. ``/c/{cabinet}``: where the QR on a cabinet's screen leads."""

import re
from collections.abc import Awaitable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from cloud.pages import phone
from cloud.pages.language import COOKIE, Language, language_of
from cloud.pages.look import SECURITY, Look, qr_svg
from cloud.pages.words import for_script
from cloud.parts import Parts
from cloud.problems import Refused

NONCE = re.compile(r"[0-9a-f]{16}")
A_YEAR_S = 365 * 24 * 3600
OPEN_ORDERS = ("expected", "ready", "unclear")

Row = dict[str, Any]


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["pages"], include_in_schema=False)
    look = Look()

    @router.get("/p/{secret}")
    async def order_page(request: Request, secret: str) -> Response:
        """The order as its resident sees it; 404 for a link that is not one of ours or long over."""
        language = language_of(request)
        try:
            state = parts.resident.state(await parts.resident.visit(secret))
        except Refused as error:
            return look.page("lost.html", language, error.status, what="link")
        shown = _order(state, language, nonce_in(request))
        page = look.page("order.html", language, here=f"/p/{secret}", **shown)
        phone.remember(page, secret, state["expires_ms"], secure=_is_secure(parts))
        return _speaking(request, page, language)

    @router.post("/p/{secret}/code")
    async def new_code(request: Request, secret: str) -> Response:
        """A new code and QR instead of those that others have seen."""
        return await _done(look, request, secret, parts.resident.reissue(secret))

    @router.post("/p/{secret}/shares")
    async def share(request: Request, secret: str) -> Response:
        """One more link for somebody else to collect with."""
        return await _done(look, request, secret, parts.resident.share(secret))

    @router.post("/p/{secret}/shares/{number}/back")
    async def take_back(request: Request, secret: str, number: int) -> Response:
        """That link is good no longer."""
        return await _done(look, request, secret, parts.resident.take_back(secret, number))

    @router.get("/c/{cabinet}")
    async def cabinet_page(request: Request, cabinet: str) -> Response:
        """To the order that this phone has here; else how to collect."""
        language = language_of(request)
        try:
            row = await parts.fleet.cabinet(cabinet)
        except Refused as error:
            return look.page("lost.html", language, error.status, what="cabinet")
        held = await _open_orders(parts, phone.held(request))
        at_it = {secret: state for secret, state in held.items() if state["cabinet"]["id"] == cabinet}
        to_fetch = {secret: state for secret, state in at_it.items() if state["state"] in OPEN_ORDERS}
        here = to_fetch or at_it
        answer = _at_cabinet(look, language, row, here, nonce_in(request))
        phone.forget(answer, phone.names(request), keep=list(held))
        return _speaking(request, answer, language)

    @router.get("/look/{name}")
    async def look_file(request: Request, name: str) -> Response:
        """Style and script, kept by browsers for a year: their names change with their content."""
        return look.file(name) or look.page("lost.html", language_of(request), 404, what="link")

    return router


async def _done(look: Look, request: Request, secret: str, doing: Awaitable[None]) -> Response:
    """Back to the order, which shows what has come of it; also when there was nothing to do any more."""
    try:
        await doing
    except Refused as error:
        if error.status == 404:
            return look.page("lost.html", language_of(request), 404, what="link")
    return RedirectResponse(f"/p/{secret}", 303, SECURITY)


def nonce_in(request: Request) -> str | None:
    """The nonce of the cabinet's QR, when the address has one of the right form."""
    said = request.query_params.get("n", "")
    return said if NONCE.fullmatch(said) else None


def _order(state: Row, language: Language, nonce: str | None) -> Row:
    again = nonce is not None and _may_reopen(state)
    is_open = state["state"] in OPEN_ORDERS or again
    return {
        "state": state,
        "cabinet": state["cabinet"],
        "is_open": is_open,
        "nonce": nonce if is_open else None,
        "lang_query": f"&n={nonce}" if nonce else "",
        "qr": qr_svg(state["qr"]) if is_open and state["qr"] else None,
        "until": _when(state["expires_ms"]),
        "for_script": {**for_script(language), "nonce": nonce if is_open else None, "state": state["state"],
                       "again": again},
    }  # fmt: skip


def _may_reopen(state: Row) -> bool:
    return any(parcel["again"] for parcel in state["parcels"])


def _at_cabinet(
    look: Look, language: Language, row: Row, here: dict[str, Row], nonce: str | None
) -> Response:
    query = f"?n={nonce}" if nonce else ""
    if len(here) == 1:
        return RedirectResponse(f"/p/{next(iter(here))}{query}", 303, SECURITY)
    links = [(f"/p/{secret}{query}", state) for secret, state in here.items()]
    return look.page(
        "cabinet.html", language, cabinet=row, links=links, lang_query=f"&n={nonce}" if nonce else ""
    )


async def _open_orders(parts: Parts, secrets: list[str]) -> dict[str, Row]:
    """Those links that lead to an order under way, the ones with something to collect first.

    And those collected a moment ago: something may have been left behind.
    """
    found = {}
    for secret in secrets:
        try:
            state = parts.resident.state(await parts.resident.visit(secret))
        except Refused:
            continue
        if state["state"] in OPEN_ORDERS or _may_reopen(state):
            found[secret] = state
    return dict(sorted(found.items(), key=lambda item: item[1]["state"] != "ready"))


def _speaking(request: Request, page: Response, language: Language) -> Response:
    """Remember a language that was chosen by a tap."""
    if request.query_params.get("lang") == language:
        page.set_cookie(COOKIE, language, max_age=A_YEAR_S, httponly=True, samesite="lax")
    return page


def _is_secure(parts: Parts) -> bool:
    return parts.public_url.startswith("https:")


def _when(ms: int) -> tuple[str, str]:
    """For machines, and for people by the service's own clock; the script shows the phone's."""
    there = datetime.fromtimestamp(ms / 1000).astimezone()
    return there.isoformat(timespec="seconds"), f"{there:%Y-%m-%d %H:%M} (UTC{there:%z})"
