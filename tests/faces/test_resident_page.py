"""The resident page in a real browser, over the real service and a cabinet that speaks the contract."""

import asyncio
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, expect

from cloud.pages.words import ORDERS
from tests.faces.conftest import read_qr
from tests.faces.phone import a_phone, loaded
from tests.service.conftest import Service, service, until

__all__ = ["service"]

to = asyncio.to_thread


async def test_code_and_qr_are_shown_without_javascript(
    service: Service, browser: Browser, tmp_path: Path
) -> None:
    here = await loaded(service)
    async with a_phone(browser, java_script_enabled=False, color_scheme="dark") as phone:
        await phone.page.goto(here.url)
        digits = await phone.page.locator(".digits").inner_text()
        assert re.findall(r"\d{4}", digits) == [here.order["code"][:4], here.order["code"][4:]]
        assert "A01" in await phone.page.locator("header").inner_text()
        assert "03" in await phone.page.locator(".parcels").inner_text()
        shot = tmp_path / "qr.png"
        await phone.page.locator(".paper").screenshot(path=shot)
    assert await to(read_qr, shot) == here.order["qr"]


async def test_a_page_is_small_asks_three_times_and_keeps_to_itself(
    service: Service, browser: Browser
) -> None:
    here = await loaded(service)
    async with a_phone(browser) as phone:
        sizes: list[int] = []
        phone.page.on("response", lambda answer: sizes.append(int(answer.headers.get("content-length", 0))))
        await phone.page.goto(here.url)
        await expect(phone.page.locator("#headline")).to_have_text(ORDERS["ready"].zh)
        await until(phone.listens)
        to_show = [url for url in phone.asked if not url.endswith("/live")]
        assert len(to_show) <= 3
        assert sum(sizes) <= 30_000
        assert {urlsplit(url).netloc for url in phone.asked} == {urlsplit(here.url).netloc}
        assert phone.complaints == []


@pytest.mark.hard
@pytest.mark.row("P13")
async def test_a_slow_phone_on_a_slow_network_shows_the_page_within_a_second(
    service: Service, browser: Browser
) -> None:
    """Slow 4G as page meters have it (150 ms, 1.6 Mbit/s) and a quarter of the processor; nothing cached."""
    here = await loaded(service)
    async with a_phone(browser) as phone:
        slow = await phone.context.new_cdp_session(phone.page)
        rate = {"downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
        await slow.send("Network.enable")
        await slow.send("Network.emulateNetworkConditions", {"offline": False, "latency": 150, **rate})
        await slow.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        await phone.page.goto(here.url, wait_until="load")
        await phone.page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
        shown = await phone.page.evaluate(
            "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        )
        print(f"P13: first paint after {shown:.0f} ms")
        assert shown <= 1000


async def test_the_page_is_kept_by_nobody_and_runs_nothing_of_others(service: Service) -> None:
    here = await loaded(service)
    answer = await service.http.get(here.path)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script>", answer.text)


async def test_hostile_text_is_shown_as_text(service: Service, browser: Browser) -> None:
    hostile = "</script><b id=x>&\"'"
    here = await loaded(service, reference=hostile)
    async with a_phone(browser) as phone:
        await phone.page.goto(here.url)
        assert hostile in await phone.page.locator("#order").inner_text()
        assert await phone.page.locator("#x").count() == 0
        assert phone.complaints == []


async def test_the_language_is_the_browsers_until_another_is_chosen(service: Service) -> None:
    here = await loaded(service)

    async def headline(accept: str, query: str = "") -> str:
        answer = await service.http.get(here.path + query, headers={"Accept-Language": accept})
        found = re.search(r'<html lang="([\w-]+)">.*<h1[^>]*>([^<]+)', answer.text, re.S)
        assert found
        return f"{found[1]}: {found[2]}"

    chinese, english = f"zh-CN: {ORDERS['ready'].zh}", f"en: {ORDERS['ready'].en}"
    assert await headline("zh-CN,zh;q=0.9,en;q=0.8") == chinese
    assert await headline("fr") == chinese
    assert await headline("en-GB,en;q=0.9,zh;q=0.3") == english
    assert await headline("zh-CN", "?lang=en") == english
    assert await headline("zh-CN") == english  # remembered
    assert await headline("en", "?lang=zh") == chinese


async def test_a_link_that_leads_nowhere_is_a_plain_page(service: Service) -> None:
    for path in ("/p/short", "/p/" + "x" * 43, "/p/" + "%E4%B8%AD" * 80, "/c/nowhere-9", "/look/none.css"):
        answer = await service.http.get(path, headers={"Accept-Language": "en"})
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
        assert re.search("leads nowhere|no such cabinet", answer.text)


async def test_the_code_goes_when_the_parcel_is_collected(service: Service, browser: Browser) -> None:
    here = await loaded(service)
    async with a_phone(browser) as phone:
        await phone.page.goto(here.url)
        await expect(phone.page.locator(".digits")).to_be_visible()
        await to(here.cabinet.tell, here.stay.collected(here.cabinet))
        await expect(phone.page.locator("#headline")).to_have_text(ORDERS["collected"].zh)
        await expect(phone.page.locator(".digits")).to_have_count(0)
        await phone.page.reload()
        await expect(phone.page.locator("#headline")).to_have_text(ORDERS["collected"].zh)
        assert here.order["code"][:4] not in await phone.page.locator("main").inner_text()


async def test_an_offline_cabinet_is_told_and_the_code_stays(service: Service, browser: Browser) -> None:
    here = await loaded(service)
    async with a_phone(browser, locale="en-GB") as phone:
        await phone.page.goto(here.url)
        await expect(phone.page.locator("#offline")).to_be_hidden()
        await to(here.cabinet.say, "status", here.cabinet.status("offline"))
        await expect(phone.page.locator("#offline")).to_contain_text("still open the door")
        await expect(phone.page.locator(".digits")).to_be_visible()
