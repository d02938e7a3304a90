"""The log under the edge's folder keeps within its size, whatever is written and whatever fails."""

import io

import pytest

from controller.log_file import CappedLog, log_files

CAP = 10_000


@pytest.fixture
def log(tmp_path):
    log = CappedLog(tmp_path, CAP, io.StringIO())
    yield log
    log.close()


def size(folder):
    return sum(file.stat().st_size for file in log_files(folder))


def test_it_never_grows_over_its_cap_and_keeps_the_newest_lines(tmp_path, log):
    for n in range(5000):
        log.write(f"line {n}\n")
        assert size(tmp_path) <= CAP
    kept = "".join(file.read_text() for file in log_files(tmp_path)).splitlines()
    assert kept[-1] == "line 4999"
    assert kept == [f"line {n}" for n in range(5000 - len(kept), 5000)]
    assert size(tmp_path) > CAP / 3


def test_a_line_longer_than_the_cap_is_cut(tmp_path, log):
    log.write("x" * 3 * CAP)
    assert size(tmp_path) <= CAP


def test_a_restart_goes_on_in_the_same_file(tmp_path, log):
    log.write("before\n")
    again = CappedLog(tmp_path, CAP, io.StringIO())
    again.write("after\n")
    again.close()
    assert [file.read_text() for file in log_files(tmp_path)] == ["before\nafter\n"]


def test_every_line_is_also_said_where_it_was_said_before(tmp_path):
    also = io.StringIO()
    log = CappedLog(tmp_path / "no" / "such" / "place", CAP, also)
    (tmp_path / "no").write_text("a file stands where the folder would be")
    log.write("told\n")
    log.close()
    assert also.getvalue() == "told\n"
