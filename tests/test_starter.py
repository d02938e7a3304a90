"""The starter, really run: in copies that need no package, so that an installation takes seconds."""

import ast
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.computes

ROOT = Path(__file__).resolve().parent.parent
STARTER = ROOT / "tuangui"

# What `./tuangui config` starts in a copy: it says where and how it runs, then does as it is told.
REPORT = """
import os, signal, sys, time
print("arguments", sys.argv[1:])
print("folder", os.getcwd())
print("environment", sys.prefix)
if sys.argv[1:] == ["wait"]:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
    print("waiting", flush=True)
    while True:
        time.sleep(0.05)
sys.exit(int(sys.argv[1]) if sys.argv[1:] and sys.argv[1].isdigit() else 0)
"""


def checkout(folder: Path) -> Path:
    """A copy of the starter with a `config` that reports, and with no requirements."""
    for name in ("requirements", "config"):
        (folder / name).mkdir(parents=True)
    shutil.copy(STARTER, folder)
    (folder / "requirements" / "run.txt").write_text("# nothing\n")
    (folder / "requirements" / "test.txt").write_text("# nothing, too\n")
    (folder / "config" / "__init__.py").touch()
    (folder / "config" / "__main__.py").write_text(REPORT)
    return folder


def start(starter: Path, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(starter), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload, no-any-return]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose environment is ready, in a folder whose name has spaces and Chinese in it."""
    folder = checkout(tmp_path_factory.mktemp("a place") / "团柜 one")
    assert start(folder / "tuangui", "config").returncode == 0
    return folder


@pytest.fixture
def programs(tmp_path: Path) -> Callable[[str, str], Path]:
    """Puts little shell programs in a folder that can be the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def put(name: str, script: str) -> Path:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return folder

    return put


def test_an_older_python_can_read_it() -> None:
    ast.parse(STARTER.read_text(), feature_version=(3, 6))


