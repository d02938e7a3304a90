"""The operators' console: the real cloud, a real browser, and a cabinet that says what the test wants."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from cloud.api import build_api
from cloud.auth import Scope, create_api_key
from cloud.live import Change
from cloud.parts import Parts
from cloud.store import access
from config.cabinet import load
from config.contract.topics import Leaf
from tests.faces.conftest import ARGUMENTS, Heard
from tests.service.conftest import CABINETS, Service, public_keys, started
from tests.service.fake_cabinet import FakeCabinet, box

to = asyncio.to_thread
SOON_MS = 1000


# One loop for all, so that one browser serves all.
pytestmark = [pytest.mark.computes, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with started(tmp_path / "cloud") as service:
        yield service


@pytest_asyncio.fixture(loop_scope="module")
async def page(service: Service, browser: Browser) -> AsyncIterator[Page]:
    """An English operator at the service's machine, whose page has no errors and asks nobody else."""
    async with english(service, browser) as page:
        heard = Heard(page, service.parts.public_url)
        yield page
        assert (heard.foreign, heard.errors) == ([], [])


@asynccontextmanager
async def english(service: Service, browser: Browser, **given: Any) -> AsyncIterator[Page]:
    context = await browser.new_context(base_url=service.parts.public_url, locale="en-GB", **given)
    try:
        yield await context.new_page()
    finally:
        await context.close()


async def surveyed(service: Service) -> FakeCabinet:
    """A cabinet that is there and has told how its doors stand."""
    cabinet = await service.connected()
    labels = [place["label"] for place in cabinet.file.map()["compartments"]]
    boxes = [box(label) for label in labels]
    await to(
        cabinet.tell, cabinet.event("Booted", software="1", map_version="m1", reason="start", boxes=boxes)
    )
    return cabinet


def door(page: Page, label: str) -> Any:
    return page.locator(".face button", has_text=re.compile(rf"\s*{label}"))


# --- what is shown ---


async def test_an_empty_console_says_what_to_do_next(page: Page) -> None:
    await page.goto("/console")
    await expect(page.locator(".empty")).to_contain_text("tuangui cloud enrol")
    await expect(page.locator(".as-of")).to_contain_text("live")


async def test_a_cabinet_appears_in_the_list_and_comes_online(service: Service, page: Page) -> None:
    await page.goto("/console/")
    cabinet = await service.enrolled()
    await page.reload()
    row = page.locator("[data-cabinet=garden-east-1]")
    await expect(row).to_contain_text("never seen")
    await to(cabinet.connect)
    await expect(row).to_contain_text("online")
    boxes = [box("01", door="open"), box("02", "occupied")]
    await to(cabinet.tell, cabinet.event("Surveyed", boxes=boxes))
    await expect(row.locator("[data-head='Doors open']")).to_have_text("1")
    await expect(row).to_contain_text("occupied 1")
    await to(cabinet.tell, cabinet.event("FaultRaised", "02", fault="door_stuck", subject="02"))
    await expect(row).to_contain_text("⚠ 1")
    await to(cabinet.say, Leaf.STATUS, cabinet.status("offline"))
    await expect(row).to_contain_text("away")


async def test_search_and_pages_come_from_the_database(service: Service, page: Page) -> None:
    await service.enrolled()
    await service.enrolled("locker-modbus")
    other = load(CABINETS / "locker-modbus.toml").cabinet
    await page.goto(f"/console/?q={other.number}")
    await expect(page.locator("[data-cabinet]")).to_have_count(1)
    await expect(page.locator("[data-cabinet]")).to_contain_text(other.name_en)
    await page.goto("/console/?q=%25")
    await expect(page.locator(".empty")).to_contain_text("No cabinet matches “%”")
    first, in_all = await service.parts.fleet.search("", limit=1)
    second, _ = await service.parts.fleet.search("", offset=1, limit=1)
    assert (in_all, {first[0]["id"], second[0]["id"]}) == (2, {"garden-east-1", other.id})


