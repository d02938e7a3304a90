"""Outputs that cannot time a pulse: a process of its own turns them off, whatever becomes of the controller.

Boards with their own clock need none of this. A GPIO pin, or a relay card without one, stays on until it is
told otherwise. So a small process owns such a line alone: it arms the end of a pulse before it begins one,
repeats "off" until the output is seen to be off, and turns everything off when the controller is gone or has
said nothing for ``QUIET_SECONDS``. Its own death is the business of hardware, which the cabinet file names.

    controller  ──requests, "alive"──>  guard process  ──on, off──>  pins, cards
    lock.py, __init__.py   messages.py   __main__.py, watch.py        gpio.py, cards.py

The controller's side is ``Guard``.
"""

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from config.cabinet import Board, Bus
from firmware_bridge.errors import BoardFailed, PortError, PortGone, PortUnavailable
from firmware_bridge.guard.messages import ALIVE, Answer, Own, Request, boottime, read_answer
from firmware_bridge.ports import Permit

__all__ = ["ALIVE_SECONDS", "QUIET_SECONDS", "Guard"]

log = structlog.get_logger(__name__)

ALIVE_SECONDS = 0.1
"""The controller says that it lives this often."""
QUIET_SECONDS = 0.5
"""A controller that has said nothing for so long is taken for dead."""
ANSWER_SECONDS = 1.0
RELEASE_SECONDS = 5.0
"""A card with many outputs turns them off one after the other."""
AGAIN_SECONDS = 0.5
"""A guard that died is started again this often."""
COMMAND = (sys.executable, "-m", "firmware_bridge.guard")
ROOT = Path(__file__).resolve().parents[2]


class Guard:
    """The process that owns the outputs of one bus; started with ``start`` and again whenever it dies."""

    def __init__(self, bus: Bus, boards: Sequence[Board], command: Sequence[str] = COMMAND) -> None:
        self.address = bus.port
        self.fault: PortError | None = PortUnavailable(bus.port, "its guard was not started yet")
        self._own = Own(bus, tuple(boards))
        self._command = list(command)
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._asked: dict[int, asyncio.Future[Answer]] = {}
        self._number = 0
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    async def open(self) -> None:
        """Start the guard. ``PortUnavailable`` when it cannot get its outputs; it is then tried again."""
        try:
            await self._start()
        finally:
            self._tasks = [asyncio.create_task(self._keep_alive()), asyncio.create_task(self._keep_up())]

    async def close(self) -> None:
        """Let go: the guard turns everything off and ends."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._lost("it was closed")
        if self._process is not None:
            await asyncio.to_thread(_let_end, self._process)

    async def pulse(self, board: str, channel: int, milliseconds: int, permit: Permit) -> Answer | None:
        """One pulse, asked for once; None when the permit said no. ``PortError``: whether it came is unknown.

        The guard withholds a request that has been on its way for too long.
        """
        request = Request("pulse", board, channel, milliseconds)
        return await self._ask(request, permit)

    async def doors(self, board: str) -> Mapping[int, bool]:
        """Channel to the level of its switch's input. ``PortError``, ``BoardFailed``."""
        return (await self._done(Request("doors", board))).levels

    async def release(self, board: str) -> None:
        """Return when all its outputs are off. ``PortError``, ``BoardFailed``."""
        await self._done(Request("release", board))

    async def _done(self, request: Request) -> Answer:
        answer = await self._ask(request)
        if answer is None or answer.word != "done":
            raise BoardFailed(self.address, request.board, answer.reason if answer else "it was not asked")
        return answer

    async def _ask(self, request: Request, permit: Permit | None = None) -> Answer | None:
        if self._socket is None:
            raise self.fault or PortGone(self.address, "its guard is gone")
        self._number += 1
        number = self._number
        answered = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            if permit is not None and not permit():
                return None
            self._send(request.to_bytes(number, boottime()))
            patience = RELEASE_SECONDS if request.do == "release" else ANSWER_SECONDS
            return await asyncio.wait_for(answered, patience)
        except TimeoutError:
            self._lost("its guard does not answer")
            raise self.fault or PortGone(self.address, "its guard does not answer") from None
        finally:
            self._asked.pop(number, None)

    def _send(self, message: bytes) -> None:
        assert self._socket is not None
        try:
            self._socket.send(message)
        except OSError as error:
            raise self._lost(f"its guard is gone: {error.strerror or error}") from error

    async def _start(self) -> None:
        if self._process is not None:
            # One that hangs would still have the outputs; the next one begins by turning them off.
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with its:
            # A session of its own: Ctrl-C at a terminal must not end the guard before the controller.
            self._process = subprocess.Popen(  # noqa: ASYNC220
                self._command, stdin=its.fileno(), cwd=ROOT, start_new_session=True
            )
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(ours, self._own.to_bytes())
            told = read_answer(await asyncio.wait_for(loop.sock_recv(ours, 65536), 10.0))[1]
        except (OSError, ValueError, TimeoutError) as error:
            told = Answer("refused", reason=f"its guard did not start: {str(error) or type(error).__name__}")
        if told.word != "ready":
            ours.close()
            self.fault = PortUnavailable(self.address, told.reason or "its guard ended")
            raise self.fault
        self._socket, self.fault = ours, None
        loop.add_reader(ours.fileno(), self._receive)

    def _receive(self) -> None:
        assert self._socket is not None
        try:
            message = self._socket.recv(65536)
            if not message:
                raise OSError("it ended")
            number, answer = read_answer(message)
        except BlockingIOError:
            return
        except (OSError, ValueError) as error:
            self._lost(f"its guard is gone: {error}")
            return
        asked = self._asked.get(number)
        if asked is not None and not asked.done():
            asked.set_result(answer)

    def _lost(self, why: str) -> PortError:
        fault = self.fault or PortGone(self.address, why)
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket, self.fault = None, fault
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(fault)
        return fault

    async def _keep_alive(self) -> None:
        while True:
            if self._socket is not None:
                with contextlib.suppress(PortError):
                    self._send(ALIVE)
            await asyncio.sleep(ALIVE_SECONDS)

    async def _keep_up(self) -> None:
        while True:
            await asyncio.sleep(AGAIN_SECONDS)
            if self._socket is None:
                with contextlib.suppress(PortError):
                    await self._start()


def _let_end(process: subprocess.Popen[bytes]) -> None:
    """It ends by itself when our end of the socket is closed, after everything is off."""
    try:
        process.wait(5.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
