"""A phone opens a door, on the page of its order or by the QR that the cabinet shows."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from cloud import resident
from cloud.pages.words import ORDERS, PROBLEMS, PROGRESS, STEPS, WORDS
from cloud.steps import Step
from cloud.taps import Taps
from config.contract.faults import REFUSALS
from tests.faces.phone import NONCE, a_phone, at_the_cabinet, loaded
from tests.service.conftest import Service, service, until

__all__ = ["service"]

to = asyncio.to_thread
OPENING = {"opening": 2, "purpose": "collect", "proof": "phone"}


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
