"""Keeps a page as the service knows it: shown again after each change, for as long as somebody looks."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from nicegui import background_tasks, ui

from cloud.console.frame import Frame
from cloud.console.gate import Desk

BEAT_S = 5.0
"""So often a page is told that nothing has changed; the browser calls news older than twice that old."""

log = structlog.get_logger("console")

Show = Callable[[], Awaitable[None]]


def follow(desk: Desk, frame: Frame, show: Show, *, cabinet: str | None = None, pause_s: float = 0.0) -> None:
    """Call ``show`` after changes (of one cabinet, or of all), ``pause_s`` apart, until the page is gone."""
    task = background_tasks.create(_follow(desk, frame, show, cabinet, pause_s), name="console page")
    ui.context.client.on_delete(lambda: _cancel(task))


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


async def _follow(desk: Desk, frame: Frame, show: Show, cabinet: str | None, pause_s: float) -> None:
    with desk.parts.live.watching(cabinet=cabinet) as watch:
        while not watch.over:
            if not await _shown(desk, frame, show):
                return
            await asyncio.sleep(pause_s)
            await watch.pause(BEAT_S)


async def _shown(desk: Desk, frame: Frame, show: Show) -> bool:
    """False when the operator may no longer look. A failure leaves the page as old as it is, and says so."""
    try:
        if not await desk.may_stay():
            frame.to_sign_in()
            return False
        await show()
    except Exception:
        log.exception("a console page could not be brought up to date")
        frame.cannot_read()
    else:
        frame.is_fresh()
    return True
