"""The edge as a service: the unit that systemd gets, and a clock that is not before what has passed."""

import configparser
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.cabinet import load
from controller import install
from controller.floor import Floor, Level

ROOT = Path(__file__).parents[2]
FILE = ROOT / "config" / "cabinets" / "locker-8a80.toml"


class Unit(configparser.RawConfigParser):
    optionxform = staticmethod(str)


def sections(text: str) -> Unit:
    unit = Unit(strict=False)
    unit.read_string(text)
    return unit


def edge(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "controller", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_unit_restarts_watches_hardens_and_sets_the_clock_first():
    done = edge("install", str(FILE), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "@" not in re.sub(r"(?m)^#.*$", "", done.stdout)
    service = sections(done.stdout)["Service"]
    assert service["Type"] == "notify"
    assert service["Restart"] == "always"
    assert service["WatchdogSec"] == "10"
    assert service["StateDirectory"] == "tuangui"
    assert service["NoNewPrivileges"] == "yes"
    assert "set-clock" in service["ExecStartPre"]
    assert str(FILE) in service["ExecStart"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd's own check is not here")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    unit = tmp_path / "tuangui-edge.service"
    unit.write_text(install.unit_text(FILE, load(FILE)))
    asked = ["systemd-analyze", "verify", str(unit)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if "tuangui-edge" in line] == []


def test_paths_with_blanks_and_percent_signs_stay_one_word(tmp_path):
    file = tmp_path / 'a "b" 50%.toml'
    shutil.copy(FILE, file)
    started = sections(install.unit_text(file, load(file)))["Service"]["ExecStart"]
    assert '50%%.toml"' in started
    assert '\\"b\\"' in started


def test_who_is_not_root_is_told_so_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(install.CannotInstall, match="needs root"):
        install.install("text", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_systemd_is_told_of_the_unit(tmp_path, monkeypatch):
    """A systemctl of the test's own stands for systemd's, which a test must not change."""
    said = tmp_path / "said"
    (tmp_path / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {said}\n')
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    unit = install.install("text\n", tmp_path)
    assert unit.read_text() == "text\n"
    assert said.read_text().splitlines() == ["daemon-reload", "enable tuangui-edge.service"]


def test_a_cabinet_file_that_is_wrong_is_refused_before_anything_is_written(tmp_path):
    (tmp_path / "bad.toml").write_text("cabinet = 3")
    done = edge("install", str(tmp_path / "bad.toml"), "--units", str(tmp_path))
    assert done.returncode == 2
    assert "bad.toml" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["bad.toml"]


def test_a_clock_before_the_floor_is_put_forward_and_one_after_it_is_left_alone(tmp_path):
    def floor(ms: int) -> None:
        Floor(tmp_path).write(Level("e" * 16, 1, {}, {"floor_ms": str(ms)}))

    assert install.clock_behind_ms(tmp_path) == 0
    floor(int(time.time() * 1000) - 1000)
    assert install.clock_behind_ms(tmp_path) == 0
    floor(int(time.time() * 1000) + 86_400_000)
    assert 86_390_000 < install.clock_behind_ms(tmp_path) <= 86_400_000
    done = edge("set-clock", "--folder", str(tmp_path), "--dry-run")
    assert re.search(r"would be put forward by 86\d\d\d s", done.stdout), done.stdout
