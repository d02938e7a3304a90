"""The guard's own process: the controller is at the other end of the socket that is its standard input."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from config.cabinet import Board, Bus
from firmware_bridge.errors import BridgeError
from firmware_bridge.gpio import open_outputs
from firmware_bridge.guard import QUIET_SECONDS
from firmware_bridge.guard.messages import (
    STALE_SECONDS,
    Answer,
    Asked,
    Own,
    boottime,
    read_request,
)
from firmware_bridge.guard.watch import MayNot, Output, Watch

LOOK_SECONDS = 0.02
"""How often it looks at what is due; an output that is not seen off is told so again."""


class Outputs(Protocol):
    """The outputs and inputs of one board."""

    def on(self, channel: int) -> None: ...
    def off(self, channel: int) -> bool:
        """Turn it off; whether it is seen to be off."""
        ...

    def levels(self) -> Mapping[int, bool]:
        """Channel to the level of its switch's input."""
        ...


OpenOutputs = Callable[[Bus, Sequence[Board]], Mapping[str, Outputs]]
"""Takes hold of the outputs of some boards and turns them off; ``BridgeError`` says why it cannot."""


class Guarding:
    """Serves one controller until it is gone."""

    def __init__(
        self, controller: socket.socket, outputs: Mapping[str, Outputs], boards: Sequence[Board]
    ) -> None:
        self._controller = controller
        self._outputs = outputs
        channels = {board.name: board.channels for board in boards}
        self._watch = Watch(channels, QUIET_SECONDS, boottime())
        self._channels = channels

    async def serve(self) -> None:
        """Answer until the controller is gone; whatever was on is off then."""
        loop = asyncio.get_running_loop()
        gone = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, gone.set)
        loop.add_signal_handler(signal.SIGINT, lambda: None)  # the controller's to answer
        loop.add_reader(self._controller.fileno(), self._hear, gone)
        try:
            while not gone.is_set():
                self._look()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            loop.remove_reader(self._controller.fileno())
            while self._watch.on():
                self._turn_off(self._watch.on())
                await asyncio.sleep(LOOK_SECONDS)

    def _look(self) -> None:
        self._turn_off(self._watch.due(boottime()))

    def _hear(self, gone: asyncio.Event) -> None:
        try:
            message = self._controller.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            self._turn_off(self._watch.on())
            gone.set()
            return
        self._watch.hears(boottime())
        asked = read_request(message)
        if asked is not None:
            self._tell(asked.number, self._answer(asked))

    def _tell(self, number: int, answer: Answer) -> None:
        with contextlib.suppress(OSError):  # it is gone, which the next reading shows
            self._controller.send(answer.to_bytes(number))

    def _answer(self, asked: Asked) -> Answer:
        try:
            request = asked.request
            if request.do == "pulse":
                return self._pulse((request.board, request.channel), request.milliseconds, asked.asked_at)
            if request.do == "doors":
                return Answer("done", levels=self._outputs[request.board].levels())
            return self._release(request.board)
        except MayNot as error:
            return Answer("refused", str(error))
        except BridgeError as error:
            return Answer("failed", str(error))
        except KeyError:
            return Answer("refused", f"there is no board {asked.request.board}")

    def _pulse(self, output: Output, milliseconds: int, asked_at: float) -> Answer:
        board, channel = output
        ends_at = self._watch.begins(output, milliseconds, boottime())
        # Armed before it begins; on time, not at the next look.
        asyncio.get_running_loop().call_later(ends_at - boottime(), self._look)
        if boottime() - asked_at > STALE_SECONDS:
            self._watch.is_off(output)
            return Answer("withheld", "it was asked for too long ago")
        try:
            self._outputs[board].on(channel)
        except BridgeError:
            self._is_off(output)
            raise
        return Answer("done")

    def _release(self, board: str) -> Answer:
        left_on = [ch for ch in range(1, self._channels[board] + 1) if not self._is_off((board, ch))]
        return Answer("refused", f"outputs {left_on} stay on") if left_on else Answer("done")

    def _turn_off(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            self._is_off(output)

    def _is_off(self, output: Output) -> bool:
        board, channel = output
        try:
            is_off = self._outputs[board].off(channel)
        except BridgeError:
            return False
        if is_off:
            self._watch.is_off(output)
        return is_off


def main(open_outputs: OpenOutputs = open_outputs) -> int:
    """Serve the controller at standard input; 1 when the outputs cannot be had."""
    controller = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    first = controller.recv(1 << 20)
    if not first:
        return 0  # the controller was gone before it began
    own = Own.from_bytes(first)
    try:
        outputs = open_outputs(own.bus, own.boards)
    except BridgeError as error:
        controller.send(Answer("refused", str(error)).to_bytes(0))
        return 1
    controller.setblocking(False)
    controller.send(Answer("ready").to_bytes(0))
    asyncio.run(Guarding(controller, outputs, own.boards).serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
