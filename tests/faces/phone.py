"""A resident's phone: a browser of its own, an order behind a door, and what a cabinet says of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.service.conftest import Service, public_keys
from tests.service.fake_cabinet import FakeCabinet, Stay, box

to = asyncio.to_thread
PHONE = {"width": 390, "height": 844}
NONCE = "00112233aabbccdd"
"""What the screen of the cabinet shows in these tests, with 07 beside it."""


class Phone:
    """A browser of its own; remembers what it asked for and what its page was not allowed to do."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.context = context
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def listens(self) -> bool:
        return any(url.endswith("/live") for url in self.asked)


@asynccontextmanager
async def a_phone(browser: Browser, **given: Any) -> AsyncIterator[Phone]:
    context = await browser.new_context(**{"viewport": PHONE, "locale": "zh-CN", **given})
    try:
        yield Phone(context, await context.new_page())
    finally:
        await context.close()


class Loaded:
    """An order whose parcel a courier has put behind door 03."""

    def __init__(self, service: Service, cabinet: FakeCabinet, order: dict[str, Any]) -> None:
        self.service = service
        self.cabinet = cabinet
        self.order = order
        self.path = urlsplit(order["link"]).path
        self.url = service.parts.public_url + self.path
        self.stay = Stay("03", f"{cabinet.epoch}-1", order["order"], order["parcels"][0]["parcel"])

    async def tell(self, kind: str, state: str, door: str, **facts: Any) -> None:
        """An event at door 03 while the parcel lies there."""
        named = {"occupancy": self.stay.occupancy, "order": self.stay.order, "parcel": self.stay.parcel}
        line = self.cabinet.event(kind, "03", box=box("03", state, door, **named), **facts)
        await to(self.cabinet.tell, line)

    async def command(self, timeout_s: float = 10) -> Any:
        return await to(self.cabinet.command, public_keys(self.service, "commands"), timeout_s)

    async def end(self, command: str, outcome: str, reason: str = "") -> None:
        line = self.cabinet.event("CommandEnded", command=command, outcome=outcome, reason=reason)
        await to(self.cabinet.tell, line)


async def loaded(service: Service, **changed: Any) -> Loaded:
    cabinet = await service.connected()
    answer = await service.order(**changed)
    assert answer.status_code == 201, answer.text
    found = Loaded(service, cabinet, answer.json())
    await to(cabinet.tell, found.stay.deposited(cabinet))
    return found


async def at_the_cabinet(phone: Phone, here: Loaded) -> None:
    """The link was opened before; now the phone scans the QR on the screen."""
    await phone.page.goto(here.url)
    await expect(phone.page.locator("#tap")).to_have_count(0)
    await phone.page.goto(f"{here.service.parts.public_url}/c/{here.cabinet.id}?n={NONCE}")
    await expect(phone.page.locator("#tap")).to_be_visible()
    await phone.page.fill("#number", "07")
