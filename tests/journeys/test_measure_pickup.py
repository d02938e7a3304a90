"""How a pickup is measured: what is looked for on the wire, what counts as met, and the whole of it once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulators.measure.machine import file_system
from simulators.measure.pickup import Bench, Pickup, Row, find_unlock, percentile

ROOT = Path(__file__).resolve().parents[2]
A_QR, ITS_END = b"AEAQ".hex(), b"AB\r".hex()
POLL, POLL_ANSWER = "8001003331", "ff" * 7
UNLOCK, HALF, OTHER_HALF = "8a0103119b", "8a0103", "0088"


AN_8A80 = Bench("lock_8a80", 9600, 0)


def bench(polled: int = 0) -> Bench:
    """The exchange that the goals are told of: one coil write."""
    return Bench("lock_modbus", 9600, polled)


def test_the_unlock_is_found_behind_a_poll_that_was_under_way() -> None:
    scan = [(1.00, True, A_QR), (1.01, True, ITS_END)]
    bus = [
        (1.005, False, POLL), (1.011, True, POLL_ANSWER),
        (1.020, False, UNLOCK), (1.027, True, HALF), (1.030, True, OTHER_HALF), (1.05, False, POLL),
    ]  # fmt: skip
    assert find_unlock(AN_8A80, scan, bus) == (1.01, 1.020, 1.030)


def test_an_unlock_before_the_end_of_the_scan_or_without_its_whole_reply_is_none() -> None:
    scan = [(1.00, True, A_QR), (1.01, True, ITS_END)]
    assert find_unlock(AN_8A80, scan, [(1.005, False, UNLOCK), (1.006, True, HALF + OTHER_HALF)]) is None
    assert find_unlock(AN_8A80, scan, [(1.02, False, UNLOCK), (1.03, True, HALF)]) is None
    assert find_unlock(AN_8A80, scan[:1], [(1.02, False, UNLOCK), (1.03, True, HALF + OTHER_HALF)]) is None


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([float(n) for n in range(1, 101)], 99) == 99
    assert percentile([3.0, 1.0, 2.0], 99) == 3
    assert percentile([3.0, 1.0, 2.0], 50) == 2


@pytest.mark.parametrize(("reply", "met"), [(1.09, True), (1.11, False)])
def test_an_idle_row_is_met_within_its_ratio_to_wire_and_fsync(reply: float, met: bool) -> None:
    limit = bench().exchange_seconds + 0.001
    row = Row(bench(), [[Pickup(0.001, reply * limit, 0.001)] * 4] * 5)
    assert (row.is_met, round(row.goal, 6)) == (met, 1.10)


@pytest.mark.parametrize(("slow", "met"), [(0, True), (1, True), (2, False)])
def test_a_polled_row_is_met_by_its_99th_percentile(slow: int, met: bool) -> None:
    exchange = bench(8).exchange_seconds
    quick, late = Pickup(0.001, 2.0 * exchange, 0.001), Pickup(0.001, 2.2 * exchange, 0.001)
    row = Row(bench(8), [[quick] * (100 - slow) + [late] * slow])
    assert (row.is_met, round(row.goal, 6)) == (met, 2.1)


def test_a_shorter_exchange_may_be_added_as_much_to_as_a_coil_write() -> None:
    pickup = Pickup(0.001, 0.02, 0.001)
    short, long = Row(AN_8A80, [[pickup]]), Row(bench(), [[pickup]])
    added = [(row.goal - 1) * (row.bench.exchange_seconds + 0.001) for row in (short, long)]
    assert added[0] == pytest.approx(added[1])


def test_the_file_system_is_that_of_the_nearest_mount_and_unknown_in_a_chroot() -> None:
    proc, root, data = "proc /proc proc rw 0 0\n", "/dev/sda1 / ext4 rw 0 0\n", "/dev/sdb /data xfs rw 0 0\n"
    assert file_system(Path("/data/x"), proc + root + data) == "xfs"
    assert file_system(Path("/tmp/x"), proc + root + data) == "ext4"
    assert file_system(Path("/tmp/x"), proc) == "file system not told"


def measured(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulators", "measure", "pickup", *words]
    told = str(folder / "rows.json")
    environment = {**os.environ, "TMPDIR": str(folder)}
    return subprocess.run(
        [*command, "--json", told], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_a_short_measurement_tells_times_that_the_wire_allows(tmp_path: Path) -> None:
    quick = ("--family", "lock_8a80", "--baud", "19200", "--polled", "0", "--polled", "4", "--rounds", "1")
    done = measured(tmp_path, *quick)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert [(row["row"], row["polled"], row["pickups"], row["blocks"]) for row in rows] == [
        ("P1", 0, 24, 6), ("P2", 4, 24, 6),
    ]  # fmt: skip
    for row in rows:
        assert row["exchange"] < row["reply"] <= row["reply_p99"], row
        assert 0 < row["first_byte"] < row["reply"] < 1000, row
    assert done.returncode == (0 if all(row["met"] for row in rows) else 1)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.json"]


@pytest.mark.hard
@pytest.mark.row("P1", "P2")
@pytest.mark.timeout(3600)
def test_p1_p2_a_pickup_costs_little_more_than_wire_and_fsync(tmp_path: Path) -> None:
    done = measured(tmp_path, "--rounds", "5")
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