async def test_a_door_that_opens_and_closes_is_shown_within_a_second(service: Service, page: Page) -> None:
    cabinet = await surveyed(service)
    await page.goto("/console/cabinet/garden-east-1")
    await expect(door(page, "03")).to_contain_text("closed")
    await expect(page.locator(".as-of")).to_contain_text("live")
    about = {"opening": 1, "purpose": "collect", "proof": "code"}
    opened = cabinet.event(
        "DoorOpened", "03", box=box("03", "collecting", "open"), **about, pulse=1, after_pulse_ms=90
    )
    await to(cabinet.tell, opened)
    await expect(door(page, "03").locator(".stands")).to_have_text("open", timeout=SOON_MS)
    await expect(door(page, "03")).to_have_class(re.compile("door-open"))
    await expect(page.locator(".last li").first).to_contain_text("Door opened")
    await to(cabinet.tell, cabinet.event("DoorClosed", "03", box=box("03")))
    await expect(door(page, "03").locator(".stands")).to_have_text("closed", timeout=SOON_MS)


async def test_an_alarm_is_shown_in_words_with_the_next_step(service: Service, page: Page) -> None:
    cabinet = await surveyed(service)
    await page.goto("/console/cabinet/garden-east-1")
    alarms = page.locator(".alarms")
    await expect(alarms).to_contain_text("No alarm is open")
    await to(
        cabinet.tell, cabinet.event("FaultRaised", "07", fault="door_stuck", subject="07", detail="<b>3")
    )
    await expect(alarms).to_contain_text("A door did not open")
    await expect(alarms).to_contain_text("Send somebody to look at the latch")
    await expect(alarms).to_contain_text("<b>3")  # what a cabinet says is never markup
    await page.goto("/console/cabinet/garden-east-1?lang=zh")
    await expect(alarms).to_contain_text("箱门打不开")
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


async def test_a_closed_cabinet_is_shown_as_closed_with_the_reason(service: Service, page: Page) -> None:
    await surveyed(service)
    about, line = page.locator(".about .closed"), page.locator("[data-cabinet='garden-east-1']")
    await page.goto("/console/cabinet/garden-east-1")
    await expect(about).to_have_count(0)
    closed = {"closed_for": "all", "closed_because": "<b>flood"}
    await service.http.put("/v1/cabinets/garden-east-1/settings", json=closed)
    await page.goto("/console/cabinet/garden-east-1")
    await expect(about).to_contain_text("pickups have stopped")
    await expect(about).to_contain_text("<b>flood")
    await page.goto("/console/")
    await expect(line).to_contain_text("pickups have stopped")
    await service.http.put("/v1/cabinets/garden-east-1/settings", json={"closed_for": "new"})
    await page.goto("/console/")
    await expect(line).to_contain_text("pickups go on")


async def test_documents_are_shown_as_wanted_and_reported(service: Service, page: Page) -> None:
    cabinet = await surveyed(service)
    document = await to(cabinet.desired, public_keys(service, "desired"))
    await to(cabinet.report, document)
    await page.goto("/console/cabinet/garden-east-1")
    row = page.locator(".panel tr", has_text=document.name.value)
    await expect(row).to_contain_text("in force")


async def test_a_page_without_news_says_how_old_it_is(service: Service, page: Page) -> None:
    await page.clock.install()
    await page.goto("/console/")
    await expect(page.locator(".as-of")).to_contain_text(re.compile(r"as of \d\d:\d\d:\d\d, live"))
    await page.clock.fast_forward(42_000)
    await expect(page.locator(".as-of")).to_contain_text(re.compile(r"no news for 4\d s"), timeout=SOON_MS)


async def test_events_are_filtered_and_told_in_words(service: Service, page: Page) -> None:
    cabinet = await surveyed(service)
    refused = cabinet.event("AccessRefused", proof="code", reason="not_valid")
    await to(cabinet.tell, refused, cabinet.event("DoorClosed", "05", box=box("05")))
    await page.goto("/console/events?cabinet=garden-east-1&type=AccessRefused")
    await expect(page.locator(".line")).to_have_count(1)
    await expect(page.locator(".line")).to_contain_text("This code does not open anything here")
    await page.goto("/console/events?compartment=05")
    await expect(page.locator(".line")).to_contain_text("Door closed")
    await page.goto("/console/events?cabinet=nobody")
    await expect(page.locator(".empty")).to_contain_text("No event matches")


