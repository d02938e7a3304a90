"""The resident page in a real browser, over the real service and a cabinet that speaks the contract."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from cloud import resident
from cloud.pages.words import ORDERS, PROBLEMS, PROGRESS, STEPS, WORDS
from cloud.steps import Step, step_of
from cloud.taps import Taps
from config.contract.faults import REFUSALS
from tests.faces.conftest import read_qr
from tests.service.conftest import Service, public_keys, service, until
from tests.service.fake_cabinet import FakeCabinet, Stay, box

__all__ = ["service"]

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


OPENING = {"opening": 2, "purpose": "collect", "proof": "phone"}


# --- shown -------------------------------------------------------------------------------------------


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


# --- open now ----------------------------------------------------------------------------------------


async def at_the_cabinet(phone: Phone, here: Loaded) -> None:
    """The link was opened before; now the phone scans the QR on the screen."""
    await phone.page.goto(here.url)
    await expect(phone.page.locator("#tap")).to_have_count(0)
    await phone.page.goto(f"{here.service.parts.public_url}/c/{here.cabinet.id}?n={NONCE}")
    await expect(phone.page.locator("#tap")).to_be_visible()
    await phone.page.fill("#number", "07")


async def test_a_phone_opens_a_door_and_sees_each_step(service: Service, browser: Browser) -> None:
    here = await loaded(service)
    async with a_phone(browser) as phone:
        page = phone.page
        current, says = page.locator("#progress [aria-current]"), page.locator(".says strong")
        await at_the_cabinet(phone, here)
        await page.click("#tap button")
        await expect(current).to_have_text(PROGRESS[0].zh)
        command = await here.command()
        assert (command.compartment, command.occupancy) == ("03", here.stay.occupancy)
        assert (command.presence.nonce, command.presence.number) == (NONCE, 7)
        await here.tell("PulseIntended", "collecting", "pulsing", pulse=1, **OPENING)
        await expect(current).to_have_text(PROGRESS[1].zh)
        await expect(says).to_have_text(STEPS[Step.OPENING].zh)
        await here.tell("DoorOpened", "collecting", "open", pulse=1, after_pulse_ms=80, **OPENING)
        await here.end(command.id, "succeeded")
        await expect(current).to_have_text(PROGRESS[3].zh)
        await expect(page.locator("#progress .done")).to_have_count(3)
        await expect(says).to_have_text(STEPS[Step.OPEN].zh)
        await here.tell("DoorClosed", "collecting", "closed", open_ms=4000)
        await to(here.cabinet.tell, here.stay.collected(here.cabinet))
        await expect(page.locator("#progress .done")).to_have_count(5)
        await expect(page.locator("#headline")).to_have_text(ORDERS["collected"].zh)
        assert "n=" not in page.url
        assert phone.complaints == []


async def test_a_phone_opens_once_more_what_was_collected_a_moment_ago(
    service: Service, browser: Browser
) -> None:
    here = await loaded(service)
    await to(here.cabinet.tell, here.stay.collected(here.cabinet))
    async with a_phone(browser) as phone:
        await at_the_cabinet(phone, here)
        button = phone.page.locator("#tap button")
        await expect(button).to_contain_text(WORDS["again_button"].zh)
        await button.click()
        command = await here.command()
        assert (command.again, command.occupancy) == (True, here.stay.occupancy)
        await here.end(command.id, "rejected", "not_again")
        await expect(phone.page.locator("#refused strong")).to_have_text(REFUSALS["not_again"].says.zh)
        assert phone.complaints == []


async def test_a_resident_replaces_the_code_and_shares_on_the_page(
    service: Service, browser: Browser
) -> None:
    here = await loaded(service)
    async with a_phone(browser) as phone:
        page = phone.page
        await page.goto(here.url)
        before = await page.locator(".digits").inner_text()
        await page.locator("#leaked summary").click()
        await page.locator("#leaked button").click()
        await expect(page.locator(".digits")).not_to_have_text(before, use_inner_text=True)
        await page.locator("#share summary").click()
        await page.locator("#share button").click()
        await expect(page.locator("#share .shared a")).to_have_count(1)
        await page.locator("#share .shared button").click()
        await expect(page.locator("#share .shared a")).to_have_count(0)
        assert phone.complaints == []


@pytest.mark.parametrize("reason", ["not_there", "held"])
async def test_a_refusal_says_why_and_what_next(service: Service, browser: Browser, reason: str) -> None:
    here = await loaded(service)
    async with a_phone(browser, locale="en-GB") as phone:
        await at_the_cabinet(phone, here)
        await phone.page.click("#tap button")
        await here.end((await here.command()).id, "rejected", reason)
        await expect(phone.page.locator("#refused strong")).to_have_text(REFUSALS[reason].says.en)
        await expect(phone.page.locator("#refused p")).to_have_text(REFUSALS[reason].next_step.en)
        await expect(phone.page.locator("#scan")).to_have_text(WORDS["scan_again"].en)
        await expect(phone.page.locator("#progress")).to_be_hidden()


async def test_the_services_own_refusal_is_told_in_words(service: Service, browser: Browser) -> None:
    here = await loaded(service)
    async with a_phone(browser) as phone:
        await at_the_cabinet(phone, here)
        await to(here.cabinet.say, "status", here.cabinet.status("offline"))
        await expect(phone.page.locator("#offline")).to_be_visible()
        await phone.page.click("#tap button")
        await expect(phone.page.locator("#refused strong")).to_have_text(PROBLEMS["cabinet_offline"][0].zh)


async def test_two_tabs_and_a_double_tap_are_one_command(service: Service, browser: Browser) -> None:
    here = await loaded(service)
    async with a_phone(browser) as phone:
        await at_the_cabinet(phone, here)
        other = await phone.context.new_page()
        await other.goto(phone.page.url)
        await other.fill("#number", "07")
        await asyncio.gather(phone.page.dblclick("#tap button"), other.click("#tap button"))
        command = await here.command()
        await here.end(command.id, "failed", "door_stuck")
        for page in (phone.page, other):
            await expect(page.locator("#refused strong")).to_have_text(REFUSALS["door_stuck"].says.zh)
        asked = (await service.http.get("/v1/commands")).json()["commands"]
        assert [row["id"] for row in asked] == [command.id]


async def test_a_tap_on_a_broken_network_is_repeated_as_one_command(
    service: Service, browser: Browser
) -> None:
    here = await loaded(service)
    async with a_phone(browser) as phone:
        await at_the_cabinet(phone, here)
        lost: list[str] = []

        async def lose_the_first_answer(route: Any) -> None:
            if lost:
                return await route.continue_()
            lost.append(route.request.post_data)
            answer = await service.http.post(
                f"{here.path}/open", content=lost[0], headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 202
            return await route.abort()

        await phone.page.route("**/open", lose_the_first_answer)
        await phone.page.click("#tap button")
        await expect(phone.page.locator("#refused strong")).to_have_text(WORDS["network_retry"].zh)
        command = await here.command()
        await here.end(command.id, "rejected", "busy")
        await expect(phone.page.locator("#refused strong")).to_have_text(REFUSALS["busy"].says.zh)
        asked = (await service.http.get("/v1/commands")).json()["commands"]
        assert [row["id"] for row in asked] == [command.id]


async def test_a_tap_that_was_refused_may_be_tried_again(service: Service) -> None:
    here = await loaded(service)
    tap = {"nonce": NONCE, "number": 7}
    await to(here.cabinet.say, "status", here.cabinet.status("offline"))

    async def online(wanted: bool) -> bool:
        return (await service.http.get(f"{here.path}/state")).json()["cabinet"]["online"] is wanted

    await until(lambda: online(False))  # a tap before that would be a good one, and remembered
    assert (await service.http.post(f"{here.path}/open", json=tap)).status_code == 409
    await to(here.cabinet.say, "status", here.cabinet.status())
    await until(lambda: online(True))
    assert (await service.http.post(f"{here.path}/open", json=tap)).status_code == 202
    assert (await here.command()).presence.nonce == NONCE


async def test_taps_are_remembered_up_to_a_bound() -> None:
    taps, asked = Taps(most=2), []

    async def ask(name: str) -> dict[str, Any]:
        asked.append(name)
        return {"id": name}

    for name in ("a", "a", "b", "c", "a"):
        assert await taps.once((name,), lambda name=name: ask(name)) == {"id": name}
    assert asked == ["a", "b", "c", "a"]


# --- the cabinet's QR ---------------------------------------------------------------------------------


async def test_a_phone_that_knows_no_order_is_told_how_to_collect(service: Service, browser: Browser) -> None:
    here = await loaded(service)
    async with a_phone(browser, locale="en-GB") as phone:
        await phone.page.goto(f"{service.parts.public_url}/c/{here.cabinet.id}?n={NONCE}")
        told = await phone.page.locator("main").inner_text()
        assert WORDS["here_link"].en in told
        assert here.order["code"][:4] not in told
        assert here.cabinet.file.cabinet.phone in told


async def test_a_phone_with_several_orders_chooses(service: Service, browser: Browser) -> None:
    here = await loaded(service, reference="bread")
    second = (await service.order(key="k2", reference="fish")).json()
    async with a_phone(browser) as phone:
        for link in (here.order["link"], second["link"]):
            await phone.page.goto(link)
        await phone.page.goto(f"{service.parts.public_url}/c/{here.cabinet.id}?n={NONCE}")
        names = await phone.page.locator(".choice a").all_inner_texts()
        assert [name.split()[1] for name in names] == ["bread", "fish"]
        await phone.page.locator(".choice a").first.click()
        await expect(phone.page.locator("#tap")).to_be_visible()


async def test_the_cookie_holds_for_the_cabinets_page_only_and_goes_with_the_order(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await loaded(service)
    said = (await service.http.get(here.path)).headers["set-cookie"]
    assert {"httponly", "path=/c", "samesite=lax"} <= {part.strip().lower() for part in said.split(";")}
    assert (await service.http.get(f"/c/{here.cabinet.id}")).headers["location"] == here.path
    await to(here.cabinet.tell, here.stay.collected(here.cabinet))
    monkeypatch.setattr(resident, "REOPEN_WITHIN_MS", 0)  # nor may it be opened once more
    after = await service.http.get(f"/c/{here.cabinet.id}")
    assert after.status_code == 200
    assert "Max-Age=0" in after.headers["set-cookie"]


async def test_a_secret_made_up_leads_a_phone_nowhere(service: Service) -> None:
    here = await loaded(service)
    made_up = {f"tg_order_{n:012x}": "y" * 43 for n in range(40)}
    service.http.cookies.update(made_up)
    answer = await service.http.get(f"/c/{here.cabinet.id}")
    assert answer.status_code == 200
    assert len(answer.headers.get_list("set-cookie")) == 40


async def test_a_link_ends_thirty_days_after_its_order_expired(service: Service) -> None:
    here = await loaded(service)
    for days, status in ((29, 200), (31, 404)):
        async with service.parts.store.writing() as db:
            expired_ms = here.order["created_ms"] - days * 24 * 3600 * 1000
            await db.exec_driver_sql(f"UPDATE orders SET expires_ms = {expired_ms}")
        answer = await service.http.get(here.path)
        assert answer.status_code == status
        assert here.order["code"][:4] not in answer.text
        assert (await service.http.get(here.path + "/state")).status_code == status


# --- words and steps ----------------------------------------------------------------------------------


def test_every_word_is_there_in_both_languages() -> None:
    everything = [*WORDS.items(), *ORDERS.items(), *STEPS.items()]
    everything += [(code, sentence) for code, pair in PROBLEMS.items() for sentence in pair]
    everything += [(f"progress {n}", sentence) for n, sentence in enumerate(PROGRESS)]
    for name, sentence in everything:
        assert sentence.zh, name
        assert sentence.en or name == "open_door_suffix", name
        if name != "language":
            assert re.search("[一-鿿]", sentence.zh), name
            assert not re.search("[一-鿿]", sentence.en), name


def test_every_step_and_every_state_of_an_order_has_words() -> None:
    assert set(STEPS) == set(Step)
    assert set(ORDERS) == {"expected", "ready", "collected", "unclear", "expired", "removed"}


@pytest.mark.parametrize(
    ("state", "door", "sides", "note", "over", "step"),
    [
        ("expected", None, "", "", False, "expected"),
        ("expected", None, "", "courier", False, "expected"),
        ("expected", None, "", "", True, "expired"),
        ("ready", "closed", "", "", False, "ready"),
        ("ready", "unknown", "", "", False, "ready"),
        ("ready", "pulsing", "", "", False, "opening"),
        ("ready", "open", "", "", False, "open"),
        ("ready", "ajar", "", "", False, "open"),
        ("ready", "stuck", "", "", False, "stuck"),
        ("ready", "closed", "", "door_stuck", False, "stuck"),
        ("ready", "open", "", "door_stuck", False, "open"),
        ("ready", "closed", "cold_hold", "", False, "call"),
        ("ready", "closed", "overdue quarantine", "", False, "call"),
        ("ready", "closed", "overdue", "", True, "expired"),
        ("ready", "open", "", "", True, "open"),
        ("unclear", "closed", "", "", False, "call"),
        ("collected", None, "", "", True, "collected"),
    ],
)
def test_a_parcel_is_told_as_it_is(
    state: str, door: str | None, sides: str, note: str, over: bool, step: str
) -> None:
    there = None if door is None else {"door": door, "sides": sides}
    assert step_of({"state": state, "note": note}, there, over=over) == step
