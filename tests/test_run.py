"""The test command itself: what it hands to pytest, what it answers, and how it chooses rows."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.run import SIDE_BY_SIDE, pytest_arguments

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("arguments", "handed_on"),
    [
        ([], SIDE_BY_SIDE),
        (["tests/wire", "-k", "door"], ["tests/wire", "-k", "door"]),
        (["--hard"], ["-m", "hard"]),
        (["--hard", "R1", "O4", "-x"], ["-m", "hard", "--row=R1", "--row=O4", "-x"]),
    ],
)
def test_arguments_reach_pytest(arguments: list[str], handed_on: list[str]) -> None:
    assert pytest_arguments(arguments) == handed_on


PROOFS = """
import pytest

@pytest.mark.row("R1", "O4")
def test_of_two_rows(): pass

@pytest.mark.row("R11")
def test_of_another_row(): pass

@pytest.mark.hard
def test_of_the_long_form(): pass
"""


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest as the project sets it up on a file of little proofs."""
    (folder / "test_proofs.py").write_text(PROOFS)
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider"]
    command += ["-c", str(ROOT / "pyproject.toml"), f"--rootdir={folder}", *arguments, "test_proofs.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def passed(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line.split("::")[1] for line in done.stdout.splitlines() if line.startswith("PASSED")]


def test_the_long_form_is_left_out_unless_asked_for(tmp_path: Path) -> None:
    assert passed(run_pytest(tmp_path)) == ["test_of_two_rows", "test_of_another_row"]
    assert passed(run_pytest(tmp_path, "-m", "hard")) == ["test_of_the_long_form"]


def test_a_row_chooses_its_tests_and_no_others(tmp_path: Path) -> None:
    assert passed(run_pytest(tmp_path, "--row=R1")) == ["test_of_two_rows"]


def test_a_row_without_a_test_is_an_error(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, "--row=R9")
    assert done.returncode != 0
    assert "no selected test carries row R9" in done.stderr + done.stdout
