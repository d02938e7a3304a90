"""Days of a cabinet on a virtual clock: they replay byte for byte, and a broken rule is found."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.problems import BadFile
from controller.cabinet import Cabinet
from controller.visit import switch, waiting
from simulators.scenario import Scenario, Wanted, read_scenario, run
from simulators.scenario.command import play
from simulators.scenario.virtual import NothingLeft, VirtualLoop

SCENARIOS = Path("simulators/scenarios")
AN_HOUR = 0.045


def replay(hash_seed: str, *how: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "simulators", "sim", "run", *how]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": "."}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_the_same_seed_gives_the_same_bytes_in_another_process():
    how = ("storm.toml", "--seed", "4", "--days", "0.02", "--cabinets", "2")
    first, second = replay("1", *how), replay("2", *how)
    told = [process.communicate(timeout=100)[0] for process in (first, second)]
    assert told[0] == told[1]
    assert "sha256" in told[0]
    assert first.returncode == 0


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
    path = tmp_path / "jammed.toml"
    path.write_text(JAMMED)
    assert play(path, 1, AN_HOUR, 1, as_json=False) == 1
    told = capsys.readouterr().err
    assert "violated: seed 1, day 1 10:" in told
    assert "I1: 4 pulses for one opening" in told
    assert "cabinet-01 coil" in told


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
    story = run(Wanted(read_scenario(path), 1, 0.01))
    assert story.violation is None
    assert json.dumps(story.total()) != "{}" or story.lines > 0
