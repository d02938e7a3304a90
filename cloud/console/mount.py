"""NiceGUI under the service's own server: same port, same loop, no process of its own.

NiceGUI is one per process (its app, its socket and its tasks are module globals), so it is set up once and
each service puts its own gate before it. Pages find the parts of their service in the request.
"""

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse

from cloud.console.gate import Gate
from cloud.parts import Parts
from config.look import ICON

PATH = "/console"
RECONNECT_S = 30.0
"""A browser that was away for less goes on with its page; after that it loads it again."""


def mount_console(app: FastAPI, parts: Parts) -> None:
    """Serve the console under ``/console``; needs ``console_running`` around it."""

    @app.get(PATH, include_in_schema=False)
    async def console(request: Request) -> RedirectResponse:
        return RedirectResponse(f"{PATH}/{'?' * bool(request.url.query)}{request.url.query}")

    app.mount(PATH, Gate(_nicegui(), parts))


@asynccontextmanager
async def console_running() -> AsyncIterator[None]:
    """NiceGUI's own tasks: begun here, ended here."""
    inside = _nicegui()
    async with inside.router.lifespan_context(inside):
        yield


@functools.cache
def _nicegui() -> FastAPI:
    # Imported here: it takes most of a second, which the command line need not wait for.
    from nicegui import app, ui

    from cloud.console import cabinet, cabinets, events, ghosts
    from cloud.console.frame import failed_page

    inside = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    for page in (cabinets, cabinet, events, ghosts):
        page.add_page()
    app.on_page_exception(failed_page)
    ui.run_with(
        inside, title="tuangui", favicon=ICON, language="zh-CN", tailwind=False,
        reconnect_timeout=RECONNECT_S, show_welcome_message=False, binding_refresh_interval=None,
    )  # fmt: skip
    return inside
