"""The kiosk in a browser: codes typed on a real cabinet, the QR read back off the glass."""

import asyncio

import httpx
import pytest
from playwright.async_api import expect

from config.contract import codes
from config.contract.messages import Presence
from tests.faces.conftest import Heard, read_qr

LANDSCAPE = {"width": 1280, "height": 800}
PORTRAIT = {"width": 1080, "height": 1920}


@pytest.fixture
async def kiosk(bench, browser):
    """The kiosk's page; at the end it has asked nobody else for anything and complained of nothing."""
    url = bench.kiosk_url
    page = await browser.new_page(viewport=LANDSCAPE)
    heard = Heard(page, url)
    await page.goto(url)
    await expect(page.locator("#two-digits")).not_to_be_empty()
    yield page
    assert (heard.foreign, heard.errors) == ([], [])
    await page.close()


async def type_code(page, code):
    for digit in code:
        await page.locator(f"[data-digit='{digit}']").click()
    await page.locator("#open").click()


async def says(page, text):
    await expect(page.locator("#panel-says")).to_have_text(text)


async def test_a_code_typed_on_the_keypad_opens_and_the_steps_are_shown(bench, kiosk):
    order = await bench.loaded()
    door = bench.door_of(order)
    await says(kiosk, f"{door} 号箱已放好")
    await kiosk.locator("#back").click()
    await type_code(kiosk, order.code)
    await says(kiosk, f"{door} 号箱门已打开")
    await expect(kiosk.locator("#panel-door")).to_have_text(door)
    await bench.collect(door)
    await says(kiosk, "取件完成")
    await expect(kiosk.locator("#start")).to_be_visible(timeout=10_000)


async def test_a_physical_keyboard_with_full_width_digits_does_as_well(bench, kiosk):
    order = await bench.loaded()
    for digit in order.code[:4]:
        await kiosk.keyboard.press(digit)
    full_width = "".join(chr(ord(digit) + 0xFEE0) for digit in order.code[4:])
    for digit in full_width:
        await kiosk.evaluate(
            "key => document.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}))", digit
        )
    await kiosk.keyboard.press("Enter")
    await says(kiosk, f"{bench.door_of(order)} 号箱门已打开")


async def test_what_is_half_typed_stays_when_somebody_elses_door_is_told_of(bench, kiosk):
    order = await bench.loaded()
    await says(kiosk, f"{bench.door_of(order)} 号箱已放好")
    await kiosk.locator("#back").click()
    await kiosk.keyboard.type(order.code[:4])
    await bench.served.scan("qr", bench.cloud.badge())
    await says(kiosk, "投件结束")
    await kiosk.keyboard.type(order.code[4:])
    await kiosk.keyboard.press("Enter")
    await says(kiosk, f"{bench.door_of(order)} 号箱门已打开")


async def test_wrong_codes_are_refused_in_words_and_then_count_down(bench, kiosk):
    await bench.loaded()
    await kiosk.locator("#language").click()
    for n in range(6):
        await kiosk.keyboard.type(f"0000000{n}")
        await kiosk.keyboard.press("Enter")
        await says(kiosk, "This code does not open anything here")
        await kiosk.locator("#back").click()
    await kiosk.keyboard.type("00000009")
    await kiosk.keyboard.press("Enter")
    await says(kiosk, "Too many wrong tries")
    await expect(kiosk.locator("#panel-wait")).to_contain_text("seconds to wait")


async def test_the_qr_on_the_glass_leads_to_the_cabinet_and_its_number_proves_presence(
    bench, kiosk, tmp_path
):
    picture = tmp_path / "glass.png"
    await kiosk.screenshot(path=picture)
    link = httpx.URL(await asyncio.to_thread(read_qr, picture))
    number = int(await kiosk.locator("#two-digits").text_content())
    assert (link.host, link.path) == ("cloud.invalid", f"/c/{bench.file.id}")
    assert bench.edge.screen.take_back(Presence(nonce=link.params["n"], number=number))
    await expect(kiosk.locator("#qr")).not_to_have_attribute("data-nonce", link.params["n"])


async def test_someone_is_inside_wants_two_taps_within_three_seconds(bench, kiosk):
    inside = kiosk.locator("#inside")
    await inside.click()
    await expect(inside).to_contain_text("再按一次")
    await expect(kiosk.locator("#inside-again")).to_be_hidden(timeout=5000)
    assert "InsideCalled" not in await bench.event_types()
    await inside.click()
    await inside.click()
    await says(kiosk, "正在打开箱门")
    assert await bench.served.wait("01", "open")


async def test_a_courier_is_led_from_badge_to_badge(bench, kiosk):
    order = bench.cloud.expect()
    await bench.hand_over()
    await bench.served.scan("qr", bench.cloud.badge())
    await says(kiosk, "投件模式")
    await bench.served.scan("qr", codes.parcel_label(order.parcel))
    await expect(kiosk.locator("#panel-hint")).to_have_text("请放入包裹并关好门")
    door = await kiosk.locator("#panel-door").text_content()
    await bench.served.put(door, order.parcel)
    await bench.shut(door)
    await says(kiosk, f"{door} 号箱已放好")
    await kiosk.locator("#back").click()
    await expect(kiosk.locator("#loading")).to_be_visible()
    await bench.served.scan("qr", bench.cloud.badge())
    await says(kiosk, "投件结束")


async def test_number_telephone_and_network_are_always_told(bench, kiosk):
    header, footer = kiosk.locator("header"), kiosk.locator("footer")
    for language in ("未联网，仍可用", "Offline. Codes"):
        await expect(header).to_contain_text("T1")
        await expect(header).to_contain_text(language)
        await expect(footer).to_contain_text("400-1")
        await kiosk.locator("#language").click()
    bench.edge.uplink.connected = True
    await expect(kiosk.locator("#online")).to_be_visible()


@pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT], ids=["landscape", "portrait"])
async def test_nothing_is_cut_off_in_either_language(bench, kiosk, size):
    await kiosk.set_viewport_size(size)
    for _ in range(2):
        assert await kiosk.evaluate(CUT_OFF) == []
        await kiosk.locator("#language").click()


CUT_OFF = """() => [...document.querySelectorAll("body *")].filter(part => {
  const box = part.getBoundingClientRect();
  if (box.width === 0) return false;
  const outside = box.right > innerWidth + 1 || box.bottom > innerHeight + 1 || box.left < 0 || box.top < 0;
  return outside || part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0;
}).map(part => part.outerHTML.slice(0, 120))"""


async def test_another_page_in_the_browser_cannot_open_doors(bench):
    url = bench.kiosk_url
    async with httpx.AsyncClient() as http:
        foreign = await http.post(f"{url}inside", headers={"Origin": "http://elsewhere.invalid"})
        renamed = await http.post(f"{url}inside", headers={"Host": "elsewhere.invalid"})
        not_a_nonce = await http.get(f"{url}qr.svg", params={"n": "../../etc"})
    assert [foreign.status_code, renamed.status_code, not_a_nonce.status_code] == [403, 403, 422]
    assert "InsideCalled" not in await bench.event_types()
