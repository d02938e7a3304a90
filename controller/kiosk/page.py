"""The page and what it is made of. Everything is served from this machine; nothing is inline."""

import io
from pathlib import Path

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from config.cabinet import Cabinet as CabinetFile
from config.look import ICON, TOKENS
from controller.kiosk.words import WORDS

_HERE = Path(__file__).parent
_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


FILES = {path.name: path for path in (_HERE / "kiosk.css", _HERE / "kiosk.js", TOKENS, ICON)}
"""What the page asks for besides itself."""


def page(file: CabinetFile, phone: str) -> str:
    """The start page as HTML; both languages are in it."""
    return _TEMPLATES.get_template("page.html").render(
        about=file.cabinet, phone=phone, words=WORDS, doors=doors_as_seen(file)
    )


def doors_as_seen(file: CabinetFile) -> list[list[str]]:
    """Labels by row as somebody in front of the cabinet sees them, the top row first."""
    rows = sorted({c.row for c in file.compartment}, reverse=True)
    return [[c.label for c in file.compartment if c.row == row] for row in rows]


def qr_svg(content: str) -> bytes:
    """A QR with its quiet zone, black on white whatever the page's colours are."""
    picture = io.BytesIO()
    segno.make(content, error="m", micro=False).save(picture, kind="svg", border=4, light="#fff")
    return picture.getvalue()
