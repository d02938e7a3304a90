"""What is written is true: the README runs, commands and settings explain themselves, links lead on."""

import contextlib
import importlib
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

import config.settings

pytestmark = pytest.mark.computes

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
ADDRESS = re.compile(r"http://[\w.-]+:\d+[\w/.?=&%-]*")

SHELL = {"", "sh", "bash", "shell", "console"}
RUNS_UNTIL_STOPPED = {"./tuangui demo"}

# How each package's commands are typed.
TYPED = {
    "config": "tuangui config",
    "config.officer": "tuangui officer",
    "firmware_bridge": "tuangui bridge",
    "controller": "tuangui edge",
    "cloud": "tuangui cloud",
    "simulators": "tuangui",
}


def readme_commands() -> list[str]:
    """The shell lines of the README, but for those that fetch the project or run this test."""
    blocks = [body for language, body in FENCE.findall((ROOT / "README.md").read_text()) if language in SHELL]
    lines = [
        line.removeprefix("$ ").split(" #")[0].strip() for block in blocks for line in block.splitlines()
    ]
    foreign = ("git clone ", "cd ", "#", "./tuangui test")
    return [line for line in lines if line and not line.startswith(foreign)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("command", readme_commands())
def test_a_command_of_the_readme_runs(command: str, tmp_path: Path) -> None:
    if command in RUNS_UNTIL_STOPPED:
        start_ask_and_stop(shlex.split(command), tmp_path / "said")
    else:
        run_to_its_end(shlex.split(command))


def run_to_its_end(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def start_ask_and_stop(command: list[str], said: Path) -> None:
    """Start it, get an answer from an address that it prints, stop it by Ctrl-C; nothing of it may stay."""
    mark = f"TUANGUI_TEST_MARK={secrets.token_hex(16)}"
    marked = ["env", mark, *command]
    with said.open("w") as output:
        process = subprocess.Popen(
            marked, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        assert answering_address(process, said), said.read_text()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal's Ctrl-C
        assert process.wait(timeout=30) in (0, 130), said.read_text()
        assert processes_carrying(mark) == []
    finally:
        for left in processes_carrying(mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)
        process.wait()


LEAVES_ONE_BEHIND = """
import http.server, signal, subprocess, sys
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
print("http://127.0.0.1:%d/" % server.server_port, flush=True)
if sys.argv[1:] == ["careless"]:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    sys.exit(0)
"""


def test_a_process_left_behind_would_be_found(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LEAVES_ONE_BEHIND]
    start_ask_and_stop(command, tmp_path / "said")
    with pytest.raises(AssertionError, match=r"\[\d+\] == \[\]"):
        start_ask_and_stop([*command, "careless"], tmp_path / "said")


def answering_address(process: subprocess.Popen[bytes], said: Path, seconds: float = 120) -> str | None:
    """The first address it printed that answers, or None when it ends or the time is over."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        for address in ADDRESS.findall(said.read_text()):
            if answers(address):
                return str(address)
        time.sleep(0.2)
    return None


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def processes_carrying(mark: str) -> list[int]:
    """Who inherited this mark in the environment, in whatever session or under whatever parent."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue  # it ended while we looked, or is another user's
    return found


def unexplained(command: Any, typed: str) -> Iterator[str]:
    """The commands under this one that lack help, or whose help shows no example of how they are typed."""
    if not command.help:
        yield f"{typed} has no help"
    if not hasattr(command, "commands"):
        if typed not in (command.help or ""):
            yield f"{typed} has no example"
        return
    for name, inner in command.commands.items():
        yield from unexplained(inner, f"{typed} {name}")


def test_every_command_has_help_with_an_example() -> None:
    missing = []
    for package, typed in TYPED.items():
        if (ROOT / package.replace(".", "/") / "__main__.py").exists():
            app = importlib.import_module(f"{package}.__main__").app
            missing += unexplained(typer.main.get_command(app), typed)
    assert missing == []


def test_a_command_without_help_or_example_would_be_found() -> None:
    app = typer.Typer(help="Two commands.")

    @app.command()
    def bare() -> None: ...

    @app.command()
    def told() -> None:
        """Open one door."""

    found = list(unexplained(typer.main.get_command(app), "tuangui bridge"))
    assert found == [
        "tuangui bridge bare has no help",
        "tuangui bridge bare has no example",
        "tuangui bridge told has no example",
    ]


def settings_models() -> list[type[BaseModel]]:
    names = vars(config.settings).values()
    ours = [each for each in names if isinstance(each, type) and each.__module__ == "config.settings"]
    return [each for each in ours if issubclass(each, BaseModel)]


@pytest.mark.parametrize("model", settings_models())
def test_every_setting_has_a_description(model: type[BaseModel]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(dead_links(page)) == []


def test_a_dead_link_would_be_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One place\n[a](#one-place) [b](page.md#one-place) [c](#no-place) [d](nowhere.md)\n")
    assert list(dead_links(page)) == ["#no-place", "nowhere.md"]


def dead_links(page: Path) -> Iterator[str]:
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue  # the web; not reached from a test
        name, _, anchor = target.partition("#")
        place = (page.parent / name) if name else page
        if not place.exists() or (anchor and anchor not in anchors(place)):
            yield target


def anchors(page: Path) -> set[str]:
    """The names that a reader's renderer gives to the headings of a page."""
    headings = HEADING.findall(FENCE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
