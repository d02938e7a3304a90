"""The kiosk in a browser: codes typed on a real cabinet, the QR read back off the glass."""

import asyncio
import re
import time

import httpx
import pytest
from playwright.async_api import expect

from config.contract import codes
from config.contract.faults import REFUSALS
from config.contract.messages import CabinetSettings, DocumentName, Presence
from tests.faces.conftest import Heard, read_qr

pytestmark = pytest.mark.computes

LANDSCAPE = {"width": 1280, "height": 800}
PORTRAIT = {"width": 1080, "height": 1920}


@pytest.fixture
async def kiosk(bench, browser):
    """The kiosk's page; at the end it has asked nobody else for anything and complained of nothing.

    Its clock can be set forward; otherwise it runs as any clock does.
    """
    page = await browser.new_page(viewport=LANDSCAPE)
    heard = Heard(page, bench.kiosk_url)
    await page.clock.install()
    await page.goto(bench.kiosk_url)
    await expect(page.locator("#two-digits")).not_to_be_empty()
    yield page
    assert (heard.foreign, heard.errors) == ([], [])
    await page.close()


async def tap_code(page, code):
    for digit in code:
        await page.locator(f"[data-digit='{digit}']").click()
    await page.locator("#open").click()


async def key_code(page, code):
    await page.keyboard.type(code)
    await page.keyboard.press("Enter")


async def says(page, text, next_step=None):
    await expect(page.locator("#says")).to_have_text(text)
    if next_step is not None:
        await expect(page.locator("#next-step")).to_have_text(next_step)


async def loaded(bench, page):
    """An order that a courier has brought; the screen has told so and shows the start page again."""
    order = await bench.loaded()
    await says(page, f"已放入 {bench.door_of(order)} 号箱")
    await page.locator("#back").click()
    return order


# --- collecting


async def test_a_code_typed_on_the_keypad_opens_and_the_steps_are_shown(bench, kiosk):
    order = await loaded(bench, kiosk)
    door = bench.door_of(order)
    await tap_code(kiosk, order.code)
    await says(kiosk, f"{door} 号箱门已打开")
    await expect(kiosk.locator("#door")).to_have_text(door)
    await expect(kiosk.locator("#face .here.open")).to_have_text(door)
    await bench.collect(door)
    await says(kiosk, "取件完成，谢谢")
    await kiosk.clock.fast_forward(6000)
    await expect(kiosk.locator("#keypad")).to_be_visible()
    await expect(kiosk.locator("#qr")).to_be_visible()


async def test_sensitive_goods_ask_for_the_phones_digits_after_the_code(bench, kiosk):
    order = await bench.loaded(sensitive=True)
    door = bench.door_of(order)
    await says(kiosk, f"已放入 {door} 号箱")
    await kiosk.locator("#back").click()
    await tap_code(kiosk, order.code)
    await expect(kiosk.locator("#asks")).to_have_text("请输入 8 位取件码，再输入手机号后四位")
    await expect(kiosk.locator("#digits")).to_have_attribute("aria-label", "8 / 12")
    await expect(kiosk.locator("#open")).to_be_disabled()
    await tap_code(kiosk, "8000")
    await says(kiosk, f"{door} 号箱门已打开")


async def test_a_scan_that_is_not_enough_says_so_above_the_keys(bench, kiosk):
    order = await bench.loaded(sensitive=True)
    await says(kiosk, f"已放入 {bench.door_of(order)} 号箱")
    await bench.served.scan("qr", bench.cloud.pickup_qr(order.order))
    await expect(kiosk.locator("#asks")).to_have_text("请输入 8 位取件码，再输入手机号后四位")
    await key_code(kiosk, order.code + "8000")
    await says(kiosk, f"{bench.door_of(order)} 号箱门已打开")


