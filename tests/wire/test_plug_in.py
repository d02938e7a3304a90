"""A family that comes in a package of its own: the example of the documentation, built, installed and run."""

import asyncio
import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from config.cabinet import families, parse
from config.problems import BadFile
from firmware_bridge.assemble import device
from firmware_bridge.errors import WrongUse

EXAMPLE = Path("docs/boards/example")
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the example was installed into; a wheel of pure Python is installed by unpacking it."""
    folder = tmp_path_factory.mktemp("plug-in")
    source = shutil.copytree(EXAMPLE, folder / "source")
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)], cwd=source, capture_output=True, text=True, check=True
    )
    with zipfile.ZipFile(folder / done.stdout.splitlines()[-1]) as wheel:
        wheel.extractall(folder / "installed")
    return folder / "installed"


def raw_file(**board: Any) -> dict[str, Any]:
    raw = tomllib.loads(Path("config/cabinets/locker-8a80.toml").read_text())
    raw["board"] = [
        {"name": "left", "kind": "lock_acme", "bus": "rs485", "address": 3, "channels": 4, "pulse_ms": 200}
        | board
    ]
    raw["bus"], raw["reader"] = raw["bus"][:1], []
    raw["zone"] = [{"name": "ambient", "class": "ambient"}]
    raw["compartment"] = [{"label": f"0{n}", "size": "M", "board": "left", "channel": n} for n in range(1, 5)]
    return raw


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cabinet.toml"
    path.write_text(tomli_w.dumps(raw_file(options={"greeting": "hello"})))
    return path


def with_it(installed: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{Path.cwd()}:{installed}"}


def run(installed: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", *words],
        env=with_it(installed),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_its_cabinet_file_is_checked_with_its_own_limits(installed, file, tmp_path):
    assert run(installed, "config", "check", str(file)).returncode == 0
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(
        tomli_w.dumps(raw_file(address=10, byte_order="first", options={"greeting": 7, "colour": "red"}))
    )
    told = run(installed, "config", "check", str(wrong))
    assert told.returncode != 0
    for sentence in (
        "board[0].address: Acme boards answer to 1 to 9, not 10",
        "board[0].byte_order: Acme boards have no such setting",
        "board[0].options.greeting: takes str, not 7",
        "board[0].options.colour: Acme boards have no such option",
    ):
        assert sentence in told.stdout + told.stderr


def test_its_frames_are_explained(installed):
    told = run(installed, "firmware_bridge", "decode", "lock_acme", "AC0301 04 B4", "--json")
    assert json.loads(told.stdout)["meaning"] == "board 3: open lock 4"
    told = run(installed, "firmware_bridge", "decode", "lock_acme", "AC030104B5")
    assert "it is b5, the bytes before it make b4" in told.stderr


async def test_its_driver_opens_a_door_of_its_simulated_cabinet(installed, file, tmp_path):
    served = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "simulators", "sim", "cabinet", str(file), "--links", str(tmp_path / "w"),
        env=with_it(installed), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        port = json.loads(await served.stdout.readline())["ports"]["rs485"]
        words = ("firmware_bridge", "open", str(file), "03", "--port", f"rs485={port}", "--json")
        opened = await asyncio.to_thread(run, installed, *words)
        assert json.loads(opened.stdout) == {"label": "03", "answer": "accepted", "door": "open"}
        words = ("firmware_bridge", "doors", str(file), "--port", f"rs485={port}", "--json")
        doors = json.loads((await asyncio.to_thread(run, installed, *words)).stdout)["doors"]
        assert doors == {"01": "closed", "02": "closed", "03": "open", "04": "closed"}
    finally:
        served.terminate()
        await served.wait()


class _Entry:
    """A mock of an installed entry point."""

    def __init__(self, name: str, package: str, load: Any) -> None:
        self.name, self.value, self.load = name, package, load
        self.dist = type("Dist", (), {"name": package})


def fails() -> object:
    raise ImportError("no module named acme_crypto")


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([], "there is no family of lock boards lock_acme; there are lock_8a80, lock_dingchang, lock_gpio, "),
        (
            [_Entry("lock_acme", "acme", fails)],
            "package acme, which brings lock_acme, does not load: Impo",
        ),
        ([_Entry("lock_acme", name, fails) for name in "ab"], "is brought by more than one package: a, b"),
        (
            [_Entry("lock_acme", "acme", lambda: type("X", (), {"family": families.LOCKS["lock_8a80"]}))],
            "the package that brings lock_acme says that it is something else",
        ),
    ],
)
def test_a_package_that_cannot_be_used_is_named_with_the_reason(monkeypatch, entries, reason):
    monkeypatch.setattr(families.importlib.metadata, "entry_points", lambda group: entries)
    families.plug_in.cache_clear()
    with pytest.raises(BadFile, match=reason):
        parse(raw_file())
    families.plug_in.cache_clear()


def test_a_package_that_brings_no_device_is_told(monkeypatch):
    entry = _Entry("lock_acme", "acme", lambda: "a string")
    monkeypatch.setattr(families.importlib.metadata, "entry_points", lambda group: [entry])
    families.plug_in.cache_clear()
    with pytest.raises(WrongUse, match="its package brings no LockDevice, but 'a string'"):
        device("lock_acme")
    families.plug_in.cache_clear()
