"""A whole service in the test's own loop, with a real broker, a real database and real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from cloud.app import running
from cloud.auth import Scope, create_api_key
from cloud.enrolment import enrol
from cloud.parts import Parts
from cloud.store import access
from cloud.store.documents import documents_of
from config.cabinet import Cabinet, load
from config.settings import CloudSettings
from tests.service.fake_cabinet import FakeCabinet, Identity

CABINETS = Path(__file__).parents[2] / "config" / "cabinets"


@dataclass
class Service:
    """A running cloud as a test uses it."""

    parts: Parts
    http: httpx.AsyncClient
    cabinets: list[FakeCabinet]

    async def enrolled(self, name: str = "locker-8a80") -> FakeCabinet:
        """An enrolled cabinet that has not connected."""
        file = load(CABINETS / f"{name}.toml")
        token = await enrol(self.parts.store, file)
        answer = await self.http.post("/v1/enrolments/exchange", json={"token": token})
        assert answer.status_code == 200, answer.text
        return self.as_cabinet(Identity.read(answer.json()), file)

    def as_cabinet(self, identity: Identity, file: Cabinet, **given: Any) -> FakeCabinet:
        cabinet = FakeCabinet(identity, file, **given)
        self.cabinets.append(cabinet)
        return cabinet

    async def connected(self, name: str = "locker-8a80") -> FakeCabinet:
        """An enrolled cabinet that has said hello."""
        cabinet = await self.enrolled(name)
        await asyncio.to_thread(cabinet.connect)
        return cabinet

    async def document(self, name: str, cabinet: str = "garden-east-1") -> dict[str, Any]:
        """What a cabinet is to know, as it stands now."""
        async with self.parts.store.reading() as db:
            content: dict[str, Any] = (await documents_of(db, cabinet))[name]["content"]
        return content

    async def order(self, *, key: str = "k1", **changed: Any) -> httpx.Response:
        asked = {"cabinet": "garden-east-1", "parcels": [{"size": "S"}], "phone": "13800138000"}
        return await self.http.post("/v1/orders", json=asked | changed, headers={"Idempotency-Key": key})


@asynccontextmanager
async def started(folder: Path, **given: Any) -> AsyncIterator[Service]:
    settings = CloudSettings(folder=folder, port=0, log_level="error", **given)
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(running(settings))
        names = {key["name"] for key in await _keys(parts)}
        name = f"test-{len(names)}"
        key = await create_api_key(parts.store, name, list(Scope))
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=parts.public_url, headers={"Authorization": f"Bearer {key}"}, timeout=20
            )
        )
        service = Service(parts, http, [])
        try:
            yield service
        finally:
            for cabinet in service.cabinets:
                if hasattr(cabinet, "mqtt"):
                    await asyncio.to_thread(cabinet.close)


async def _keys(parts: Parts) -> list[dict[str, Any]]:
    async with parts.store.reading() as db:
        return await access.all_api_keys(db)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with started(tmp_path / "cloud") as service:
        yield service


@pytest.fixture(params=["nats", "mosquitto"])
async def on_both_brokers(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Service]:
    async with started(tmp_path / "cloud", broker=request.param) as service:
        yield service


async def until(true: Callable[[], Awaitable[bool]], timeout_s: float = 10) -> None:
    """Wait for a condition; fails when it does not come true."""
    async with asyncio.timeout(timeout_s):
        while not await true():  # noqa: ASYNC110 (the condition is in a database)
            await asyncio.sleep(0.02)


def public_keys(service: Service, purpose: str) -> dict[str, bytes]:
    """The public halves of the signing keys, by kid."""
    keys = service.parts.commands._keys
    key = keys.signer(purpose)  # type: ignore[arg-type]
    return {key.kid: key.public}
