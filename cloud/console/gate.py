"""Who may see the console: somebody at this very machine, or signed in with an API key of scope operator.

"At this machine" is taken strictly. The connection itself is from loopback, the browser asked for a loopback
name (so a foreign page that points its own name at 127.0.0.1 does not get in), and no proxy stands between:
whatever a forwarding header claims, a request that has one came from elsewhere.
"""

import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloud.auth import Scope as Right
from cloud.console.look import render
from cloud.console.words import Language, Words, words_for
from cloud.parts import Parts
from cloud.problems import Refused
from cloud.sessions import LASTS_S

SESSION = "tuangui_operator"
LANGUAGE = "tuangui_language"
YEAR_S = 365 * 24 * 3600
LONGEST_FORM = 4096
FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")

# NiceGUI puts its scripts and styles into the page and compiles templates in the browser. Nothing is asked
# of any other host, and no other page may frame a console that opens doors.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
ON_EVERY_ANSWER = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


AT_THIS_MACHINE = "console at the service's machine"


@dataclass(frozen=True, slots=True)
class Desk:
    """An operator at work. ``name`` is the API key's; empty for somebody at this machine."""

    parts: Parts
    name: str
    language: Language
    may_stay: Callable[[], Awaitable[bool]]

    @property
    def words(self) -> Words:
        return words_for(self.language)

    @property
    def asked_by(self) -> str:
        """How the command ledger names this operator."""
        return f"key {self.name}, console" if self.name else AT_THIS_MACHINE


def desk_of(request: HTTPConnection) -> Desk:
    """The operator whom the gate let in with this request."""
    desk: Desk = request.scope["desk"]
    return desk


class Gate:
    """Stands before everything under ``/console``, sockets and static files too."""

    def __init__(self, inside: ASGIApp, parts: Parts) -> None:
        self._inside = inside
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = HTTPConnection(scope)
        answer = await self._answer(asked, receive)
        if isinstance(answer, Desk):
            await self._inside({**scope, "desk": answer}, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4401})
        else:
            await answer(scope, receive, _with_headers(send))

    async def _answer(self, asked: HTTPConnection, receive: Receive) -> Response | Desk:
        if not _is_of_this_site(asked):
            return PlainTextResponse("another site may not ask this", 403)
        is_get, path = asked.scope.get("method") == "GET", _path(asked)
        language = parse_qs(asked.url.query).get("lang", [""])[0]
        if is_get and language in ("zh", "en"):
            return _in_language(asked, language)
        if path == "/sign-in" and asked.scope["type"] == "http":
            if is_get:
                return _form(asked, parse_qs(asked.url.query).get("next", ["/"])[0])
            return await self._sign_in(Request(asked.scope, receive))
        if path == "/sign-out" and asked.scope.get("method") == "POST":
            return _signed_out()
        desk = await self._desk(asked)
        return desk if desk is not None else _to_sign_in(asked, path)

    async def _desk(self, asked: HTTPConnection) -> Desk | None:
        cookie, language = asked.cookies.get(SESSION, ""), language_of(asked)
        caller = await self._parts.sessions.caller(cookie, Right.OPERATOR) if cookie else None
        if caller is not None:
            return Desk(self._parts, caller.name, language, lambda: self._still(cookie))
        return Desk(self._parts, "", language, _always) if is_at_this_machine(asked) else None

    async def _still(self, cookie: str) -> bool:
        return await self._parts.sessions.caller(cookie, Right.OPERATOR) is not None

    async def _sign_in(self, request: Request) -> Response:
        told = parse_qs((await _short_body(request)).decode("utf-8", "replace"))
        key, onward = told.get("key", [""])[0].strip(), told.get("next", ["/"])[0]
        try:
            cookie = await self._parts.sessions.begin(key, Right.OPERATOR)
        except Refused as error:
            return _form(request, onward, error)
        answer = RedirectResponse(f"/console{_onward(onward)}", 303)
        is_https = self._parts.public_url.startswith("https:")
        answer.set_cookie(
            SESSION, cookie, LASTS_S, path="/console", secure=is_https, httponly=True, samesite="strict"
        )
        return answer


async def _always() -> bool:
    return True


def is_at_this_machine(asked: HTTPConnection) -> bool:
    """No address and no name that lies elsewhere has a part in this request."""
    if asked.client is None or any(name in asked.headers for name in FORWARDED):
        return False
    name = urlsplit(f"//{asked.headers.get('host', '')}").hostname or ""
    return _is_loopback(asked.client.host) and (name == "localhost" or _is_loopback(name))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _is_of_this_site(asked: HTTPConnection) -> bool:
    """Browsers name the asking page's origin on sockets and on whatever changes something."""
    origin = asked.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == asked.headers.get("host")


def language_of(asked: HTTPConnection) -> Language:
    """As chosen; else the browser's first one; Chinese where that is neither."""
    chosen = asked.cookies.get(LANGUAGE) or asked.headers.get("accept-language", "")
    return "en" if chosen.lower().startswith("en") else "zh"


def _path(asked: HTTPConnection) -> str:
    return str(asked.scope["path"]).removeprefix(asked.scope.get("root_path", ""))


def _onward(path: str) -> str:
    """A path within the console, whatever was asked for."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def _form(asked: HTTPConnection, onward: str, refused: Refused | None = None) -> Response:
    words = words_for(language_of(asked))
    why = words.or_else(f"refused.{refused.code}", refused.sentence) if refused else ""
    page = render("sign_in.html", words, refused=why, next=_onward(onward))
    return HTMLResponse(page, 401 if refused else 200, {"Cache-Control": "no-store"})


def _to_sign_in(asked: HTTPConnection, path: str) -> Response:
    if "text/html" not in asked.headers.get("accept", ""):
        return PlainTextResponse("sign in first", 401)
    query = f"?{asked.url.query}" if asked.url.query else ""
    return RedirectResponse(f"/console/sign-in?next={quote(path + query, safe='/')}", 303)


def _in_language(asked: HTTPConnection, language: str) -> Response:
    kept = "&".join(part for part in asked.url.query.split("&") if not part.startswith("lang="))
    answer = RedirectResponse(f"/console{_path(asked)}{'?' * bool(kept)}{kept}", 303)
    answer.set_cookie(LANGUAGE, language, YEAR_S, path="/console", samesite="lax")
    return answer


def _signed_out() -> Response:
    answer = RedirectResponse("/console/sign-in", 303)
    answer.delete_cookie(SESSION, path="/console")
    return answer


async def _short_body(request: Request) -> bytes:
    body = await request.body()
    return body if len(body) <= LONGEST_FORM else b""


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(Headers(raw=message["headers"]).raw))
            headers.update(ON_EVERY_ANSWER)
            message = {**message, "headers": headers.raw}
        await send(message)

    return sending
