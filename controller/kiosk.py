"""The screen at the cabinet: a page on loopback that works without any network."""

import asyncio
import contextlib
import socket
from dataclasses import asdict
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field

from config.cabinet import Cabinet as CabinetFile
from config.settings import EdgeSettings
from controller.cabinet import Cabinet
from controller.clock import Clock
from controller.presence import Screen
from controller.scan import Entrance
from controller.uplink import Uplink


class Typed(BaseModel):
    """Digits from the keypad."""

    code: str = Field(max_length=64)


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
        self.app = self._routes()

    async def start(self) -> str:
        """Listen on loopback; the page's address."""
        listening = socket.create_server((self._settings.kiosk_host, self._settings.kiosk_port))
        config = uvicorn.Config(self.app, log_config=None, access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        self._task = asyncio.create_task(self._server.serve([listening]))
        host, port = listening.getsockname()[:2]
        return f"http://{host}:{port}/"

    async def stop(self) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(self._task, 3)

    def _routes(self) -> FastAPI:
        app = FastAPI(openapi_url=None)

        @app.get("/state")
        async def state() -> dict[str, Any]:
            return self._state()

        @app.post("/code")
        async def code(typed: Typed) -> dict[str, Any]:
            return asdict(await self._entrance.typed(typed.code))

        @app.post("/inside")
        async def inside() -> dict[str, Any]:
            return asdict(await self._entrance.inside())

        return app

    def _state(self) -> dict[str, Any]:
        shown = self._screen.shown()
        return {
            "number": self._file.cabinet.number,
            "phone": self.phone,
            "online": self._uplink.connected,
            "qr": f"{self._cloud_url}/c/{self._file.id}?n={shown.nonce}",
            "two_digits": f"{shown.number:02d}",
            "doors": {label: box.door.state for label, box in self._cabinet.boxes.items()},
        }
