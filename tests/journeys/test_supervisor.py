"""Programs under watch: ready, dead, started again, and never left behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulators.demo.supervisor import NotReady, Program, Supervisor

READY_AND_WAITING = """
import json, os, sys, time
print("a word before", flush=True)
print(json.dumps({"ready": True, "pid": os.getpid(), "arguments": sys.argv[1:]}), flush=True)
time.sleep(60)
"""


def waiting(told: dict) -> list[str]:
    return ["-c", READY_AND_WAITING, *([str(told["pid"])] if told else [])]


@pytest.fixture
async def supervisor(tmp_path: Path):
    supervisor = Supervisor(tmp_path / "logs", lambda sentence: None)
    yield supervisor
    await supervisor.stop()


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while is_there(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_there(pid)


async def test_a_program_is_ready_when_it_says_so(supervisor):
    child = await supervisor.start(Program("one", waiting))
    assert child.told == {"ready": True, "pid": child.pid, "arguments": []}
    assert "a word before" in child.log.read_text()


async def test_a_program_that_dies_is_started_again_and_told_what_it_said_before(supervisor):
    child = await supervisor.start(Program("one", waiting))
    first = child.pid
    child.kill()
    told = await asyncio.wait_for(child.ready(), 10)
    assert told["arguments"] == [str(first)]
    assert child.starts == 2


async def test_a_program_that_ends_before_it_is_ready_is_named_with_its_last_words(supervisor):
    with pytest.raises(NotReady, match=r"broken ended with code 3 .*\n.*no such cabinet"):
        await supervisor.start(
            Program("broken", lambda told: ["-c", "import sys; print('no such cabinet'); sys.exit(3)"])
        )


async def test_stop_ends_all_of_them(supervisor):
    children = [await supervisor.start(Program(name, waiting)) for name in ("one", "two")]
    pids = [child.pid for child in children]
    await supervisor.stop()
    assert [is_there(pid) for pid in pids] == [False, False]


SUPERVISE = """
import asyncio, json, sys
from pathlib import Path
from simulators.demo.supervisor import Program, Supervisor

async def main():
    supervisor = Supervisor(Path(sys.argv[1]), print)
    child = await supervisor.start(Program("one", lambda told: ["-c", sys.argv[2]]))
    print(json.dumps({"pid": child.pid}), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_kill_9_of_the_supervisor_leaves_nothing_behind(tmp_path):
    command = [sys.executable, "-c", SUPERVISE, str(tmp_path), READY_AND_WAITING]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    ) as asked:
        assert asked.stdout is not None
        pid = json.loads(asked.stdout.readline())["pid"]
        assert is_there(pid)
        os.kill(asked.pid, signal.SIGKILL)
    assert gone(pid)
