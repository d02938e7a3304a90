"""The test command itself: what it hands to pytest, what it answers, and how it chooses rows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run import SIDE_BY_SIDE, pytest_arguments

ROOT = Path(__file__).resolve().parent.parent
PROOFS_OF_ROWS = ["-m", "hard or row", "--proofs"]


@pytest.mark.parametrize(
    ("arguments", "handed_on"),
    [
        ([], SIDE_BY_SIDE),
        (["tests/wire", "-k", "door"], ["tests/wire", "-k", "door"]),
        (["--hard"], [*PROOFS_OF_ROWS, "--resume"]),
        (["--hard", "--again"], PROOFS_OF_ROWS),
        (["--hard", "R1", "O4", "-x"], [*PROOFS_OF_ROWS, "--resume", "--row=R1", "--row=O4", "-x"]),
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


def run_pytest(folder: Path, *arguments: str, proofs: str = PROOFS) -> subprocess.CompletedProcess[str]:
    """Run pytest as the project sets it up on a file of little proofs."""
    (folder / "test_proofs.py").write_text(proofs)
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-o", f"cache_dir={folder / '.pytest_cache'}"]
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


FIGURES = """
import pytest
from pathlib import Path

@pytest.mark.row("R4")
def test_of_a_figure(reached):
    Path("runs").write_text(Path("runs").read_text() + "x")
    reached("R4", goal="at least 170 a second", figure="912 a second", seed=7)

@pytest.mark.row("R10")
@pytest.mark.parametrize("broker", ["nats"])
def test_that_falls_short(reached, broker):
    reached("R10", goal="0 lost", figure="1 lost")
    assert broker == "none"

@pytest.mark.hard
@pytest.mark.row("N5")
def test_that_only_records(record_property):
    record_property("longest s", 0.2)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder under git whose proofs leave no other trace in it than `runs`, which git does not watch."""
    (tmp_path / ".gitignore").write_text("runs\n.pytest_cache\n__pycache__\n.hypothesis\n")
    (tmp_path / "runs").write_text("")
    (tmp_path / "test_proofs.py").write_text(FIGURES)
    (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    who = ["-c", "user.name=t", "-c", "user.email=t@t"]
    for told in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "Begin"]):
        subprocess.run(["git", *told], cwd=tmp_path, check=True)
    return tmp_path


def rows_told(folder: Path, *arguments: str) -> tuple[list[str], int]:
    """The lines of the table, without its head, and the exit code."""
    done = run_pytest(folder, *PROOFS_OF_ROWS, *arguments, proofs=FIGURES)
    lines = done.stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("row "))
    told = [line for line in lines[at + 2 :] if line[:1] in "RN"]
    return [" ".join(line.split()[:-1]) for line in told], done.returncode


def test_the_table_says_goal_figure_and_seed_also_of_a_row_that_fails(checkout: Path) -> None:
    lines, code = rows_told(checkout)
    assert code == 1
    assert lines == [
        "N5 the test passes longest s: 0.2",
        "R4 at least 170 a second 912 a second 7",
        "R10 0 lost FAILED 1 lost [nats]",
    ]


def test_a_second_run_takes_up_only_what_has_not_passed(checkout: Path) -> None:
    rows_told(checkout, "--resume")
    lines, code = rows_told(checkout, "--resume")
    assert code == 1
    assert lines[1] == "R4 at least 170 a second 912 a second, earlier 7"
    assert (checkout / "runs").read_text() == "x"
    assert rows_told(checkout, "--resume", "--row=R4")[1] == 0
    rows_told(checkout)
    assert (checkout / "runs").read_text() == "xx"


def test_a_changed_checkout_proves_everything_again(checkout: Path) -> None:
    rows_told(checkout, "--resume")
    (checkout / "new.py").write_text("")
    assert rows_told(checkout, "--resume")[0][1] == "R4 at least 170 a second 912 a second 7"
    assert (checkout / "runs").read_text() == "xx"


def test_every_row_of_a_test_is_explained_and_every_explained_row_has_a_test() -> None:
    explained = set(re.findall(r"^\| ([A-Z]\d+) \|", (ROOT / "docs" / "proofs.md").read_text(), re.MULTILINE))
    marked: set[str] = set()
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        if file != Path(__file__):
            for marker in re.findall(r"mark\.row\(([^)]*)\)", file.read_text()):
                marked |= set(re.findall(r'"([A-Z]\d+)"', marker))
    assert explained == marked
