"""``/console``: every cabinet, who is there and what is wrong, searched and paged by the database."""

from typing import Any

from fastapi import Request
from nicegui import ui

from cloud.console.follow import follow
from cloud.console.frame import Frame, piece
from cloud.console.gate import Desk, desk_of
from cloud.console.look import render

ROWS = 50
PAUSE_S = 0.5
"""Many cabinets move at once; the list is read again at most so often."""
OPEN = ("open", "ajar", "forced")


def add_page() -> None:
    """Tell NiceGUI of this page."""

    @ui.page("/")
    async def cabinets(request: Request, q: str = "", page: int = 1) -> None:
        desk = desk_of(request)
        text, at = q.strip()[:60], max(1, min(page, 10_000))
        frame = Frame(desk, desk.words("cabinets"), here="cabinets")
        with frame.body:
            piece("search.html", desk, text=text)
            listed = piece("cabinets.html", desk, **await facts(desk, text, at))

        async def show() -> None:
            listed.set_content(render("cabinets.html", desk.words, **await facts(desk, text, at)))

        follow(desk, frame, show, pause_s=PAUSE_S)


async def facts(desk: Desk, text: str, page: int) -> dict[str, Any]:
    """What the list shows on one of its pages."""
    rows, in_all = await desk.parts.fleet.search(text, offset=(page - 1) * ROWS, limit=ROWS)
    for row in rows:
        row["open"] = sum(row["doors"].get(door, 0) for door in OPEN)
    return {
        "rows": rows,
        "in_all": in_all,
        "counts": desk.parts.online.counts(),
        "text": text,
        "page": page,
        "is_last": page * ROWS >= in_all,
    }
