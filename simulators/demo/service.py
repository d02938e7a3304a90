"""The cloud as a shop, a courier's station, a resident's phone and an operator see it: its public API."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

PAGE = 500
PATIENCE_S = 10.0
AWAY_S = 30.0


class ServiceRefused(Exception):
    """The cloud answered with a problem; its sentence."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        self.status, self.code = status, code
        super().__init__(f"{detail} ({status} {code})")


@dataclass(frozen=True, slots=True)
class Parcel:
    """One parcel of an order; ``label`` is the text of its QR."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class Order:
    """What the shop is told of a new order and tells the resident."""

    id: str
    cabinet: str
    code: str
    qr: str
    link: str
    parcels: tuple[Parcel, ...]


class Service:
    """One caller with one API key; ``async with Service(url, key) as service``."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE_S, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def order(self, cabinet: str, *parcels: tuple[str, str], phone: str, reference: str) -> Order:
        """Take an order for parcels of these (size, zone); where nobody answers, again with the same key."""
        asked = {
            "cabinet": cabinet, "phone": phone, "reference": reference,
            "parcels": [{"size": size, "zone": zone} for size, zone in parcels],
        }  # fmt: skip
        key = {"Idempotency-Key": secrets.token_hex(8)}
        told = await self._until_answered(lambda: self._post("/v1/orders", asked, key))
        its = tuple(Parcel(parcel["parcel"], parcel["label"]) for parcel in told["parcels"])
        return Order(told["order"], cabinet, told["code"], told["qr"], told["link"], its)

    async def badge(self, cabinet: str, name: str) -> str:
        """The text of a new courier's badge."""
        asked = {"cabinet": cabinet, "name": name}
        return str((await self._until_answered(lambda: self._post("/v1/badges", asked)))["token"])

    async def open_by_phone(self, order: Order, nonce: str, number: int, wait_s: int = 10) -> dict[str, Any]:
        """ "Open now" on the resident's page, with what the cabinet's screen shows; the ledger row."""
        path = f"{httpx.URL(order.link).path}/open"
        return await self._post(path, {"nonce": nonce, "number": number}, {"Prefer": f"wait={wait_s}"})

    async def state_of(self, order: str) -> dict[str, Any]:
        return await self._get(f"/v1/orders/{order}")

    async def cabinets(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = (await self._get("/v1/cabinets"))["cabinets"]
        return told

    async def cabinet(self, cabinet: str) -> dict[str, Any]:
        """With ``compartments``, ``documents`` and ``alarms``."""
        return await self._get(f"/v1/cabinets/{cabinet}")

    async def command(self, command: str) -> dict[str, Any]:
        return await self._get(f"/v1/commands/{command}")

    async def events(self) -> list[dict[str, Any]]:
        """All of them, in the order of storing."""
        found: list[dict[str, Any]] = []
        after = 0
        while page := (await self._get(f"/v1/events?after={after}&limit={PAGE}"))["events"]:
            found += page
            after = page[-1]["id"]
        return found

    async def wait_for_order(self, order: str, state: str, seconds: float = 15.0) -> bool:
        """Whether it comes to that state; a cloud that is away is asked again."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if (await self.state_of(order))["state"] == state:
                    return True
            except (httpx.TransportError, ServiceRefused):
                pass
            await asyncio.sleep(0.05)
        return False

    async def wait_for_documents(self, cabinet: str, seconds: float) -> None:
        """Until the cabinet has applied what the cloud wants of it; ``ServiceRefused`` when it does not."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            papers = (await self._until_answered(lambda: self.cabinet(cabinet)))["documents"]
            if papers and all(paper["applied"] for paper in papers):
                return
            await asyncio.sleep(0.1)
        raise ServiceRefused(
            0, "not_applied", f"cabinet {cabinet} did not apply its documents in {seconds:.0f} s"
        )

    async def _until_answered(self, ask: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        """A cloud that is just being started again is asked once more."""
        end = time.monotonic() + AWAY_S
        while True:
            try:
                return await ask()
            except httpx.TransportError:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(0.2)

    async def _get(self, path: str) -> dict[str, Any]:
        return _told(await self._http.get(path))

    async def _post(
        self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        return _told(await self._http.post(path, json=body, headers=headers))


def _told(response: httpx.Response) -> dict[str, Any]:
    try:
        told: dict[str, Any] = response.json()
    except ValueError:
        told = {}
    if response.is_error:
        raise ServiceRefused(
            response.status_code, told.get("code", ""), told.get("detail", response.reason_phrase)
        )
    return told
