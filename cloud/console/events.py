"""``/console/events``: what happened, newest first, by cabinet, type and compartment."""

from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from nicegui import ui

from cloud.console.follow import follow
from cloud.console.frame import Frame, piece
from cloud.console.gate import Desk, desk_of
from cloud.console.look import render
from cloud.console.phrases import sentence
from config.contract.events import EVENT_TYPES

ROWS = 100
PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events; None takes all."""

    cabinet: str | None
    type: str | None
    subject: str | None
    before: int | None


def add_page() -> None:
    """Tell NiceGUI of this page."""

    @ui.page("/events")
    async def events(
        request: Request, cabinet: str = "", type: str = "", compartment: str = "", before: int = 0
    ) -> None:
        desk = desk_of(request)
        kind = type if type in EVENT_TYPES else None
        wanted = Wanted(cabinet.strip() or None, kind, compartment.strip() or None, before or None)
        frame = Frame(desk, desk.words("events"), here="events")
        with frame.body:
            piece("filter.html", desk, wanted=wanted, types=EVENT_TYPES)
            listed = piece("events.html", desk, **await facts(desk, wanted))

        async def show() -> None:
            listed.set_content(render("events.html", desk.words, **await facts(desk, wanted)))

        follow(desk, frame, show, cabinet=wanted.cabinet, pause_s=PAUSE_S)


async def facts(desk: Desk, wanted: Wanted) -> dict[str, Any]:
    """What the list shows."""
    rows = await desk.parts.fleet.latest_events(limit=ROWS, **asdict(wanted))
    return {"rows": told(rows, desk), "wanted": wanted, "earlier": _earlier(rows, wanted)}


def told(rows: list[dict[str, Any]], desk: Desk) -> list[dict[str, Any]]:
    """Events with their sentence."""
    return [{**row, "says": sentence(row, desk.words)} for row in rows]


def _earlier(rows: list[dict[str, Any]], wanted: Wanted) -> str:
    """The query of the page after this one; empty where there is none."""
    if len(rows) < ROWS:
        return ""
    named = {"cabinet": wanted.cabinet, "type": wanted.type, "compartment": wanted.subject}
    kept = {name: value for name, value in named.items() if value}
    return urlencode({**kept, "before": rows[-1]["id"]})