async def test_a_technician_types_a_pin_and_taps_a_door(bench, kiosk):
    await bench.hand_over()
    badge, pin = "00000000000000ee", "314159"
    grants = bench.cloud.document(
        DocumentName.GRANTS, bench.cloud.grants(**{badge: pin}), bench.edge.store.epoch
    )
    await bench.edge.documents.take(grants)
    await bench.served.scan("qr", bench.cloud.badge(badge, right=codes.BadgeRight.SERVICE))
    await expect(kiosk.locator("#asks")).to_have_text("请输入工牌的 6 位密码")
    await tap_code(kiosk, pin)
    await says(kiosk, "可以开门维护")
    await kiosk.locator("#back").click()
    await expect(kiosk.locator("#asks")).to_have_text("请输入或点选箱门号")
    await kiosk.locator("[data-door='04']").click()
    await says(kiosk, "04 号箱门已打开")
    await bench.shut("04")
    await says(kiosk, "04 号箱门已关好")
    await key_code(kiosk, "03")
    await says(kiosk, "03 号箱门已打开")


async def test_who_has_left_something_behind_opens_the_door_once_more(bench, kiosk):
    order = await loaded(bench, kiosk)
    door = bench.door_of(order)
    await expect(kiosk.locator("#forgot")).to_be_hidden()
    await key_code(kiosk, order.code)
    await bench.collect(door)
    await says(kiosk, "取件完成，谢谢")
    await kiosk.locator("#back").click()
    await kiosk.locator("#forgot").click()
    await expect(kiosk.locator("#asks")).to_have_text("请再输入一次取件码，箱门会再打开")
    await tap_code(kiosk, order.code)
    await says(kiosk, f"{door} 号箱门已打开")
    await bench.collect(door)
    await says(kiosk, f"{door} 号箱门已关好")


async def test_the_doors_of_one_order_follow_each_other(bench, kiosk):
    first = bench.cloud.expect()
    second = bench.cloud.expect(order=first.order, code=first.code)
    await bench.hand_over()
    doors = {await bench.load(first), await bench.load(second)}
    await expect(kiosk.locator("#says")).to_contain_text("已放入")
    await key_code(kiosk, first.code)
    await expect(kiosk.locator("#says")).to_contain_text("已打开")
    await expect(kiosk.locator("#more")).to_have_text("关好门后，还会打开 1 个箱门")
    door = await kiosk.locator("#door").text_content()
    await bench.collect(door)
    (other,) = doors - {door}
    await says(kiosk, f"{other} 号箱门已打开")
    await expect(kiosk.locator("#more")).to_be_hidden()


async def test_a_physical_keyboard_with_full_width_digits_does_as_well(bench, kiosk):
    order = await loaded(bench, kiosk)
    await kiosk.locator("[data-digit='9']").click()
    await kiosk.keyboard.press("Backspace")
    await kiosk.keyboard.type(order.code[:4])
    for digit in order.code[4:]:
        full_width = chr(ord(digit) + 0xFEE0)
        pressed = "key => document.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}))"
        await kiosk.evaluate(pressed, full_width)
    await kiosk.keyboard.press("Enter")
    await says(kiosk, f"{bench.door_of(order)} 号箱门已打开")


async def test_a_reader_that_sees_the_same_qr_twice_does_not_say_that_the_door_is_in_use(bench, kiosk):
    order = await loaded(bench, kiosk)
    qr = bench.cloud.pickup_qr(order.order)
    await bench.served.scan("qr", qr)
    await says(kiosk, f"{bench.door_of(order)} 号箱门已打开")
    assert (await bench.edge.entrance.scanned(qr)).refusal == "busy"
    await bench.collect(bench.door_of(order))
    await says(kiosk, "取件完成，谢谢")


async def test_what_is_half_typed_stays_when_somebody_elses_door_is_told_of(bench, kiosk):
    order = await loaded(bench, kiosk)
    await kiosk.keyboard.type(order.code[:4])
    await bench.served.scan("qr", bench.cloud.badge())
    await says(kiosk, "投件结束")
    await key_code(kiosk, order.code[4:])
    await says(kiosk, f"{bench.door_of(order)} 号箱门已打开")


# --- refused


async def test_a_wrong_code_is_refused_in_the_chosen_language_with_the_next_step(bench, kiosk):
    refusal = REFUSALS["not_valid"]
    await key_code(kiosk, "00000000")
    await says(kiosk, refusal.says.zh, refusal.next_step.zh)
    assert re.findall("[A-Za-z_]{2,}", await kiosk.inner_text("body")) == ["English"]
    await kiosk.locator("#language").click()
    await says(kiosk, refusal.says.en, refusal.next_step.en)
    assert re.findall("[\u4e00-\u9fff]+", await kiosk.inner_text("body")) == ["中文"]
    await kiosk.locator("#back").click()
    await expect(kiosk.locator("#keypad")).to_be_visible()


