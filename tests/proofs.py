"""The table at the end of ``./tuangui test --hard``: for each row what is to be reached, and what was.

A test of a row says its figures with the fixture ``reached``, before it asserts them, so that a row that
fails shows how far it came. What passed is remembered with the state of the checkout it passed on: a second
run of the same state goes on where the first was stopped.
"""

import hashlib
import os
import subprocess
from collections.abc import Generator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

LONGEST_ROW_S = 1200
MEMORY = "tuangui/proofs"
WIDTHS = (4, 44, 50, 8, 7)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a row. ``goal`` and ``figure`` as they are to be read, with their units."""

    row: str
    goal: str
    figure: str
    seed: str = ""


@dataclass(slots=True)
class Proof:
    """How one test of a row came out."""

    test: str
    rows: list[str]
    outcome: str = "stopped"
    seconds: float = 0.0
    figures: list[Figure] = field(default_factory=list)
    earlier: bool = False
    """It passed in an earlier run of the same state of the checkout."""


class Reached(Protocol):
    """What the fixture ``reached`` gives."""

    def __call__(self, row: str, *, goal: str, figure: str, seed: int | str = "") -> None: ...


class Proofs:
    """Collects what tests of rows say; a plugin of pytest. ``resume`` leaves out what has passed already."""

    def __init__(self, config: pytest.Config, *, resume: bool) -> None:
        self._memory = config.cache
        self._state = state_of(config.rootpath)
        self._resume = resume
        self.proofs: dict[str, Proof] = {}

    def remembered(self) -> dict[str, Proof]:
        """What passed on this state of the checkout; nothing when the state cannot be told."""
        told = self._memory.get(MEMORY, {}) if self._memory is not None else {}
        if not self._state or told.get("state") != self._state:
            return {}
        return {one["test"]: _read(one) for one in told["passed"]}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        passed = self.remembered() if self._resume else {}
        done = [item for item in items if item.nodeid in passed]
        self.proofs = {item.nodeid: passed[item.nodeid] for item in done}
        config.hook.pytest_deselected(items=done)
        items[:] = [item for item in items if item.nodeid not in passed]

    def expect(self, item: pytest.Item) -> Proof:
        return self.proofs.setdefault(item.nodeid, Proof(item.nodeid, sorted(rows_of(item))))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, Any, Any]:
        report = yield
        if rows_of(item):
            self._note(self.expect(item), report)
        return report

    def _note(self, proof: Proof, report: Any) -> None:
        proof.seconds += report.duration
        if report.failed or report.skipped:
            proof.outcome = report.outcome
        elif report.when == "call":
            proof.outcome = "passed"
            proof.figures = proof.figures or _from_properties(proof, report.user_properties)
        if report.when == "teardown" and proof.outcome == "passed":
            self._remember(proof)

    def _remember(self, proof: Proof) -> None:
        if self._memory is None or not self._state:
            return
        passed = {**self.remembered(), proof.test: proof}
        told = [asdict(one) for one in passed.values()]
        self._memory.set(MEMORY, {"state": self._state, "passed": told})

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self.proofs:
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.proofs:
            return
        terminalreporter.section("rows")
        for line in table(list(self.proofs.values())):
            terminalreporter.line(line)


def rows_of(item: pytest.Item) -> set[str]:
    """The rows a test proves: what its `row` markers say."""
    return {row.upper() for marker in item.iter_markers("row") for row in marker.args}


def figures_into(proof: Proof | None, rows: set[str]) -> Reached:
    """What a test calls with its figures; without a proof to keep them in they are only checked."""

    def reached(row: str, *, goal: str, figure: str, seed: int | str = "") -> None:
        assert not rows or row in rows, f"the test does not carry row {row}"
        if proof is not None:
            proof.figures.append(Figure(row, goal, figure, str(seed)))

    return reached


def table(proofs: list[Proof]) -> list[str]:
    """A head, a line for each figure, then rows that took longer than a row may."""
    lines = [_line("row", "to reach", "reached", "seed", "s"), _line(*("-" * width for width in WIDTHS))]
    for row, proof in sorted(_by_row(proofs), key=lambda pair: (pair[0][0], int(pair[0][1:].rstrip("abc")))):
        figures = [figure for figure in proof.figures if figure.row == row]
        lines += [_told(row, proof, figure) for figure in figures or [Figure(row, "the test passes", "")]]
    seconds: dict[str, float] = {}
    for row, proof in _by_row(proofs):
        seconds[row] = seconds.get(row, 0.0) + proof.seconds
    slow = [row for row, spent in sorted(seconds.items()) if spent > LONGEST_ROW_S]
    return lines + [
        f"{row} took longer than the {LONGEST_ROW_S // 60} minutes a row may take" for row in slow
    ]


def _by_row(proofs: list[Proof]) -> list[tuple[str, Proof]]:
    return [(row, proof) for proof in proofs for row in proof.rows]


def _told(row: str, proof: Proof, figure: Figure) -> str:
    name = proof.test.rpartition("::")[2]
    which = f" [{name.partition('[')[2]}" if "[" in name else ""
    how = "" if proof.outcome == "passed" else f"{proof.outcome.upper()} "
    earlier = ", earlier" if proof.earlier else ""
    said = f"{how}{figure.figure or ('passed' if not how else '')}{which}{earlier}".strip()
    return _line(row, figure.goal, said, figure.seed, f"{proof.seconds:.0f}")


def _line(*cells: str) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def _from_properties(proof: Proof, properties: list[tuple[str, object]]) -> list[Figure]:
    """What a test has recorded without naming a goal."""
    said = ", ".join(f"{name}: {value}" for name, value in properties)
    return [Figure(row, "the test passes", said) for row in proof.rows] if said else []


def _read(told: dict[str, Any]) -> Proof:
    figures = [Figure(**figure) for figure in told["figures"]]
    return Proof(**{**told, "figures": figures, "earlier": True})


def state_of(folder: Path) -> str:
    """A digest of commit and of all that differs from it; empty where git cannot tell."""
    git = ["git", "-c", "safe.directory=*", "-C", str(folder)]
    digest = hashlib.sha256()
    try:
        for asked in (["rev-parse", "HEAD"], ["diff", "HEAD", "--binary"]):
            digest.update(subprocess.run([*git, *asked], capture_output=True, check=True).stdout)
        listed = [*git, "ls-files", "--others", "--exclude-standard", "-z"]
        for name in subprocess.run(listed, capture_output=True, check=True).stdout.split(b"\0"):
            digest.update(name + (folder / os.fsdecode(name)).read_bytes() if name else b"")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return digest.hexdigest()
