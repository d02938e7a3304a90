"""Every check and test, in the order in which they are quick: ruff, mypy, pytest.

    ./tuangui test                      the short run
    ./tuangui test tests/wire -k door   pytest's own arguments
    ./tuangui test --hard               the long proofs instead
    ./tuangui test --hard R1 O4         only those of these rows of docs/proofs.md
    ./tuangui test --hard --again       also what has passed on this very checkout already

A plain script of the standard library: ./tuangui starts it with the environment's Python.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
ROW = re.compile(r"[A-Z]\d+[a-z]?")
SIDE_BY_SIDE = ["-n", "4", "--dist", "loadfile"]
"""Twice as many as two processors: most tests wait for wires and doors most of the time."""


def main(arguments: list[str]) -> int:
    os.chdir(ROOT)
    checks = [
        ("ruff", ["ruff", "check", "."]),
        ("ruff format", ["ruff", "format", "--check", "."]),
        ("mypy", ["mypy"]),
        ("pytest", ["pytest", *pytest_arguments(arguments)]),
    ]
    failed = [name for name, command in checks if run(name, command) != 0]
    if failed:
        print(f"failed: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def pytest_arguments(arguments: list[str]) -> list[str]:
    """What pytest gets for these arguments of ./tuangui test."""
    if "--hard" not in arguments:
        return arguments or SIDE_BY_SIDE
    rest = [argument for argument in arguments if argument not in ("--hard", "--again")]
    resume = [] if "--again" in arguments else ["--resume"]
    rows = [argument for argument in rest if ROW.fullmatch(argument)]
    others = [argument for argument in rest if argument not in rows]
    # The long proofs measure: nothing else runs beside them.
    return ["-m", "hard or row", "--proofs", *resume, *[f"--row={row}" for row in rows], *others]


def run(name: str, command: list[str]) -> int:
    """Run one check with its output streamed; when we are told to stop, it cleans up and nothing follows."""
    print(f"--- {name}: {' '.join(command)}", flush=True)
    child = subprocess.Popen([sys.executable, "-P", "-m", *command])
    asked: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        if number == signal.SIGTERM:
            child.send_signal(signal.SIGINT)  # at which pytest tears down; a Ctrl-C reached it by itself

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    code = child.wait()
    if asked:
        sys.exit(128 + asked[0])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