async def test_a_locked_keypad_counts_down_beside_the_qr_and_blocks_no_emergency(bench, kiosk):
    for n in range(6):
        await bench.edge.entrance.typed(f"0000000{n}")
    await says(kiosk, REFUSALS["wait"].says.zh)
    await expect(kiosk.locator("#wait")).to_have_text("还需等待 30 秒")
    await kiosk.clock.fast_forward(10_000)
    await expect(kiosk.locator("#wait")).to_have_text(re.compile("还需等待 (20|1.) 秒"))
    await expect(kiosk.locator("#qr")).to_be_visible()
    await kiosk.keyboard.type("1")
    await kiosk.reload()
    await says(kiosk, REFUSALS["wait"].says.zh)
    await kiosk.locator("#inside").click()
    await kiosk.locator("#inside").click()
    await says(kiosk, "正在打开箱门")
    assert await bench.served.wait("01", "open")
    await kiosk.locator("#back").click()
    await says(kiosk, REFUSALS["wait"].says.zh)


# --- someone is inside


async def test_someone_is_inside_wants_two_taps_within_three_seconds(bench, kiosk):
    inside = kiosk.locator("#inside")
    await inside.click()
    await expect(inside).to_contain_text("再按一次")
    await kiosk.clock.fast_forward(3100)
    await expect(kiosk.locator("#inside-again")).to_be_hidden()
    await inside.click()
    await expect(inside).to_contain_text("再按一次")
    assert "InsideCalled" not in await bench.event_types()
    assert bench.openings_on_the_wire() == 0
    await inside.click()
    await says(kiosk, "正在打开箱门")
    await expect(kiosk.locator("#face .open")).not_to_have_count(0)
    assert await bench.served.wait("01", "open")


# --- loading


async def test_a_courier_is_led_from_badge_to_badge(bench, kiosk):
    order = bench.cloud.expect()
    await bench.hand_over()
    await bench.served.scan("qr", bench.cloud.badge())
    await says(kiosk, "工牌有效，可以投件", "请扫描包裹标签")
    await bench.served.scan("qr", codes.parcel_label(order.parcel))
    await expect(kiosk.locator("#next-step")).to_have_text("请放入包裹，关好箱门")
    door = await kiosk.locator("#door").text_content()
    await bench.served.put(door, order.parcel)
    await bench.shut(door)
    await says(kiosk, f"已放入 {door} 号箱")
    await expect(kiosk.locator("#loading")).to_be_visible()
    await bench.served.scan("qr", bench.cloud.badge())
    await says(kiosk, "投件结束")
    await expect(kiosk.locator("#loading")).to_be_hidden()


# --- what the screen always shows, and what it forgets


async def test_the_qr_on_the_glass_is_the_one_in_force_and_is_renewed_once_used(bench, kiosk, tmp_path):
    picture = tmp_path / "glass.png"
    await kiosk.screenshot(path=picture)
    read = await asyncio.to_thread(read_qr, picture)
    state = await (await kiosk.request.get(bench.kiosk_url + "state")).json()
    number = await kiosk.locator("#two-digits").text_content()
    assert (read, number) == (state["qr"], state["two_digits"])
    link = httpx.URL(read)
    assert (link.host, link.path) == ("cloud.invalid", f"/c/{bench.file.id}")
    assert bench.edge.screen.take_back(Presence(nonce=link.params["n"], number=int(number)))
    await expect(kiosk.locator("#qr")).not_to_have_attribute("data-nonce", link.params["n"])


async def test_number_telephone_and_network_are_always_told(bench, kiosk):
    for network in ("未联网，取件不受影响", "Offline. Collecting works all the same"):
        await expect(kiosk.locator("#cabinet")).to_contain_text("T1")
        await expect(kiosk.locator("#notices")).to_contain_text(network)
        await expect(kiosk.locator("#phone")).to_have_text("400-1")
        await kiosk.locator("#language").click()
    bench.edge.uplink.connected = True
    await expect(kiosk.locator("#online")).to_be_visible()
    await expect(kiosk.locator("#offline")).to_be_hidden()


