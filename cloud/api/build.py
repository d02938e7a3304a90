"""The app with all its routes."""

from fastapi import FastAPI

from cloud import pages
from cloud.api import badges, cabinets, commands, enrolments, events, ghosts, health, orders, resident
from cloud.api.problems import LimitBody, add_problems
from cloud.console import mount_console
from cloud.parts import Parts

ROOMS = (orders, cabinets, commands, events, ghosts, badges, enrolments, resident, health, pages)


def build_api(parts: Parts) -> FastAPI:
    """``/v1`` for those with an API key, ``/p`` and ``/c`` for residents, ``/console``, and health."""
    app = FastAPI(title="tuangui", version="1", docs_url="/v1/docs", openapi_url="/v1/openapi.json")
    app.router.redirect_slashes = False
    app.add_middleware(LimitBody)
    add_problems(app)
    for room in ROOMS:
        app.include_router(room.routes(parts))
    mount_console(app, parts)
    return app
