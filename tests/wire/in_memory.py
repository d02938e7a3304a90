"""A simulated board right behind a driver, with no wire and no time between them: for very many calls."""

from collections.abc import Callable
from typing import Any, TypeVar

from config import cabinet as files
from config.cabinet.relays import RELAY_CARDS
from firmware_bridge.assemble import DEVICES
from firmware_bridge.errors import BoardSilent
from firmware_bridge.line import Exchange, Wire
from firmware_bridge.modbus import ModbusBus
from firmware_bridge.ports import LockBoard
from simulators.cabinet import Cabinet
from simulators.lock_board import Wired
from simulators.serve import BUILD

T = TypeVar("T")
MOST_CHANNELS = 50


class Beside:
    """Stands where a line stands. Every request is kept, and answered at once by the board beside it."""

    def __init__(self, board: files.Board, cabinet: Cabinet) -> None:
        labels = {n: cabinet.build(str(n)).label for n in range(1, MOST_CHANNELS + 1)}
        (self.there,) = BUILD[board.kind](board, Wired(cabinet, labels, labels))
        self.address = "beside"
        self.sent: list[bytes] = []

    async def command(
        self, request: bytes, take: Any, *, permit: Callable[[], bool], **_: object
    ) -> Exchange[Any]:
        if not permit():
            return Exchange(withheld=True)
        return Exchange(self._answer(request, take), 0.0, 0.0)

    async def ask(self, request: bytes, take: Any, *, board: str, **_: object) -> Exchange[Any]:
        answer = self._answer(request, take)
        if answer is None:
            raise BoardSilent(self.address, board)
        return Exchange(answer, 0.0, 0.0)

    def drive(self, board: files.Board) -> LockBoard:
        """The driver of this board, as a cabinet's is made; ``WrongUse``."""
        on: Any = self
        if board.dialect in RELAY_CARDS:
            on = ModbusBus(Wire("nowhere"))
            on.line = self
        return DEVICES[board.kind].drive(board, on, ())

    def _answer(self, request: bytes, take: Any) -> Any:
        self.sent.append(request)
        frames, _ = self.there.split(request)
        told = b"".join(self.there.hear(frame, self.there.address) or b"" for frame in frames)
        return take(told, True)
