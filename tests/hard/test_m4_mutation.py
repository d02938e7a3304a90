"""Row M4: let one statement of the core or its guards be wrong, and the quick tests notice."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

SECONDS = 1080
SEED = os.environ.get("TUANGUI_FIRST_SEED", "7")
CORE = [str(path) for path in sorted(Path("controller/visit").glob("*.py"))]
GUARDS = [
    "controller/doors.py",
    "controller/beams.py",
    "controller/reservations.py",
    "controller/unlock.py:_reason_to_withhold",
    "controller/commands.py:_reason_to_reject,allows,spent",
    "controller/access/tries.py:wait_ms,after_wrong,after_right",
]
FLAT = ["visit_rules", "door_switch", "beam_rules", "reservations", "limits", "who_removes", "rights_again"]
TESTS = [
    *(f"tests/edge/test_{name}.py" for name in FLAT),
    "tests/edge/search",
    "-k",
    "not let_go and not no_order",
]
WANTED = 0.85


def half(number: int) -> list[dict]:
    seconds, seed = str(SECONDS), f"{SEED}/{number}"
    command = [sys.executable, "-P", "tests/hard/mutants.py", seconds, seed, *CORE, *GUARDS, "--", *TESTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.hard
@pytest.mark.row("M4")
@pytest.mark.timeout(1260)
def test_m4_most_wrongs_in_the_core_are_noticed(reached):
    with ThreadPoolExecutor(2) as both:
        tried = [mutant for part in both.map(half, range(2)) for mutant in part]
    alive = [mutant for mutant in tried if not mutant["killed"]]
    share = 1 - len(alive) / len(tried)
    for mutant in alive:
        print(f"  not noticed: {mutant['file']}:{mutant['line']} {mutant['wrong']}")
    figure = f"{share:.1%} of {len(tried)} noticed, of {tried[0]['of']} there are"
    reached("M4", goal=f"≥ {WANTED:.0%} of the changes noticed", figure=figure, seed=SEED)
    assert len(tried) > 50
    assert share >= WANTED


def test_the_mutants_are_made_of_every_kind_and_of_one_change_each(tmp_path):
    path = tmp_path / "guard.py"
    path.write_text("def guard(a, b):\n    if a < b and not a:\n        return 1\n    return a\n")
    code = f"import mutants, json; print(json.dumps([m[1:3] for m in mutants.mutants_of({str(path)!r})]))"
    environment = {**os.environ, "PYTHONPATH": f".{os.pathsep}tests/hard"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    words = [word for _, word in json.loads(done.stdout)]
    assert sorted(words) == [
        "1 -> 2", "And -> Or", "Lt -> Gt", "Lt -> LtE", "condition negated", "if deleted", "not dropped",
    ]  # fmt: skip