async def test_a_database_that_cannot_be_read_is_said_and_gone_on_with(
    service: Service, browser: Browser
) -> None:
    cabinet = await surveyed(service)
    async with english(service, browser) as page:
        await page.goto("/console/cabinet/garden-east-1")
        await expect(page.locator(".as-of")).to_contain_text("live")
        await rename(service, "alarms", "away")
        service.parts.live.publish([Change("presence", cabinet.id, cabinet.id, {})])
        await expect(page.get_by_role("alert")).to_contain_text("The latest cannot be read just now")
        await expect(door(page, "03")).to_contain_text("closed")
        answer = await (await page.context.new_page()).goto("/console/")
        assert answer is not None
        assert (answer.status, "This page cannot be shown just now" in await answer.text()) == (500, True)
        await rename(service, "away", "alarms")
        service.parts.live.publish([Change("presence", cabinet.id, cabinet.id, {})])
        await expect(page.get_by_role("alert")).to_be_hidden()


async def rename(service: Service, table: str, name: str) -> None:
    async with service.parts.store.writing() as db:
        await db.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {name}")


async def test_an_unknown_cabinet_is_named(service: Service, browser: Browser) -> None:
    async with english(service, browser) as page:
        answer = await page.goto("/console/cabinet/nowhere")
        assert answer is not None
        assert answer.status == 404
        await expect(page.locator(".empty")).to_contain_text("There is no such cabinet: nowhere")


# --- opening a door from afar ---


async def test_a_door_is_opened_with_a_reason_and_its_outcome_shown(service: Service, page: Page) -> None:
    cabinet = await surveyed(service)
    await page.goto("/console/cabinet/garden-east-1")
    await door(page, "03").click()
    await expect(page.locator(".ask")).to_contain_text("Open door 03 from afar?")
    await page.get_by_role("button", name="Open", exact=True).click()
    await expect(page.locator(".ask .refused")).to_have_text("Say why, in 3 to 120 characters")
    await page.get_by_label("Reason (required)").fill("resident is at the door")
    await page.get_by_role("button", name="Open", exact=True).click()
    command = await to(cabinet.command, public_keys(service, "commands"))
    assert (command.compartment, command.purpose, command.reason) == (
        "03",
        "service",
        "resident is at the door",
    )
    openings = page.locator(".openings article")
    await expect(openings).to_contain_text("sent, waiting for the cabinet")
    await to(
        cabinet.tell, cabinet.event("CommandEnded", command=command.id, outcome="rejected", reason="budget")
    )
    await expect(openings).to_contain_text("the cabinet refused · Too many remote openings", timeout=SOON_MS)
    await expect(openings).to_contain_text("asked by console at the service's machine")


async def test_a_door_of_a_cabinet_that_is_away_does_not_open(service: Service, page: Page) -> None:
    await service.enrolled()
    await page.goto("/console/cabinet/garden-east-1")
    await expect(page.locator(".old")).to_contain_text("not there now")
    await door(page, "01").click()
    await page.get_by_label("Reason (required)").fill("try it")
    await page.get_by_role("button", name="Open", exact=True).click()
    await expect(page.locator(".ask .refused")).to_contain_text("no door can be opened from afar")


# --- who may ---


