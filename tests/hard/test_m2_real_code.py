"""Thousands of evenings of everything at the real controller, for as long as a row may last.

TUANGUI_FIRST_SEED goes on from there; a failure prints its calls, shrunk, and the seed that gives them again.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

EVENINGS_WANTED = 100_000
SEARCH_SECONDS = int(os.environ.get("TUANGUI_M2_SECONDS", "1000"))
AT_ONCE = 50

SEARCH = """
import gc, sys, time
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.edge.stateful.machine import RealEdge
gc.set_threshold(100_000)  # an evening leaves little behind, and all of it is looked through at its end
number, until, at_once = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
how = settings(max_examples=at_once, stateful_step_count=50, deadline=None, database=None, print_blob=True,
    phases=[Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck))
while time.time() < until:
    try:
        run_state_machine_as_test(seed(number)(RealEdge), settings=how)
    finally:
        print(number, RealEdge.evenings, RealEdge.steps, flush=True)
    number += 2
"""


@pytest.mark.hard
@pytest.mark.row("M2")
@pytest.mark.timeout(1500)
def test_m2_no_evening_at_the_real_controller_breaks_a_promise(reached):
    first, until = int(os.environ.get("TUANGUI_FIRST_SEED", "1")), time.time() + SEARCH_SECONDS

    def search(offset: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-c", SEARCH, str(first + offset), str(until), str(AT_ONCE)]
        environment = {**os.environ, "PYTHONPATH": "."}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(2) as both:
        done = list(both.map(search, range(2)))
    seeds, evenings, steps = (
        [int(each.stdout.splitlines()[-1].split()[at]) for each in done] for at in range(3)
    )
    broken = [each.stderr for each in done if each.returncode != 0]
    figure = f"{len(broken)} in {sum(evenings)} evenings of {EVENINGS_WANTED}, {sum(steps)} steps"
    reached("M2", goal="0 promises broken", figure=figure, seed=f"{first}-{max(seeds)}")
    assert not broken, "\n".join(broken)
    assert sum(steps) > 40 * AT_ONCE
