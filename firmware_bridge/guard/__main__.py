"""The guard's own process: the controller is at the other end of the socket that is its standard input."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol

from config.cabinet import Board, Bus
from firmware_bridge.errors import BridgeError
from firmware_bridge.gpio import open_pins
from firmware_bridge.guard import QUIET_SECONDS
from firmware_bridge.guard.cards import open_cards
from firmware_bridge.guard.messages import (
    STALE_SECONDS,
    Answer,
    Asked,
    Own,
    boottime,
    read_request,
)
from firmware_bridge.guard.watch import MayNot, Output, Watch
from firmware_bridge.line.punctual import punctual_loop

LOOK_SECONDS = 0.02
"""How often it looks at what is due; an output that is not seen off is told so again."""
GIVES_UP_SECONDS = 10.0
"""An output that cannot be reached for so long after the controller is gone is left to the hardware."""

Permit = Callable[[], bool]


class Outputs(Protocol):
    """The outputs and inputs of one board."""

    async def on(self, channel: int, permit: Permit) -> bool:
        """Switch an output on, asked once; ``permit`` is asked as the last thing before.

        False when it said no. ``BridgeError``: nobody knows whether it is on.
        """
        ...

    async def off(self, channel: int) -> bool:
        """Switch it off; whether it is seen to be off. ``BridgeError``."""
        ...

    async def levels(self) -> Mapping[int, bool]:
        """Channel to the level of its switch's input. ``BridgeError``."""
        ...


OpenOutputs = Callable[[Bus, Sequence[Board]], Awaitable[Mapping[str, Outputs]]]
"""Takes hold of the outputs of some boards and turns them off; ``BridgeError`` says why it cannot."""


class Guarding:
    """Serves one controller until it is gone."""

    def __init__(
        self, controller: socket.socket, outputs: Mapping[str, Outputs], boards: Sequence[Board]
    ) -> None:
        self._controller = controller
        self._outputs = outputs
        self._channels = {board.name: board.channels for board in boards}
        self._watch = Watch(self._channels, QUIET_SECONDS, boottime())
        self._gone = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._turning_off: set[Output] = set()
        self._unreleased = {board for board, its in outputs.items() if not getattr(its, "were_off", True)}
        """Boards with outputs that nobody has seen off when all were turned off: nothing is begun there."""

    async def serve(self) -> None:
        """Answer until the controller is gone; whatever was on is off then."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._gone.set)
        loop.add_signal_handler(signal.SIGINT, lambda: None)  # the controller's to answer
        loop.add_reader(self._controller.fileno(), self._hear)
        try:
            while not self._gone.is_set():
                self._look()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            loop.remove_reader(self._controller.fileno())
            await self._leave()

    async def _leave(self) -> None:
        gives_up_at = boottime() + GIVES_UP_SECONDS
        while self._watch.on() and boottime() < gives_up_at:
            self._turn_off(self._watch.on())
            await asyncio.sleep(LOOK_SECONDS)

    def _look(self) -> None:
        self._turn_off(self._watch.due(boottime()))

    def _turn_off(self, outputs: Sequence[Output]) -> None:
        for output in set(outputs) - self._turning_off:
            self._turning_off.add(output)
            self._begin(self._is_off(output))

    def _begin(self, work: Coroutine[Any, Any, object]) -> None:
        task: asyncio.Task[Any] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _hear(self) -> None:
        try:
            message = self._controller.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            self._turn_off(self._watch.on())
            self._gone.set()
            return
        self._watch.hears(boottime())
        asked = read_request(message)
        if asked is not None:
            self._begin(self._serve(asked))

    async def _serve(self, asked: Asked) -> None:
        answer = await self._answer(asked)
        with contextlib.suppress(OSError):  # it is gone, which the next reading shows
            self._controller.send(answer.to_bytes(asked.number))

    async def _answer(self, asked: Asked) -> Answer:
        request = asked.request
        try:
            if request.do == "pulse":
                return await self._pulse(
                    (request.board, request.channel), request.milliseconds, asked.asked_at
                )
            if request.do == "doors":
                levels = await self._outputs[request.board].levels()
                if request.board in self._unreleased:
                    self._unreleased.discard(request.board)
                    self._begin(self._release(request.board))  # it was silent, and is not any more
                return Answer("done", levels=levels)
            return await self._release(request.board)
        except MayNot as error:
            return Answer("refused", str(error))
        except BridgeError as error:
            return Answer("failed", str(error))
        except KeyError:
            return Answer("refused", f"there is no board {request.board}")

    async def _pulse(self, output: Output, milliseconds: int, asked_at: float) -> Answer:
        board, channel = output
        if board in self._unreleased:
            raise MayNot(f"board {board} has not said yet that its outputs are off")
        self._watch.takes(output, milliseconds, boottime())

        def permit() -> bool:
            now = boottime()
            if self._gone.is_set() or now - asked_at > STALE_SECONDS:
                return False
            # Armed before it begins; on time, not at the next look.
            ends_at = self._watch.begins(output, milliseconds, now)
            asyncio.get_running_loop().call_later(ends_at - now, self._look)
            return True

        try:
            if await self._outputs[board].on(channel, permit):
                return Answer("done")
        except BridgeError:
            self._watch.ends_now(output, boottime())
            self._look()
            raise
        self._watch.is_off(output)
        return Answer("withheld", "it was asked for too long ago")

    async def _release(self, board: str) -> Answer:
        channels = range(1, self._channels[board] + 1)
        left_on = [channel for channel in channels if not await self._is_off((board, channel))]
        if left_on:
            self._unreleased.add(board)
            return Answer("refused", f"outputs {left_on} stay on")
        self._unreleased.discard(board)
        return Answer("done")

    async def _is_off(self, output: Output) -> bool:
        board, channel = output
        try:
            is_off = await self._outputs[board].off(channel)
        except BridgeError:
            return False
        finally:
            self._turning_off.discard(output)
        if is_off:
            self._watch.is_off(output)
        return is_off


async def open_outputs(bus: Bus, boards: Sequence[Board]) -> Mapping[str, Outputs]:
    """Pins of this computer, or cards on a wire."""
    return open_pins(bus, boards) if bus.kind == "gpio" else await open_cards(bus, boards)


async def guard(controller: socket.socket, own: Own, open_outputs: OpenOutputs) -> int:
    """Serve one controller; 1 when the outputs cannot be had."""
    try:
        outputs = await open_outputs(own.bus, own.boards)
    except BridgeError as error:
        controller.send(Answer("refused", str(error)).to_bytes(0))
        return 1
    controller.setblocking(False)
    controller.send(Answer("ready").to_bytes(0))
    await Guarding(controller, outputs, own.boards).serve()
    return 0


def main(open_outputs: OpenOutputs = open_outputs) -> int:
    """The controller is at standard input; its first message says what to own."""
    controller = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    first = controller.recv(1 << 20)
    if not first:
        return 0  # the controller was gone before it began
    with asyncio.Runner(loop_factory=punctual_loop) as runner:
        return runner.run(guard(controller, Own.from_bytes(first), open_outputs))


if __name__ == "__main__":
    sys.exit(main())
