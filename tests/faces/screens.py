"""Takes the pictures in docs/screens from a running demo: ``python tests/faces/screens.py``.

It does what the README promises that one sees: types a code at a cabinet's screen, opens another door from a
resident's page with the number shown there, and looks at the console meanwhile.
"""

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

ROOT = Path(__file__).resolve().parents[2]
SCREENS = ROOT / "docs" / "screens"
CHROMIUM = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


async def main() -> None:
    """Start a demo, take all pictures, end it."""
    SCREENS.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulators", "demo", "--json", "-", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(180), async_playwright() as playwright:
            told = await _ready(process)
            program = shutil.which("chromium")
            browser = await playwright.chromium.launch(executable_path=program, args=CHROMIUM)
            await _pictures(browser, told)
            await browser.close()
    finally:
        process.terminate()
        await process.wait()


async def _ready(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    async for line in process.stdout:
        if line.startswith(b"{"):
            told: dict[str, Any] = json.loads(line)
            return told
    raise SystemExit("the demo ended before it was ready")


async def _pictures(browser: Browser, told: dict[str, Any]) -> None:
    cabinet = told["cabinets"][0]
    typed, opened = [order for order in told["orders"] if order["cabinet"] == cabinet["cabinet"]]
    console = await _page(browser, told["console_url"], 1280, 860)
    await _picture(console, "console", wait=2.0)
    await console.goto(f"{told['console_url']}/cabinet/{cabinet['cabinet']}")
    kiosk = await _page(browser, cabinet["kiosk_url"], 720, 1180)
    await kiosk.get_by_role("button", name="返回").click()  # from what it still tells the courier
    await _picture(kiosk, "kiosk", wait=1.0)
    for digit in typed["code"]:
        await kiosk.keyboard.press(digit)
    await kiosk.keyboard.press("Enter")
    await _picture(kiosk, "kiosk-open", wait=2.0)
    resident = await _page(browser, opened["link"], 390, 844)
    await _picture(resident, "resident", wait=1.0)
    await _open_from_the_phone(resident, cabinet["kiosk_url"])
    await _picture(resident, "resident-open", wait=1.5)
    await _picture(console, "console-cabinet", wait=0.5)


async def _open_from_the_phone(resident: Page, kiosk_url: str) -> None:
    """What the phone's camera reads off the screen, and the number beside it."""
    shown = await (await resident.request.get(kiosk_url + "state")).json()
    await resident.goto(shown["qr"])
    await resident.locator("input").first.fill(shown["two_digits"])
    await resident.keyboard.press("Enter")


async def _page(browser: Browser, address: str, width: int, height: int) -> Page:
    context = await browser.new_context(
        viewport={"width": width, "height": height}, locale="zh-CN", color_scheme="light"
    )
    page = await context.new_page()
    await page.goto(address)
    return page


async def _picture(page: Page, name: str, *, wait: float) -> None:
    await asyncio.sleep(wait)
    await page.screenshot(path=SCREENS / f"{name}.png")


if __name__ == "__main__":
    asyncio.run(main())
