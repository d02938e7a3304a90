"""The screen at the cabinet: a page on loopback that works without any network."""

import asyncio
import contextlib
import io
import socket
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import segno
import uvicorn
from fastapi import FastAPI, Query
from fastapi.responses import FileResponse, HTMLResponse, Response, StreamingResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, Field

from config.cabinet import Cabinet as CabinetFile
from config.look import ICON, TOKENS
from config.settings import EdgeSettings
from controller.cabinet import Cabinet, Changed
from controller.clock import Clock
from controller.kiosk.guard import Guard
from controller.kiosk.live import Live
from controller.kiosk.panels import of_answer, of_emergency, of_fact
from controller.kiosk.words import WORDS
from controller.presence import Screen
from controller.scan import Answer, Entrance
from controller.uplink import Uplink

HERE = Path(__file__).parent
STOP_S = 2


class Typed(BaseModel):
    """Digits from the keypad."""

    code: str = Field(max_length=64)


Nonce = Annotated[str, Query(pattern=r"^[0-9a-f]{16}$")]


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the edge has them."""

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
        self._clock = clock
        self._uplink = uplink
        self.phone = file.cabinet.phone
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._live = Live(self._start_page)
        self._page = Environment(
            loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined
        ).get_template("page.html")
        entrance.show_to(lambda answer: self._live.show(of_answer(answer)))
        cabinet.listen(self._heard)
        self.app = self._routes()

    async def start(self) -> str:
        """Listen on loopback; the page's address."""
        family = socket.AF_INET6 if ":" in self._settings.kiosk_host else socket.AF_INET
        where = (self._settings.kiosk_host, self._settings.kiosk_port)
        listening = socket.create_server(where, family=family)
        config = uvicorn.Config(
            self.app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=STOP_S
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve([listening]))
        host, port = listening.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    async def stop(self) -> None:
        if self._server is not None and self._task is not None:
            self._live.close()
            self._server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(self._task, STOP_S + 1)

    def _heard(self, changed: Changed) -> None:
        for told in changed.facts:
            self._live.show(of_fact(told))

    # --- what is served

    def _routes(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.add_middleware(Guard)
        self._add_page(app)

        @app.get("/state")
        async def state() -> dict[str, Any]:
            return self._state()

        @app.get("/live")
        async def live() -> StreamingResponse:
            return StreamingResponse(self._live.stream(), media_type="text/event-stream")

        @app.post("/code")
        async def code(typed: Typed) -> dict[str, Any]:
            return _told(await self._entrance.typed(typed.code))

        @app.post("/inside")
        async def inside() -> dict[str, Any]:
            await self._entrance.inside()
            return {"panel": of_emergency().as_json()}

        return app

    def _add_page(self, app: FastAPI) -> None:
        for path in (HERE / "kiosk.css", HERE / "kiosk.js", TOKENS, ICON):
            app.add_api_route(f"/{path.name}", _served(path))

        @app.get("/")
        async def page() -> HTMLResponse:
            about = self._file.cabinet
            return HTMLResponse(self._page.render(about=about, phone=self.phone, words=WORDS))

        @app.get("/qr.svg")
        async def qr(n: Nonce) -> Response:
            return Response(self._qr(n), media_type="image/svg+xml")

    def _qr(self, nonce: str) -> bytes:
        """The picture of a nonce. The two-digit number is not in it: it proves that the screen was seen."""
        svg = io.BytesIO()
        segno.make(self._link(nonce), error="m", micro=False).save(svg, kind="svg", border=4, light="#fff")
        return svg.getvalue()

    def _link(self, nonce: str) -> str:
        return f"{self._cloud_url}/c/{self._file.id}?n={nonce}"

    # --- what it knows

    def _start_page(self) -> dict[str, Any]:
        shown, courier = self._screen.shown(), self._entrance.courier
        return {
            "nonce": shown.nonce,
            "two_digits": f"{shown.number:02d}",
            "online": self._uplink.connected,
            "phone": self.phone,
            "deposited": None if courier is None else courier.deposited,
        }

    def _state(self) -> dict[str, Any]:
        shown = self._screen.shown()
        return {
            "number": self._file.cabinet.number,
            "phone": self.phone,
            "online": self._uplink.connected,
            "qr": self._link(shown.nonce),
            "two_digits": f"{shown.number:02d}",
            "doors": {label: box.door.state for label, box in self._cabinet.boxes.items()},
        }


def _served(path: Path) -> Callable[[], FileResponse]:
    def file() -> FileResponse:
        return FileResponse(path)

    return file


def _told(answer: Answer) -> dict[str, Any]:
    """The answer, and the panel that says it in words where there is one."""
    panel = of_answer(answer)
    return {**asdict(answer), "panel": None if panel is None else panel.as_json()}
