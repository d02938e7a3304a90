"""Reads the switches and beams of every board, over and over, and says when a board fails."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from controller.beat import Beat
from controller.cabinet import Cabinet
from controller.doors import Reading
from controller.health import Health
from controller.store import StoreFailing
from firmware_bridge.errors import BoardSilent, BridgeError, PortError
from firmware_bridge.ports import DoorReadings, LockBoard

log = structlog.get_logger(__name__)

SILENT_AFTER = 3


@dataclass(frozen=True, slots=True)
class Watched:
    """A board and the compartments whose switches it reads: channel → label; beams: label → input."""

    board: LockBoard
    labels: Mapping[int, str]
    beams: Mapping[str, int]


class Switches:
    """One reading task for each board, so that a dead one holds up no other."""

    def __init__(self, watched: Sequence[Watched], cabinet: Cabinet, health: Health, poll_s: float) -> None:
        self._watched = watched
        self._cabinet = cabinet
        self._health = health
        self._poll_s = poll_s
        self.beats = {one.board.name: Beat() for one in watched}
        """Of the loop of each board."""

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for one in self._watched:
                group.create_task(self._watch(one), name=f"switches of {one.board.name}")

    async def read_once(self) -> None:
        """Every board once, before anybody is served; one that does not answer holds up nobody."""
        reads = await asyncio.gather(*(self._read(one) for one in self._watched), return_exceptions=True)
        for outcome in reads:
            if isinstance(outcome, BaseException) and not isinstance(outcome, BridgeError):
                raise outcome

    async def _watch(self, one: Watched) -> None:
        failures = 0
        while True:
            rest = self._poll_s
            try:
                await self._read(one)
                failures = 0
                await self._health.ends("board_silent", one.board.name)
            except PortError as error:
                log.debug("no port to ask the board", board=one.board.name, error=str(error))
            except BridgeError as error:
                failures += 1
                if isinstance(error, BoardSilent):
                    rest = max(rest, error.retry_after)
                if failures == SILENT_AFTER:
                    await self._health.begins("board_silent", one.board.name, str(error))
            except StoreFailing as error:
                log.error("door readings could not be recorded", error=str(error))
            self.beats[one.board.name].comes_round(rest)
            await asyncio.sleep(rest)

    async def _read(self, one: Watched) -> None:
        readings = await one.board.doors()
        await self._cabinet.read(_by_label(one, readings))
        if readings.stays_on:
            await self._health.begins("output_stays_on", one.board.name, readings.stays_on)
        elif readings.seen_off:
            await self._health.ends("output_stays_on", one.board.name)


def _by_label(one: Watched, readings: DoorReadings) -> list[tuple[str, Reading]]:
    doors = readings.doors
    beams = {label: readings.beams.get(wired) for label, wired in one.beams.items()}
    return [
        (label, Reading(doors[channel], readings.asked_at, beams.get(label)))
        for channel, label in one.labels.items()
        if channel in doors
    ]
