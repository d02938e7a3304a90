"""The screen at the cabinet: a page on loopback that works without any network."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse
from starlette.exceptions import HTTPException

from config.cabinet import Cabinet as CabinetFile
from config.contract.messages import CabinetSettings
from config.settings import EdgeSettings
from controller import reservations
from controller.cabinet import Cabinet, Changed
from controller.clock import Clock
from controller.entrance import Answer, Entrance
from controller.kiosk.guard import Guard, error
from controller.kiosk.live import Live
from controller.kiosk.page import FILES, page, qr_svg
from controller.kiosk.panels import EMERGENCY, of_answer, of_facts
from controller.presence import Screen
from controller.uplink import Uplink

STOP_S = 2


class Typed(BaseModel):
    """Digits from the keypad."""

    code: str = Field(max_length=64)


class Word(BaseModel):
    """What somebody at the screen says of a door, or of a zone."""

    word: str = Field(max_length=20)
    door: str = Field(default="", max_length=32)
    about: str = Field(default="", max_length=64)


Nonce = Annotated[str | None, Query(pattern=r"^[0-9a-f]{16}$")]


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: those belong to the edge."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Kiosk:
    """Serves the page; ``start`` returns its address."""

    def __init__(
        self,
        file: CabinetFile,
        settings: EdgeSettings,
        cloud_url: str,
        entrance: Entrance,
        screen: Screen,
        cabinet: Cabinet,
        clock: Clock,
        uplink: Uplink,
    ) -> None:
        self._file = file
        self._settings = settings
        self._cloud_url = cloud_url
        self._entrance = entrance
        self._screen = screen
        self._cabinet = cabinet
        self._uplink = uplink
        self._rows = {c.label: c.row for c in file.compartment}
        self._live = Live(self._state, clock)
        self.phone = file.cabinet.phone
        self.settings = CabinetSettings()
        self.on_last_good = False
        """The cabinet file was refused; the last good one is gone by."""
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self.app = Guard(self._routes())
        entrance.show_to(self._answered)
        cabinet.listen(self._heard)

    async def start(self) -> str:
        """Listen on loopback; the page's address."""
        host, port = self._settings.kiosk_host, self._settings.kiosk_port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
        config = uvicorn.Config(
            self.app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=STOP_S
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve([listening]))
        port = listening.getsockname()[1]
        return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    async def stop(self) -> None:
        """Open pages are told to come back; whoever is being answered gets the answer."""
        self._live.close()
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(self._task, STOP_S + 1)

    # --- what happens is shown

    def _answered(self, answer: Answer) -> None:
        # A reader sees the same QR several times: "in use" about the door that is just opening helps nobody.
        if answer.refusal == "busy" and answer.door is not None and answer.door == self._live.door:
            return
        panel = of_answer(answer)
        if panel is not None:
            self._live.show(panel)

    def _heard(self, changed: Changed) -> None:
        panel = of_facts(changed.facts, self._more_doors)
        if panel is not None:
            self._live.show(panel)
        else:
            self._live.stir()

    def _more_doors(self, order: str, door: str) -> int:
        boxes = reservations.boxes_of(order, self._cabinet.boxes, self._rows)
        return sum(box.label != door for box in boxes)

    # --- what is served

    def _routes(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        self._serve_state(app)
        self._serve_page(app)
        _answer_errors(app)

        @app.post("/code")
        async def code(typed: Typed) -> dict[str, Any]:
            return asdict(await self._entrance.typed(typed.code))

        @app.post("/say")
        async def say(said: Word) -> dict[str, Any]:
            return asdict(await self._entrance.said(said.word, said.door, said.about))

        @app.post("/again")
        async def again() -> dict[str, Any]:
            return asdict(self._entrance.again())

        @app.post("/inside")
        async def inside() -> dict[str, Any]:
            self._live.show(EMERGENCY)
            return asdict(await self._entrance.inside())

        return app

    def _serve_page(self, app: FastAPI) -> None:
        @app.get("/")
        async def start_page() -> HTMLResponse:
            return HTMLResponse(page(self._file, self.phone))

        @app.get("/{name}")
        async def own_file(name: str) -> FileResponse:
            if name not in FILES:
                raise HTTPException(404)
            return FileResponse(FILES[name])

    def _serve_state(self, app: FastAPI) -> None:
        @app.get("/state")
        async def state() -> dict[str, Any]:
            return self._state()

        @app.get("/live")
        async def live() -> EventSourceResponse:
            return EventSourceResponse(self._live.stream())

        @app.get("/qr.svg")
        async def qr(n: Nonce = None) -> Response:
            """The picture now shown, or that of a nonce: then it fits the number sent along with it."""
            return Response(qr_svg(self._link(n or self._screen.shown().nonce)), media_type="image/svg+xml")

    def _link(self, nonce: str) -> str:
        return f"{self._cloud_url}/c/{self._file.id}?n={nonce}"

    def _state(self) -> dict[str, Any]:
        shown = self._screen.shown()
        return {
            "number": self._file.cabinet.number,
            "phone": self.phone,
            "online": self._uplink.connected,
            "closed_for": self.settings.closed_for,
            "closed_because": self.settings.closed_because,
            "last_good": self.on_last_good,
            "loading": self._entrance.loading.courier is not None,
            "overdue": [box.label for box in self._entrance.removing.overdue()],
            "asks": self._entrance.asks,
            "may_reopen": self._entrance.may_reopen,
            "qr": self._link(shown.nonce),
            "nonce": shown.nonce,
            "two_digits": f"{shown.number:02d}",
            "doors": {label: box.door.state for label, box in self._cabinet.boxes.items()},
        }


def _answer_errors(app: FastAPI) -> None:
    """Every error is JSON with a plain sentence."""

    @app.exception_handler(RequestValidationError)
    async def not_understood(request: Request, wrong: RequestValidationError) -> JSONResponse:
        reasons = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in wrong.errors())
        return error(422, f"the request is not understood: {'; '.join(reasons)}")

    @app.exception_handler(HTTPException)
    async def not_served(request: Request, wrong: HTTPException) -> JSONResponse:
        return error(wrong.status_code, f"the kiosk does not serve {request.method} {request.url.path[:100]}")

    @app.exception_handler(Exception)
    async def failed(request: Request, wrong: Exception) -> JSONResponse:
        return error(500, "the cabinet could not do this; its log says why")