async def test_a_closed_cabinet_says_for_what_why_and_whom_to_call(bench, kiosk):
    notice = kiosk.locator("#closed")
    await expect(notice).to_be_hidden()
    bench.edge.kiosk.phone = "400-2"
    bench.edge.kiosk.settings = CabinetSettings(closed_for="new")
    await expect(notice).to_contain_text("本柜暂停投放，取件照常")
    await expect(notice).to_contain_text("400-2")
    bench.edge.kiosk.settings = CabinetSettings(closed_for="all", closed_because="<b>维修")
    await expect(notice).to_contain_text("<b>维修")
    await expect(kiosk.locator("#closed-new")).to_be_hidden()
    await expect(kiosk.locator("#closed-all")).to_be_visible()


async def test_service_sees_that_the_last_good_file_is_in_force(bench, kiosk):
    await expect(kiosk.locator("#last-good")).to_be_hidden()
    bench.edge.kiosk.on_last_good = True
    await expect(kiosk.locator("#last-good")).to_contain_text("正使用上一份")


async def test_digits_are_masked_at_once_forgotten_soon_and_the_language_goes_back(bench, kiosk):
    digits = kiosk.locator("#digits")
    await kiosk.locator("#language").click()
    await kiosk.keyboard.type("12345678")
    await expect(digits).to_have_text(re.compile(r"^[\s●]*$"))
    await expect(kiosk.locator("#open")).to_be_enabled()
    await kiosk.clock.fast_forward(20_100)
    await expect(digits).to_have_text(re.compile(r"^\s*$"))
    await expect(kiosk.locator("#open")).to_be_disabled()
    await kiosk.clock.fast_forward(25_000)
    await expect(kiosk.locator("html")).to_have_attribute("lang", "zh-CN")


async def test_a_page_says_that_the_edge_starts_again_and_comes_back_by_itself(bench, browser):
    bench.settings = bench.settings.model_copy(update={"kiosk_port": httpx.URL(bench.kiosk_url).port})
    page = await browser.new_page(viewport=LANDSCAPE)
    await page.goto(bench.kiosk_url)
    await expect(page.locator("#qr")).to_be_visible()
    await bench.stop()
    await expect(page.locator("#lost")).to_be_visible()
    await expect(page.locator("#qr")).to_be_hidden()
    await bench.start()
    await expect(page.locator("#qr")).to_be_visible(timeout=15_000)
    await expect(page.locator("#lost")).to_be_hidden()
    await page.close()


async def test_a_request_that_fails_is_told_in_words(bench, browser):
    page = await browser.new_page(viewport=LANDSCAPE)
    await page.route("**/code", lambda route: route.abort())
    await page.route("**/inside", lambda route: route.abort())
    await page.goto(bench.kiosk_url)
    await key_code(page, "12345678")
    await says(page, "柜机没有应答")
    await page.locator("#inside").dblclick()
    await says(page, "没有成功，请马上打电话", "400-1")
    await page.close()


@pytest.mark.parametrize("size", [LANDSCAPE, PORTRAIT], ids=["landscape", "portrait"])
async def test_nothing_overlaps_or_is_cut_off_in_either_language(bench, kiosk, size):
    await kiosk.set_viewport_size(size)
    order = await bench.loaded()
    await says(kiosk, f"已放入 {bench.door_of(order)} 号箱")
    for shown in ("deposited", "start", "emergency", "collect"):
        if shown == "start":
            await kiosk.locator("#back").click()
        if shown == "emergency":
            await kiosk.locator("#inside").dblclick()
            await says(kiosk, "正在打开箱门")
        if shown == "collect":
            await bench.edge.entrance.typed(order.code)
            await expect(kiosk.locator("#door")).to_be_visible()
        for _ in range(2):
            assert await kiosk.evaluate(MISPLACED) == [], shown
            await kiosk.locator("#language").click()


