"""How long it takes to read the boards of a cabinet over and over, and what that costs this computer."""

import asyncio
import time
from dataclasses import dataclass, field

from firmware_bridge.assemble import Hardware
from firmware_bridge.errors import BoardSilent, BridgeError
from firmware_bridge.ports import LockBoard


@dataclass(slots=True)
class Polls:
    """What came of ``time_polls``; times in seconds."""

    seconds: float = 0.0
    """From the first question to the last answer."""
    cpu_seconds: float = 0.0
    answered: int = 0
    waits: dict[str, list[float]] = field(default_factory=dict)
    """By board, from asking until the answer was read, its turn on the wire included."""


async def time_polls(hardware: Hardware, rounds: int, *, seconds: float = 0.0) -> Polls:
    """Read every board ``rounds`` times, one after the other; or for ``seconds``, all of them at once.

    A board that does not answer counts nothing, and is left alone for as long as its line wants.
    """
    told = Polls(waits={name: [] for name in hardware.boards})
    began, cpu = time.perf_counter(), time.process_time()
    if seconds:
        await asyncio.gather(
            *(_keep_asking(board, began + seconds, told) for board in hardware.boards.values())
        )
    else:
        for _ in range(rounds):
            for board in hardware.boards.values():
                await _ask(board, told)
    told.seconds, told.cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    return told


async def _keep_asking(board: LockBoard, until: float, told: Polls) -> None:
    while time.perf_counter() < until:
        leave_alone = await _ask(board, told)
        await asyncio.sleep(min(leave_alone, max(0.0, until - time.perf_counter())))


async def _ask(board: LockBoard, told: Polls) -> float:
    """For how long to leave the board alone now."""
    began = time.perf_counter()
    try:
        await board.doors()
    except BoardSilent as error:
        return error.retry_after
    except BridgeError:
        return 0.0
    told.answered += 1
    told.waits[board.name].append(time.perf_counter() - began)
    return 0.0
