"""A real browser on real pages."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright

from tests.edge.bench import Bench, cabinet_file

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Any]:
    """An edge with its kiosk, on the wires of a served cabinet."""
    bench = Bench(tmp_path, cabinet_file())
    await bench.plug_in()
    await bench.start()
    yield bench
    await bench.stop()
    bench.served.unplug()


def read_qr(picture: Path) -> str:
    """What a scanner reads off a picture."""
    done = subprocess.run(["zbarimg", "-q", "--raw", picture], capture_output=True, text=True, check=True)
    return done.stdout.strip()


class Heard:
    """What a page asked of the network and complained about."""

    def __init__(self, page: Any, own: str) -> None:
        self.foreign: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda r: self.foreign.append(r.url) if not r.url.startswith(own) else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