@asynccontextmanager
async def asking(
    service: Service, peer: str = "203.0.113.9", **headers: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A client at that address, in front of the same routes."""

    transport = httpx.ASGITransport(build_api(service.parts), client=(peer, 40000))
    html = {"Accept": "text/html", "Accept-Language": "en", **headers}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=html) as http:
        yield http


async def test_somebody_elsewhere_has_to_sign_in(service: Service) -> None:
    for peer, headers in [
        ("203.0.113.9", {}),
        ("203.0.113.9", {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}),  # through a proxy of this machine
        ("127.0.0.1", {"Host": "rebound.example"}),
    ]:
        async with asking(service, peer, **headers) as http:
            answer = await http.get("/console/cabinet/x?a=1")
            assert answer.status_code == 303, (peer, headers)
            assert answer.headers["Location"] == "/console/sign-in?next=/cabinet/x%3Fa%3D1"
            assert (await http.get("/console/", headers={"Accept": "*/*"})).status_code == 401
    async with asking(service, "127.0.0.1") as http:
        assert (await http.get("/console/")).status_code == 200


async def test_a_socket_without_a_session_or_from_another_site_is_refused(service: Service) -> None:
    url = "/console/_nicegui_ws/socket.io/?EIO=4&transport=polling"
    async with asking(service) as http:
        assert (await http.get(url)).status_code in (303, 401)
    async with asking(service, "127.0.0.1", Origin="https://elsewhere.example") as http:
        assert (await http.get(url)).status_code == 403


async def test_no_other_page_may_frame_the_console(service: Service) -> None:
    async with asking(service, "127.0.0.1") as http:
        for path in ("/console/", "/console/sign-in"):
            headers = (await http.get(path)).headers
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
            assert headers["X-Frame-Options"] == "DENY"


async def test_an_operators_key_signs_in_until_it_is_revoked(service: Service, browser: Browser) -> None:
    parts = service.parts
    reader = await create_api_key(parts.store, "reader", [Scope.READ])
    operator = await create_api_key(parts.store, "anna", [Scope.OPERATOR])
    async with english(service, browser, extra_http_headers={"X-Forwarded-For": "203.0.113.9"}) as page:
        await page.goto("/console/events")
        for key, refusal in [("tg_nonsense", "not in force"), (reader, "no scope operator")]:
            await page.get_by_label("API key").fill(key)
            await page.get_by_role("button", name="Sign in").click()
            await expect(page.get_by_role("alert")).to_contain_text(refusal)
        await page.get_by_label("API key").fill(operator)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page).to_have_url(f"{parts.public_url}/console/events")
        await expect(page.locator(".operator")).to_contain_text("anna")
        cookie = next(c for c in await page.context.cookies() if c["name"] == "tuangui_operator")
        assert (cookie["httpOnly"], cookie["sameSite"], operator in cookie["value"]) == (
            True,
            "Strict",
            False,
        )
        await page.get_by_role("button", name="Sign out").click()
        await expect(page).to_have_url(f"{parts.public_url}/console/sign-in")


async def test_a_session_ends_with_its_key_and_cannot_be_forged(service: Service) -> None:
    parts = service.parts
    sessions = parts.sessions
    key = await create_api_key(parts.store, "anna", [Scope.OPERATOR])
    cookie = await sessions.begin(key, Scope.OPERATOR)
    assert (await sessions.caller(cookie, Scope.OPERATOR)).name == "anna"  # type: ignore[union-attr]
    key_hash, until, proof = cookie.split(".")
    for forged in (
        f"{key_hash}.{int(until) + 1}.{proof}",
        f"{key_hash}.{until}.{proof[:-1]}",
        "",
        "a.b",
        "ü.1.2",
    ):
        assert await sessions.caller(forged, Scope.OPERATOR) is None
    await revoke(parts, "anna")
    assert await sessions.caller(cookie, Scope.OPERATOR) is None


async def revoke(parts: Parts, name: str) -> None:
    async with parts.store.writing() as db:
        await access.revoke_api_key(db, name, 1)
    parts.api_keys._known.clear()  # instead of waiting for five seconds


async def test_a_second_service_in_the_same_process_has_a_console_too(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        async with AsyncExitStack() as stack:
            service = await stack.enter_async_context(started(tmp_path / folder))
            answer = await service.http.get("/console/")
            assert answer.status_code == 200


# --- ghosts ---


async def test_goods_that_no_order_names_are_listed_as_they_come(service: Service, page: Page) -> None:
    cabinet = await surveyed(service)
    await page.goto("/console/ghosts")
    await expect(page.locator(".empty")).to_contain_text("All goods have an order")
    named = {"occupancy": f"{cabinet.epoch}-7", "order": "a" * 16, "parcel": "b" * 16}
    await to(cabinet.tell, cabinet.event("Surveyed", boxes=[box("04", "occupied", **named)]))
    row = page.locator("[data-ghost=unknown_goods]")
    await expect(row).to_contain_text("Goods that no order here names")
    await expect(row.locator(".label")).to_have_text("04")
