"""The whole product on a virtual clock: thousands of stormy hours, wrong clocks, a month, no cloud for a day.

The search takes seeds for as long as a row may last and says how many; TUANGUI_FIRST_SEED goes on from there.
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from simulators.scenario import Scenario, Wanted, read_scenario, run
from simulators.scenario.file import Computer, Net, People

pytestmark = pytest.mark.hard

SCENARIOS = Path("simulators/scenarios")
SEEDS_WANTED = 10_000
SEARCH_SECONDS = int(os.environ.get("TUANGUI_M3_SECONDS", "1020"))

SEARCH = """
import sys, time
from pathlib import Path
from simulators.scenario import Wanted, read_scenario, run
scenario = read_scenario(Path(sys.argv[1]))
first, last, step, until = (float(text) for text in sys.argv[2:6])
for seed in range(int(first), int(last), int(step)):
    if time.time() > until:
        break
    broken = run(Wanted(scenario, seed, 0.045)).violation
    print(seed, "" if broken is None else f"{broken.moment} {broken.cabinet}: {broken.what}", flush=True)
"""


@pytest.mark.row("M3")
@pytest.mark.timeout(1260)
def test_m3_no_seed_breaks_a_rule(reached):
    first = int(os.environ.get("TUANGUI_FIRST_SEED", "1"))
    until = str(time.time() + SEARCH_SECONDS)

    def search(offset: int) -> str:
        seeds = (str(first + offset), str(first + SEEDS_WANTED), "2", until)
        command = [sys.executable, "-P", "-c", SEARCH, str(SCENARIOS / "city.toml"), *seeds]
        environment = {**os.environ, "PYTHONPATH": "."}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    with ThreadPoolExecutor(2) as both:
        lines = "".join(both.map(search, range(2))).splitlines()
    broken = [line for line in lines if len(line.split(maxsplit=1)) > 1]
    last = max(int(line.split()[0]) for line in lines)
    cabinets = read_scenario(SCENARIOS / "city.toml").cabinets
    figure = f"{len(broken)} in {cabinets} cabinets × {len(lines)} seeds of {SEEDS_WANTED}"
    reached("M3", goal="0 broken", figure=figure, seed=f"{first}-{last}")
    assert broken == []
    assert len(lines) > 10


@pytest.mark.row("N4")
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(1, 6))
def test_n4_wrong_clocks_and_1970_change_no_opening(seed, reached):
    """Clocks jump by up to ten days twenty times a day, and every power cut ends in 1970."""
    computer = Computer(
        kills_per_day=4, power_cuts_per_day=8, clock_lost=1.0, clock_jumps_per_day=20,
        dark_minutes=(0.2, 3), clock_repaired_minutes=(5, 60),
    )  # fmt: skip
    scenario = Scenario(compartments=12, computer=computer, poll_s=1, tick_s=0.5)
    story = run(Wanted(scenario, seed, 1.0))
    jumps, served = story.total()["clock jumps"], story.total()["residents served"]
    figure = f"{story.violation or 0} broken in {jumps} jumps, {served} served"
    reached("N4", goal="0 rules broken", figure=figure, seed=seed)
    assert story.violation is None, story.violation
    assert jumps > 5
    assert story.total()["clocks lost"] > 0
    assert story.total()["residents served"] == story.total()["residents came"] > 0


@pytest.mark.row("O10")
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(1, 6))
def test_o10_a_day_without_the_cloud_serves_everybody(seed, reached):
    scenario = Scenario(
        people=People(
            orders_per_day=8, courier_hours=(10.0,), planned_hours_before=4.0, fetch_hours=(11, 22)
        ),
        network=Net(
            cloud_stopped_hours=(6.5, 30.5),
            cloud_stops_per_day=0,
            outages_per_day=0,
            broker_restarts_per_day=0,
        ),
        computer=Computer(kills_per_day=2),
        compartments=16,
        poll_s=1,
        tick_s=0.5,
    )
    told = run(Wanted(scenario, seed, 1.2))
    assert told.violation is None, told.violation
    sums = told.sums[1]
    figure = f"{sums['residents served']} of {sums['residents came']}"
    reached("O10", goal="everybody served", figure=figure, seed=seed)
    assert sums["residents served"] == sums["residents came"] > 0
    assert sums["served by phone"] == 0


MONTH = """
import json, os, sys
from pathlib import Path
from simulators.scenario import Wanted, read_scenario, run
scenario = read_scenario(Path(sys.argv[1])).model_copy(update={"poll_s": 2.0, "tick_s": 1.0})
looks = []

def look(second):
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    looks.append((second / 86400, pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd"))))

story = run(Wanted(scenario, 1, 30.0), each_hour=look)
broken = story.violation
print(json.dumps({"looks": looks, "total": story.total(), "broken": broken and broken.what}))
"""


def slope(points: list[tuple[float, float]]) -> float:
    """Least squares."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


@pytest.mark.row("N6")
@pytest.mark.timeout(1260)
def test_n6_thirty_days_grow_neither_memory_nor_open_files(reached):
    command = [sys.executable, "-P", "-c", MONTH, str(SCENARIOS / "evening.toml")]
    environment = {**os.environ, "PYTHONPATH": "."}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    later = [look for look in told["looks"] if look[0] > 3]
    growth = slope([(day, rss) for day, rss, _ in later]) / 2**20
    files = slope([(day, fds) for day, _, fds in later])
    reached("N6", goal="< 1 MiB a day", figure=f"{growth:.3f} MiB a day", seed=1)
    reached("N6", goal="< 0.1 open files a day", figure=f"{files:+.4f} a day", seed=1)
    assert told["broken"] is None
    assert growth < 1.0
    assert abs(files) < 0.1
