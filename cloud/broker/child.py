"""A broker as a child process: started, watched, restarted, reloaded, and never left behind."""

import asyncio
import contextlib
import ctypes
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

from cloud.broker.kinds import Kind
from cloud.broker.rights import Login

READY_S = 15
FREE_S = 3
ADMIT_S = 5
CONNACK, ACCEPTED, DISCONNECT = b"\x20", 0, b"\xe0\0"
STOP_S = 5
BACK_OFF_S = (0.2, 0.5, 1, 2, 5)
STEADY_S = 30
"""After running this long, the next restart is prompt again."""

log = structlog.get_logger("broker")


class BrokerProblem(Exception):
    """The broker cannot be started; says which program and why."""


class ChildBroker:
    """One broker on (host, port). With port 0 it takes a free one, once: cabinets remember the address."""

    def __init__(self, kind: Kind, folder: Path, host: str, port: int) -> None:
        self._kind = kind
        self._folder = folder.absolute()
        self.host = host
        self.port = port
        self._logins: list[Login] = []
        self._child: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def remember_port(self) -> None:
        """Settle the port: the one asked for, else the one taken before, else a free one."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self._folder / "port"
        if not self.port:
            with contextlib.suppress(OSError, ValueError):
                self.port = int(file.read_text())
        if not self.port:
            with socket.create_server((self.host, 0)) as probe:
                self.port = probe.getsockname()[1]
            file.write_text(f"{self.port}\n")

    async def start(self, logins: Iterable[Login]) -> None:
        """Returns when the broker accepts connections; ``BrokerProblem`` when it does not."""
        self._logins = list(logins)
        self.remember_port()
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name="broker keeper")

    def reload(self, logins: Iterable[Login]) -> None:
        """Put these logins in force; those that did not change stay connected."""
        self._logins = list(logins)
        self._write()
        if self._child is not None and self._child.returncode is None:
            self._child.send_signal(signal.SIGHUP)

    async def admits(self, login: Login, timeout_s: float = ADMIT_S) -> bool:
        """Wait until a login that was just put in force works: brokers reload in their own time."""
        until = asyncio.get_running_loop().time() + timeout_s
        while asyncio.get_running_loop().time() < until:
            if await _answers_connect(self.host, self.port, login):
                return True
            await asyncio.sleep(0.05)
        return False

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._child is not None and self._child.returncode is None:
            self._child.terminate()
            try:
                await asyncio.wait_for(self._child.wait(), STOP_S)
            except TimeoutError:
                self._child.kill()
                await self._child.wait()

    def _write(self) -> list[str]:
        program = self._kind.find()
        if program is None:
            raise BrokerProblem(f"the program {self._kind.program} is not installed")
        return self._kind.files(program, self._folder, self.host, self.port, self._logins)

    async def _spawn(self) -> None:
        command = self._write()
        await self._until_port_is_free()
        log_file = self._folder / f"{self._kind.name}.log"
        with log_file.open("wb") as output:
            self._child = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_dies_with_parent(),
            )
        await self._wait_until_ready(self._child, log_file)

    async def _until_port_is_free(self) -> None:
        """Whoever listens there would be taken for our child; a dying one of ours is waited for."""
        until = asyncio.get_running_loop().time() + FREE_S
        while (reason := _cannot_listen(self.host, self.port)) is not None:
            if asyncio.get_running_loop().time() > until:
                raise BrokerProblem(f"{self._kind.program} cannot have {self.host}:{self.port}: {reason}")
            await asyncio.sleep(0.05)

    async def _wait_until_ready(self, child: asyncio.subprocess.Process, log_file: Path) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + READY_S
        while child.returncode is None and loop.time() < until:
            if await _accepts(self.host, self.port):
                return
            await asyncio.sleep(0.05)
        said = log_file.read_text(errors="replace").strip().splitlines()[-3:]
        raise BrokerProblem(
            f"{self._kind.program} does not accept connections on {self.host}:{self.port}: "
            + (" / ".join(said) or "it said nothing")
        )

    async def _keep(self) -> None:
        """Start it again whenever it ends, ever more slowly while it keeps ending."""
        loop = asyncio.get_running_loop()
        in_a_row = 0
        while True:
            assert self._child is not None
            began = loop.time()
            code = await self._child.wait()
            in_a_row = 0 if loop.time() - began > STEADY_S else in_a_row + 1
            log.error("broker ended", program=self._kind.program, code=code, in_a_row=in_a_row)
            await asyncio.sleep(BACK_OFF_S[min(in_a_row, len(BACK_OFF_S) - 1)])
            self.restarts += 1
            try:
                await self._spawn()
            except (BrokerProblem, OSError) as error:
                log.error("broker not restarted", reason=str(error))


def _cannot_listen(host: str, port: int) -> str | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


async def _accepts(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(_dial(host), port), 1)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def _answers_connect(host: str, port: int, login: Login) -> bool:
    """Knock once, as MQTT 3.1.1 has it (sections 3.1 and 3.2), and go away again."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(_dial(host), port)
            writer.write(_connect_packet(login))
            answer = await reader.readexactly(4)
            writer.write(DISCONNECT)
            writer.close()
            await writer.wait_closed()
    except (OSError, EOFError, TimeoutError):
        return False
    return answer[:1] == CONNACK and answer[3] == ACCEPTED


def _connect_packet(login: Login) -> bytes:
    user_password_and_clean_session, no_keepalive = b"\xc2", b"\0\0"
    fields = (f"knock-{login.name}"[:23], login.name, login.password)
    payload = b"".join(len(field).to_bytes(2, "big") + field.encode() for field in fields)
    rest = b"\0\x04MQTT\x04" + user_password_and_clean_session + no_keepalive + payload
    low, high = len(rest) % 128, len(rest) // 128
    length = bytes([low | 128, high] if high else [low])
    return b"\x10" + length + rest


def _dial(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _dies_with_parent() -> Callable[[], None] | None:
    """Linux: the kernel ends the broker when we are gone, however we went."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: afterwards hardly anything is allowed
    set_parent_death_signal, on_parent_death = 1, int(signal.SIGKILL)

    def ask() -> None:
        prctl(set_parent_death_signal, on_parent_death)

    return ask
