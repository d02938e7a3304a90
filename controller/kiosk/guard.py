"""Who may talk to the kiosk: its own page on this machine, and no other page open in the browser."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 1024
"""Bytes. A code has 8 digits."""

OWN_NAMES = {"127.0.0.1", "localhost", "::1"}
OWN_SITES = {"", "none", "same-origin"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ADDED = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Turns away foreign names (DNS rebinding), foreign pages and large bodies; adds the security headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(ADDED)
            await send(message)

        headers = Headers(scope=scope)
        refused = _foreign(scope, headers)
        if refused is None and scope["method"] == "POST":
            refused = _not_json(headers)
            body = None if refused else await _bounded(receive)
            if refused is None and body is None:
                refused = error(413, f"the body is larger than {LARGEST_BODY} bytes")
            receive = _once(body or b"", receive)
        return await (refused or self._app)(scope, receive, send_guarded)


def error(status: int, sentence: str) -> JSONResponse:
    """Every error has this form."""
    return JSONResponse({"error": sentence}, status)


def _foreign(scope: Scope, headers: Headers) -> JSONResponse | None:
    host = headers.get("host", "")
    if _name(host) not in OWN_NAMES:
        return error(403, f"the kiosk is not served under the name {host[:100]!r}, only on this machine")
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return error(403, f"a page of {origin[:100]!r} may not use the kiosk")
    to_the_page = scope["method"] == "GET" and scope["path"] == "/"
    if not to_the_page and headers.get("sec-fetch-site", "") not in OWN_SITES:
        return error(403, "another site's page may not use the kiosk")
    return None


def _name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _not_json(headers: Headers) -> JSONResponse | None:
    """A page of another site can send forms and plain text unasked, but not this type."""
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    return None if kind == "application/json" else error(415, "the body has to be application/json")


async def _bounded(receive: Receive) -> bytes | None:
    """The whole body, or None as soon as it is too large."""
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > LARGEST_BODY:
            return None
        if not message.get("more_body", False):
            return body


def _once(body: bytes, receive: Receive) -> Receive:
    """The body that was read already, then whatever else comes (that the page has gone)."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