MISPLACED = """() => {
  const wrong = [];
  const visible = (part) => part.getClientRects().length > 0;
  for (const frame of [...document.querySelectorAll("body, header, footer, main, .card")].filter(visible)) {
    const outer = frame.getBoundingClientRect();
    const parts = [...frame.children].filter(visible);
    const boxes = parts.map((part) => part.getBoundingClientRect());
    parts.forEach((part, n) => {
      const name = part.id || part.outerHTML.slice(0, 80), box = boxes[n];
      if (box.left < outer.left - 1 || box.right > outer.right + 1) wrong.push(`${name} is too wide`);
      if (box.top < outer.top - 1 || box.bottom > outer.bottom + 1) wrong.push(`${name} is too high`);
      if (part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0) wrong.push(`${name} is cut off`);
      boxes.slice(n + 1).forEach((other, m) => {
        const apart = box.right <= other.left + 1 || other.right <= box.left + 1
          || box.bottom <= other.top + 1 || other.bottom <= box.top + 1;
        if (!apart) wrong.push(`${name} overlaps ${parts[n + 1 + m].id}`);
      });
    });
  }
  return wrong;
}"""


# --- who may talk to it

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("headers", "body", "status", "reason"),
    [
        ({**JSON, "Origin": "http://elsewhere.invalid"}, "{}", 403, "elsewhere.invalid"),
        ({**JSON, "Host": "elsewhere.invalid"}, "{}", 403, "elsewhere.invalid"),
        ({**JSON, "Host": "[::1"}, "{}", 403, "name"),
        ({**JSON, "Sec-Fetch-Site": "cross-site"}, "{}", 403, "another site"),
        ({"Content-Type": "text/plain"}, "{}", 415, "application/json"),
        ({}, "", 415, "application/json"),
        (JSON, " " * 1025, 413, "1024 bytes"),
    ],
    ids=["origin", "name", "broken name", "site", "text", "nothing", "large"],
)
async def test_another_page_or_program_cannot_open_doors(bench, headers, body, status, reason):
    async with httpx.AsyncClient() as http:
        for path in ("inside", "code"):
            answer = await http.post(bench.kiosk_url + path, headers=headers, content=body)
            assert (answer.status_code, reason in answer.json()["error"]) == (status, True), answer.text
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert {"InsideCalled", "AccessRefused"}.isdisjoint(await bench.event_types())


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"code": 5}', '{"code": "' + "1" * 65 + '"}'])
async def test_a_body_that_is_no_code_is_answered_with_a_sentence(bench, body):
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{bench.kiosk_url}code", headers=JSON, content=body)
        strange = await http.get(f"{bench.kiosk_url}qr.svg", params={"n": "../../etc"})
        nowhere = await http.get(f"{bench.kiosk_url}words.py")
    assert [answer.status_code, strange.status_code, nowhere.status_code] == [422, 422, 404]
    assert "not understood" in answer.json()["error"]
    assert "words.py" in nowhere.json()["error"]


async def test_a_courier_taps_that_it_does_not_fit_and_that_nothing_was_put_in(bench, kiosk):
    order = bench.cloud.expect()
    await bench.hand_over()
    await bench.courier()
    await bench.scan(order)
    await kiosk.get_by_role("button", name="放不下，换大箱").click()
    await bench.until(lambda: [bench.box(door).parcel for door in ("01", "03")] == [None, order.parcel])
    await says(kiosk, "03 号箱门已打开")
    await bench.opens("03")
    await bench.shut("03")
    await kiosk.get_by_role("button", name="没有放进去").click()
    await says(kiosk, "好的，已记下")
    assert bench.boxes_with(order) == []


async def test_who_may_remove_sees_how_many_are_overdue_and_begins_with_a_tap(bench, kiosk):
    order = await bench.loaded()
    door = bench.door_of(order)
    bench.cloud.parcels[:] = [p.model_copy(update={"expires_ms": 1}) for p in bench.cloud.parcels]
    await bench.hand_over()
    await bench.edge.entrance.scanned(bench.cloud.badge())
    now = int(time.time())
    right = codes.BadgeRight.LOAD | codes.BadgeRight.REMOVE
    await bench.courier(right=right, iat=now, exp=now + 3600)
    await kiosk.locator("#back").click()
    await kiosk.get_by_role("button", name="取出 1 件超期包裹").click()
    await says(kiosk, f"{door} 号箱门已打开", "请取出包裹，关好箱门")
    await bench.collect(door)
    await says(kiosk, "没有超期包裹了")
