"""How the pages are drawn and what browsers may do with them: templates, style, script, headers."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import segno
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cloud.pages.language import TAGS, Language
from cloud.pages.words import ORDERS, PROGRESS, SIZES, STEPS, WORDS, ZONES
from config.contract.faults import Sentence
from config.look import ICON, TOKENS

HERE = Path(__file__).parent
KEEP_S = 365 * 24 * 3600
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}


class Look:
    """The templates and the two files that they ask for, whose names change with their content."""

    def __init__(self) -> None:
        style = TOKENS.read_bytes() + (HERE / "files" / "page.css").read_bytes()
        script = (HERE / "files" / "order.js").read_bytes()
        css, js = _stamped("page", style, "css"), _stamped("order", script, "js")
        self._files = {css: style, js: script}
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._templates.globals.update(
            css=f"/look/{css}", js=f"/look/{js}", icon=_in_address(ICON.read_bytes()), telephone=telephone
        )

    def page(self, template: str, language: Language, status: int = 200, **shown: Any) -> HTMLResponse:
        """A page in a language, with the headers of a page that holds secrets."""
        html = self._templates.get_template(template).render(
            language=language, tag=TAGS[language], other="en" if language == "zh" else "zh",
            say=speaker(language, WORDS), order_says=speaker(language, ORDERS),
            step_says=speaker(language, STEPS), size_says=speaker(language, SIZES),
            zone_says=speaker(language, ZONES),
            progress=[said.in_language(language) for said in PROGRESS], **shown,
        )  # fmt: skip
        return HTMLResponse(html, status, SECURITY)

    def file(self, name: str) -> Response | None:
        """Style or script by its stamped name; None when it is not of this version."""
        body = self._files.get(name)
        if body is None:
            return None
        headers = {
            "Cache-Control": f"public, max-age={KEEP_S}, immutable",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(body, media_type=KINDS[name.split(".")[-1]], headers=headers)


def speaker(language: Language, words: Mapping[Any, Sentence]) -> Callable[[str], str]:
    return lambda name: words[name].in_language(language)


def qr_svg(text: str) -> Markup:
    """A QR of level M with its quiet zone, dark on white whatever the page's colours are."""
    code = segno.make(text, error="m", boost_error=False, micro=False)
    return Markup(code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr"))


def telephone(number: str) -> str:
    """A ``tel:`` address: digits, and a plus in front."""
    return "tel:" + "".join(ch for at, ch in enumerate(number) if ch.isdigit() or (ch == "+" and at == 0))


def _stamped(name: str, body: bytes, kind: str) -> str:
    return f"{name}.{hashlib.sha256(body).hexdigest()[:12]}.{kind}"


def _in_address(svg: bytes) -> str:
    """A picture that needs no request of its own."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()
