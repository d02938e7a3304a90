"""How the bus is measured: what counts as met, and the whole of it once, quickly."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from simulators.measure.bus import BOARDS, Polling, Silent

ROOT = Path(__file__).resolve().parents[2]


def test_the_limit_is_bytes_and_the_silence_that_modbus_wants() -> None:
    assert Polling("lock_8a80", 9600).limit == pytest.approx(BOARDS * 12 * 10 / 9600)
    assert Polling("lock_modbus", 9600).limit == pytest.approx(BOARDS * (14 + 7) * 10 / 9600)
    assert Polling("lock_modbus", 115200).limit == pytest.approx(BOARDS * (140 / 115200 + 0.0035))


@pytest.mark.parametrize(("ratio", "met"), [(1.14, True), (1.16, False)])
def test_polling_is_met_by_its_median_round(ratio: float, met: bool) -> None:
    row = Polling("lock_8a80", 9600)
    row.rounds = [row.limit * 9, row.limit * ratio, row.limit]
    assert (row.is_met, round(row.ratio, 6)) == (met, ratio)


def test_a_silent_board_is_judged_by_the_longest_of_a_hundred_waits() -> None:
    assert Silent([0.1] * 99 + [0.6]).is_met
    assert not Silent([0.1] * 98 + [0.6] * 2).is_met


def test_the_whole_of_it(tmp_path: Path) -> None:
    words = ["measure", "bus", "--family", "lock_8a80", "--baud", "115200", "--blocks", "1", "--pickups", "0"]
    command = [sys.executable, "-m", "simulators", *words, "--json", str(tmp_path / "bus.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode in (0, 1), done.stderr
    told = json.loads((tmp_path / "bus.json").read_text())
    assert told["machine"]
    assert told["polling"][0]["ratio"] < 10
    assert all(cost > 0 for cost in told["costs"]["ours"] + told["costs"]["pyserial"])
    assert told["costs"]["libmodbus"] or told["costs"]["missing"]
    assert "P3: lock_8a80 at 115200" in done.stdout
