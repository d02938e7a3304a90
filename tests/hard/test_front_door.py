"""The way in, at full length: real installations with every package, also on a bare Debian."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = [pytest.mark.hard, pytest.mark.timeout(5400)]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "a fresh clone"
    git = ["git", "-c", "safe.directory=*", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder)]
    subprocess.run(git, check=True)
    return folder


def start(folder: Path) -> tuple[int, str, float]:
    """Exit code, what was said while installing, seconds."""
    began = time.monotonic()
    command = [sys.executable, str(folder / "tuangui"), "config", "--help"]
    done = subprocess.run(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, check=False)
    return done.returncode, done.stderr, time.monotonic() - began


def test_a_fresh_clone_installs_everything_and_starts_again_at_once(clone: Path) -> None:
    code, said, _ = start(clone)
    assert (code, "ready after" in said) == (0, True), said
    code, said, seconds = start(clone)
    assert (code, said) == (0, "")
    assert seconds < 2


@pytest.mark.parametrize("after_seconds", [1, 3, 6, 12])
def test_an_installation_killed_at_any_time_heals(clone: Path, after_seconds: float) -> None:
    command = [sys.executable, str(clone / "tuangui"), "config", "--help"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        time.sleep(after_seconds)  # the moment is the point
        os.killpg(process.pid, 9)
    code, said, _ = start(clone)
    assert (code, "ready after" in said) == (0, True), said


def test_a_bare_debian_serves_root_and_tells_others_what_to_type() -> None:
    assert os.geteuid() == 0, "a bare Debian is built by root only"
    assert shutil.which("debootstrap"), "apt-get install debootstrap"
    subprocess.run([str(ROOT / "tests" / "hard" / "bare.sh")], check=True)
