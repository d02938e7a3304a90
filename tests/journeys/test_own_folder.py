"""What a killed run leaves behind is gone after the next start; what is in use stays."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from simulators.own_folder import own_folder, sweep

MAKES = """
import time
from simulators.own_folder import own_folder
print(own_folder("test"), flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_the_folder_of_a_killed_run_is_swept_and_that_of_a_living_one_is_not(tmp_path):
    with subprocess.Popen([sys.executable, "-c", MAKES], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        folder = Path(run.stdout.readline().strip())
        (folder / "edge.db").write_text("rows")
        assert sweep("test") == []
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    assert (folder / "edge.db").exists()
    fresh = own_folder("test")
    assert not folder.exists()
    assert fresh.exists()


def test_nothing_else_is_touched(tmp_path):
    for name in ("tuangui-test-notes", "tuangui-other-1-x", "tuangui-test-999999999-x y"):
        (tmp_path / name).mkdir()
    (tmp_path / "tuangui-test-999999999-link").symlink_to(tmp_path / "tuangui-test-notes")
    assert sweep("test") == []
    assert len(list(tmp_path.iterdir())) == 4