ELSEWHERE = """
import runpy, sys
exec(sys.argv[1])
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def start_where(
    pretence: str, starter: Path, *arguments: str, path: Path
) -> subprocess.CompletedProcess[str]:
    """Run the starter in a Python that takes itself for another, with nothing but `path` on PATH."""
    command = [sys.executable, "-c", ELSEWHERE, f"import sys; {pretence}", str(starter), *arguments]
    environment = {"PATH": str(path)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


OLD = "sys.version_info = (3, 8, 18)"


def test_an_older_python_alone_is_told_in_one_sentence(
    tmp_path: Path, programs: Callable[[str, str], Path]
) -> None:
    path = programs("python3", 'echo "3 9"')
    done = start_where(OLD, checkout(tmp_path / "checkout") / "tuangui", "config", path=path)
    assert done.returncode == 2
    assert done.stderr == (
        "tuangui: this needs Python 3.11 or newer, but found only 3.8. Install a newer one and start again.\n"
    )


def test_an_older_python_hands_over_to_the_newest_on_path(
    tmp_path: Path, programs: Callable[[str, str], Path]
) -> None:
    programs("python3.14", "exit 127")  # as a version manager's shim for a Python that is not there
    programs("python3.12", '[ "$1" = -I ] && echo "3 12" || printf "%s|" "$@"')
    path = programs("python3", 'echo "3 11"')
    starter = checkout(tmp_path / "checkout") / "tuangui"
    done = start_where(OLD, starter, "config", "a b", path=path)
    assert (done.returncode, done.stdout) == (0, f"{starter}|config|a b|")


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_it_lists_its_commands(arguments: list[str]) -> None:
    done = start(STARTER, *arguments)
    assert done.returncode == 0
    for command in ("demo", "edge", "cloud", "bridge", "config", "officer", "sim", "measure", "test"):
        assert f"\n  {command} " in done.stdout


def test_an_unknown_command_is_named() -> None:
    done = start(STARTER, "opne")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no command 'opne'" in done.stderr


def test_a_first_start_says_what_it_does(tmp_path: Path) -> None:
    done = start(checkout(tmp_path / "checkout") / "tuangui", "config")
    assert done.returncode == 0
    first, *_, last = done.stderr.splitlines()
    assert first.startswith("tuangui: filling ")
    assert last.startswith("tuangui: ready after ")


def test_a_second_start_is_silent_quick_and_needs_no_network(installed: Path) -> None:
    nowhere = dict(os.environ, HTTPS_PROXY="http://127.0.0.1:9", PIP_INDEX_URL="http://127.0.0.1:9/")
    began = time.monotonic()
    done = start(installed / "tuangui", "config", env=nowhere)
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - began < 2


def test_it_may_be_called_through_a_link_from_another_folder(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "config.py").write_text("raise SystemExit('the wrong config')")
    link = tmp_path / "tg"
    link.symlink_to(installed / "tuangui")
    done = start(link, "config", "show", "a b", cwd=tmp_path)
    assert done.stdout.splitlines() == [
        "arguments ['show', 'a b']",
        f"folder {tmp_path}",
        f"environment {installed / '.venv'}",
    ]


def test_exit_codes_and_signals_pass_through(installed: Path) -> None:
    assert start(installed / "tuangui", "config", "7").returncode == 7
    command = [sys.executable, str(installed / "tuangui"), "config", "wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "waiting\n" in iter(process.stdout.readline, "")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 9


@pytest.mark.parametrize("damage", ["stamp", "python", "requirements"])
def test_a_damaged_or_outdated_environment_heals(installed: Path, tmp_path: Path, damage: str) -> None:
    folder = shutil.copytree(installed, tmp_path / "copy", symlinks=True)
    if damage == "stamp":
        (folder / ".venv" / "tuangui.stamp").write_text("python 3.")
    elif damage == "python":
        (folder / ".venv" / "bin" / "python").unlink()
    else:
        (folder / "requirements" / "run.txt").write_text("# still nothing\n")
    done = start(folder / "tuangui", "config")
    assert (done.returncode, "ready after" in done.stderr) == (0, True)
    assert start(folder / "tuangui", "config").stderr == ""


def test_where_uv_fails_pip_is_tried(tmp_path: Path, programs: Callable[[str, str], Path]) -> None:
    path = programs("uv", 'echo "no route to the index"; exit 2')
    environment = dict(os.environ, PATH=f"{path}:{os.environ['PATH']}")
    done = start(checkout(tmp_path / "checkout") / "tuangui", "config", env=environment)
    assert done.returncode == 0
    assert "no route to the index" in done.stderr
    assert done.stderr.index("uv did not manage it") < done.stderr.index("with venv and")


def test_an_environment_can_renew_itself(installed: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(installed, tmp_path / "copy", symlinks=True)
    (folder / ".venv" / "tuangui.stamp").unlink()
    activated = dict(os.environ, PATH=f"{folder / '.venv' / 'bin'}:{os.environ['PATH']}")
    done = subprocess.run(
        [folder / "tuangui", "config"], env=activated, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, "ready after" in done.stderr) == (0, True), done.stderr


@pytest.mark.parametrize("kill", [os.kill, os.killpg], ids=["starter", "and-its-installer"])
def test_an_installation_killed_in_the_middle_heals(tmp_path: Path, kill: Callable[[int, int], None]) -> None:
    folder = checkout(tmp_path / "checkout")
    command = [sys.executable, str(folder / "tuangui"), "config"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        deadline = time.monotonic() + 30
        while not (folder / ".venv" / "pyvenv.cfg").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        kill(process.pid, signal.SIGKILL)
    assert not (folder / ".venv" / "tuangui.stamp").exists()
    done = start(folder / "tuangui", "config")
    assert (done.returncode, "ready after" in done.stderr) == (0, True)
    if kill is os.kill:  # its installer went on, and was not disturbed
        assert "waiting for it" in done.stderr


def test_two_starts_at_once_wait_for_each_other(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "checkout")
    command = [sys.executable, str(folder / "tuangui"), "config"]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted("ready after" in each for each in said) == [False, True]


def test_a_folder_it_cannot_write_is_named(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "checkout")
    (folder / ".venv").touch()
    done = start(folder / "tuangui", "config")
    assert done.returncode == 2
    assert done.stderr.startswith(f"tuangui: cannot prepare {folder / '.venv'}: ")


def test_missing_programs_end_the_tests_before_they_begin(
    tmp_path: Path, programs: Callable[[str, str], Path]
) -> None:
    path = programs("apt-get", f'echo "$@" >> {tmp_path}/asked; echo "E: no such mirror" >&2; exit 100')
    folder = checkout(tmp_path / "checkout")
    done = start(folder / "tuangui", "test", env={"PATH": str(path)})
    assert (done.returncode, done.stdout) == (2, "")
    assert "apt-get install -y --no-install-recommends " in done.stderr
    assert "socat" in done.stderr
    assert not (folder / ".venv").exists()
    if os.geteuid() == 0:  # only root may try first
        assert (tmp_path / "asked").read_text().splitlines()[0] == "update"
        assert "E: no such mirror" in done.stderr
    else:
        assert "sudo apt-get install" in done.stderr


def test_missing_programs_are_named_where_there_is_no_debian(
    tmp_path: Path, programs: Callable[[str, str], Path]
) -> None:
    path = programs("true", "exit 0")
    done = start(checkout(tmp_path / "checkout") / "tuangui", "test", env={"PATH": str(path)})
    assert done.returncode == 2
    assert "the tests need " in done.stderr


def test_the_tests_refuse_what_is_not_linux(tmp_path: Path) -> None:
    starter = checkout(tmp_path / "checkout") / "tuangui"
    done = start_where("sys.platform = 'darwin'", starter, "test", path=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Linux only" in done.stderr
    assert not (tmp_path / "checkout" / ".venv").exists()
