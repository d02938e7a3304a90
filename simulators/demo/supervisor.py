"""Programs under watch: started, waited for, started again when they end, never left behind.

A program says that it is ready by one line of JSON on its standard output. Everything else that it says goes
to a file of its own. On Linux the kernel ends the programs when the supervisor ends in any way; the programs
look for themselves as well (``--with-parent``), which is what serves elsewhere. For the kernel's part they
have to be started from the main thread.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

READY_S = 90.0
STOP_S = 8.0
BACK_OFF_S = (0.1, 0.5, 1.0, 2.0, 5.0)
STEADY_S = 20.0
"""After running for this long, the next restart is prompt again."""
LAST_WORDS = 8
PR_SET_PDEATHSIG = 1

Told = dict[str, Any]
"""What a program said when it was ready."""


class NotReady(Exception):
    """A program ended, or said nothing, before it was ready; ``said`` are its last words."""

    def __init__(self, name: str, reason: str, said: str) -> None:
        self.name, self.said = name, said
        super().__init__(f"{name} {reason}" + (f":\n{said}" if said else "; it said nothing"))


@dataclass(frozen=True, slots=True)
class Program:
    """What to start. ``arguments`` are asked for at each start, and given what it said at the last one.

    So a program that took a free port at first can be told to take the same one again.
    """

    name: str
    arguments: Callable[[Told], list[str]]
    environment: Mapping[str, str] = field(default_factory=dict)


class Child:
    """One program under watch."""

    def __init__(self, program: Program, log: Path, notice: Callable[[str], None]) -> None:
        self.program = program
        self.log = log
        self.told: Told = {}
        self.starts = 0
        self._notice = notice
        self._process: asyncio.subprocess.Process | None = None
        self._up = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._deaths_in_a_row = 0

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process is not None else None

    async def start(self) -> Told:
        """Start it and wait until it is ready; ``NotReady`` when it does not come to that."""
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name=f"keeper of {self.name}")
        return self.told

    async def ready(self) -> Told:
        """Wait until it is ready (again); what it said then."""
        await self._up.wait()
        return self.told

    def kill(self) -> bool:
        """End it as a power cut would; it is started again. False when it is not running just now."""
        if self.pid is None:
            return False
        self._up.clear()
        self._deaths_in_a_row = -1  # it did not fail by itself, so the next start is prompt
        os.kill(self.pid, signal.SIGKILL)
        return True

    async def stop(self) -> None:
        """Ask it to end and wait; made to after a while."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self._up.clear()
        await self._end()

    # --- one run

    async def _spawn(self) -> None:
        self.starts += 1
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.program.arguments(self.told),
                cwd=ROOT,
                env={**os.environ, **self.program.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # a terminal's Ctrl-C is for the supervisor, which stops in order
                preexec_fn=_dies_with_us(),
            )
        try:
            self.told = await asyncio.wait_for(self._first_words(self._process), READY_S)
        except TimeoutError:
            await self._end()
            raise NotReady(self.name, f"was not ready within {READY_S:.0f} s", self._last_words()) from None
        except BaseException:
            await self._end()
            raise
        self._up.set()

    async def _first_words(self, process: asyncio.subprocess.Process) -> Told:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            with contextlib.suppress(ValueError):
                told = json.loads(line)
                if isinstance(told, dict) and told.get("ready"):
                    return told
            self._note(line)
        code = await process.wait()
        raise NotReady(self.name, f"ended with code {code} before it was ready", self._last_words())

    async def _keep(self) -> None:
        """Start it again whenever it ends, ever more slowly while it keeps ending."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            code = await self._ended()
            self._up.clear()
            steady = loop.time() - began > STEADY_S
            self._deaths_in_a_row = 0 if steady else self._deaths_in_a_row + 1
            await asyncio.sleep(BACK_OFF_S[min(self._deaths_in_a_row, len(BACK_OFF_S) - 1)])
            self._notice(f"{self.name} ended (code {code}); starting it again")
            try:
                await self._spawn()
            except NotReady as error:
                self._notice(str(error))

    async def _ended(self) -> int:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        while line := await process.stdout.readline():
            self._note(line)
        return await process.wait()

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _note(self, line: bytes) -> None:
        with self.log.open("ab") as log:
            log.write(line)

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LAST_WORDS:])


class Supervisor:
    """All children of one run; stops them in the reverse order of their starts."""

    def __init__(self, logs: Path, notice: Callable[[str], None]) -> None:
        self._logs = logs
        self._notice = notice
        self.children: list[Child] = []

    async def start(self, program: Program) -> Child:
        """Start one more; returns when it is ready."""
        self._logs.mkdir(parents=True, exist_ok=True)
        child = Child(program, self._logs / f"{program.name}.log", self._notice)
        self.children.append(child)
        await child.start()
        return child

    async def stop(self) -> None:
        for child in reversed(self.children):
            await child.stop()
        self.children.clear()


def children_of(pid: int) -> list[int]:
    """Processes that this one started itself. Linux only."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(status[1]) == pid and status[0] != "Z":
                found.append(int(folder.name))
    return found


def _dies_with_us() -> Callable[[], None] | None:
    """To be done between fork and exec: the kernel ends the child when we end, also while it still starts."""
    if sys.platform != "linux":
        return None
    libc, us = ctypes.CDLL(None), os.getpid()

    def dies_with_us() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != us:
            os._exit(1)

    return dies_with_us
