"""``/console/ghosts``: goods without an order, orders without goods."""

from typing import Any

from fastapi import Request
from nicegui import ui

from cloud.console.follow import follow
from cloud.console.frame import Frame, piece
from cloud.console.gate import Desk, desk_of
from cloud.console.look import render
from cloud.ghosts import list_ghosts

PAUSE_S = 1.0


def add_page() -> None:
    """Tell NiceGUI of this page."""

    @ui.page("/ghosts")
    async def ghosts(request: Request) -> None:
        desk = desk_of(request)
        frame = Frame(desk, desk.words("ghosts"), here="ghosts")
        with frame.body:
            listed = piece("ghosts.html", desk, **await facts(desk))

        async def show() -> None:
            listed.set_content(render("ghosts.html", desk.words, **await facts(desk)))

        follow(desk, frame, show, pause_s=PAUSE_S)


async def facts(desk: Desk) -> dict[str, Any]:
    """What the list shows."""
    return {"ghosts": await list_ghosts(desk.parts.store)}
