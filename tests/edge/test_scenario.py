"""Days of a cabinet on a virtual clock: they replay byte for byte, and a broken rule is found."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.contract import codes
from config.problems import BadFile
from controller.cabinet import Cabinet
from controller.climate import coldchain
from controller.visit import switch, waiting
from simulators.scenario import Scenario, Wanted, read_scenario, run
from simulators.scenario.command import play
from simulators.scenario.file import Cold, ColdZone, Computer, Net, People
from simulators.scenario.virtual import NothingLeft, VirtualLoop

pytestmark = pytest.mark.computes

SCENARIOS = Path("simulators/scenarios")
AN_HOUR = 0.045


def replay(hash_seed: str, *how: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "simulators", "sim", "run", *how]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": "."}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.row("M3")
def test_m3_twenty_cabinets_keep_every_rule_and_tell_the_same_bytes_in_another_process(reached):
    how = ("city.toml", "--seed", "4", "--days", "0.01")
    first, second = replay("1", *how), replay("2", *how)
    told = [process.communicate(timeout=100)[0] for process in (first, second)]
    assert told[0] == told[1]
    assert "sha256" in told[0]
    assert all(f"\ncabinet-{number:02d} " in told[0] for number in range(1, 21))
    assert " strangers\n" in told[0]
    assert first.returncode == 0
    reached("M3", goal="0 broken", figure="0 in 20 cabinets, the same bytes twice", seed=4)


def test_another_seed_gives_another_hour():
    scenario = read_scenario(SCENARIOS / "storm.toml")
    assert run(Wanted(scenario, 1, 0.005)).digest != run(Wanted(scenario, 2, 0.005)).digest


@pytest.mark.parametrize("seed", [1, 2])
def test_an_hour_in_which_everything_happens_breaks_no_rule(seed):
    story = run(Wanted(read_scenario(SCENARIOS / "storm.toml"), seed, AN_HOUR))
    assert story.violation is None, story.violation
    assert story.total()["parcels fetched"] > 0
    assert story.total()["pulses"] > 5


def test_a_day_without_faults_serves_everybody():
    quiet = Scenario(compartments=8, poll_s=1, tick_s=1, begins_hour=14)
    calm = quiet.network.model_copy(update={"cuts_per_day": 0, "outages_per_day": 0, "stalls_per_day": 0})
    steady = quiet.computer.model_copy(update={"kills_per_day": 0, "power_cuts_per_day": 0})
    quiet = quiet.model_copy(update={"network": calm, "computer": steady})
    told = run(Wanted(quiet, 1, 0.36)).total()
    assert told["parcels fetched"] == told["parcels loaded"] > 0
    assert told["residents served"] == told["residents came"] > 0


def test_what_residents_leave_behind_is_seen_told_and_fetched():
    story = run(Wanted(read_scenario(SCENARIOS / "forgetful.toml"), 1, 0.12))
    assert story.violation is None, story.violation
    told = story.total()
    assert told["things left behind"] > 0
    assert told["things fetched after all"] > 0


def test_a_beam_that_nobody_listens_to_is_found_out(monkeypatch):
    monkeypatch.setattr(switch, "look", lambda beam, interrupted, is_open: beam.kept)
    story = run(Wanted(read_scenario(SCENARIOS / "forgetful.toml"), 1, 0.12))
    assert story.violation is not None
    assert "I9" in story.violation.what


def test_a_pulse_before_its_intent_is_durable_is_found(monkeypatch):
    async def forgets(self, step, along):
        pass

    monkeypatch.setattr(Cabinet, "_commit", forgets)
    story = run(Wanted(read_scenario(SCENARIOS / "storm.toml"), 1, AN_HOUR))
    assert story.violation is not None
    assert "I5" in story.violation.what
    assert any("coil" in line for line in story.violation.trace)


JAMMED = """
begins_hour = 9.9
compartments = 8
fault_minutes = [60, 60]
faults.latch_jammed = 3000
"""


def test_a_fourth_pulse_is_found_and_told_with_seed_and_trace(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(waiting, "pulses_left", lambda opening, now, rules: opening.pulses < 5)
    monkeypatch.setenv("TUANGUI_EDGE_PULSES_A_MINUTE", "60")  # which would keep the coil from it
    path = tmp_path / "jammed.toml"
    path.write_text(JAMMED)
    assert play(path, 1, AN_HOUR, 1, as_json=False) == 1
    told = capsys.readouterr().err
    assert "violated: seed 1, day 1 10:" in told
    assert "I1: 4 pulses for one opening" in told
    assert "cabinet-01 coil" in told


def a_bad_morning_for_cold_goods(*, silent: float = 0.0, dead: float = 0.0, dark: float = 0.0) -> Scenario:
    """So many times a day each of that happens; nothing else does."""
    net = Net(cuts_per_day=0, outages_per_day=0, stalls_per_day=0, broker_restarts_per_day=0)
    return Scenario(
        compartments=4, poll_s=2, tick_s=1, begins_hour=9.5,
        people=People(orders_per_day=4, courier_hours=(10.0,), fetch_hours=(11.5, 13.0), guesses_per_day=0),
        network=net.model_copy(update={"cloud_stops_per_day": 0}),
        computer=Computer(
            kills_per_day=0, power_cuts_per_day=dark, dark_minutes=(5, 40), clock_jumps_per_day=0
        ),
        zone=(
            ColdZone(**{"name": "chilled", "class": "chilled", "limit_celsius": 5, "compartments": 3}),
            ColdZone(**{"name": "frozen", "class": "frozen", "limit_celsius": -15, "compartments": 1}),
        ),
        cold=Cold(
            probes_fall_silent_per_day=silent, probe_minutes=(16, 40), compressors_fail_per_day=dead
        ),
    )  # fmt: skip


def test_cold_goods_are_held_when_they_must_be_and_never_else():
    story = run(Wanted(a_bad_morning_for_cold_goods(silent=24, dead=24, dark=12), 2, 0.15))
    assert story.violation is None, story.violation
    assert story.total()["cold holds"] > 0
    assert story.total()["looks at cold zones"] > 0


def test_a_zone_that_is_not_held_is_found(monkeypatch):
    monkeypatch.setattr(coldchain, "is_overdue", lambda air, now, limits: False)
    story = run(Wanted(a_bad_morning_for_cold_goods(silent=48), 1, 0.15))
    assert story.violation is not None
    assert "H8" in story.violation.what
    assert "is not held" in story.violation.what


def test_a_hold_for_nothing_is_found(monkeypatch):
    monkeypatch.setattr(coldchain, "deadline", lambda air, limits: air.cold_at + 9.0)
    story = run(Wanted(a_bad_morning_for_cold_goods(), 1, 0.1))
    assert story.violation is not None
    assert "is held for nothing" in story.violation.what


def test_a_right_that_opens_another_cabinet_is_found(monkeypatch):
    monkeypatch.setattr(codes, "cabinet_hash", lambda cabinet: bytes(8))
    scenario = read_scenario(SCENARIOS / "city.toml")
    always = scenario.people.model_copy(update={"wrong_cabinet": 1.0})
    story = run(Wanted(scenario.model_copy(update={"people": always}), 1, 0.02, cabinets=2))
    assert story.violation is not None
    assert "a right to open another cabinet" in story.violation.what


def test_hours_take_no_time_and_nobody_waits_for_ever():
    with asyncio.Runner(loop_factory=lambda: VirtualLoop("1")) as runner:
        began = time.monotonic()
        runner.run(asyncio.sleep(1_000_000))
        assert time.monotonic() - began < 5
        assert runner.get_loop().time() >= 1_001_000
        with pytest.raises(NothingLeft):
            runner.run(asyncio.Event().wait())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("compartments = 99", "compartments"),
        ("[people]\nfriends = 3", "people.friends"),
        ("[faults]\ngremlins = 3", "faults.gremlins"),
        ("[faults", "is not TOML"),
        ("[faults]\ncompressor_dead = 1", "cold.compressors_fail_per_day"),
        ('[[zone]]\nname = "cool"\nclass = "chilled"\nlimit_celsius = 5\ncompartments = 24', "more than 12"),
    ],
)
def test_a_bad_scenario_names_the_file_the_key_and_the_reason(tmp_path, text, says):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(BadFile, match=says) as refused:
        read_scenario(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_scenario_that_comes_with_us_runs(path):
    story = run(Wanted(read_scenario(path), 1, 0.01, cabinets=1))
    assert story.violation is None
    assert json.dumps(story.total()) != "{}" or story.lines > 0
