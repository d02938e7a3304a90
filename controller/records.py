"""Keeps the records safe while people are served: the floor, the log, the copies, the ballast."""

import asyncio
from collections.abc import Callable

import structlog

from controller.beat import Beat
from controller.cabinet import Cabinet
from controller.clock import Clock
from controller.health import Health
from controller.store import Change, Store, StoreFailing

log = structlog.get_logger(__name__)

LOOK_S = 1.0
FLOOR_S = 60.0
COPY_S = 3600.0
COPY_TAKES_S = 120.0
"""A copy of a large file on a slow card; doors are served meanwhile."""


class Records:
    """Looks after one store, until cancelled."""

    def __init__(self, cabinet: Cabinet, store: Store, clock: Clock, health: Health) -> None:
        self._cabinet = cabinet
        self._store = store
        self._clock = clock
        self._health = health
        self._floor_due = clock.now() + FLOOR_S
        self._untold = ""
        """A failure of the store that could not be recorded, because the store failed."""
        self.beat = Beat()
        self.also_kept: Callable[[], dict[str, str]] = dict
        """What else is kept with the clock, by its key in the store."""

    async def run(self) -> None:
        while True:
            self.beat.comes_round(LOOK_S + COPY_TAKES_S)
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Once: tell what is wrong with the disk, and do what is due."""
        try:
            await self._tell()
            if self._clock.now() >= self._floor_due:
                self._floor_due = self._clock.now() + FLOOR_S
                await self.keep()
        except StoreFailing as error:
            log.error("the records could not be looked after", error=str(error))

    async def keep(self) -> None:
        """Raise the floor; when no door is in use, write the log back and copy the file now and then."""
        await self._cabinet.record(Change(meta=self._clock.kept() | self.also_kept()))
        if any(box.opening is not None for box in self._cabinet.boxes.values()):
            return
        await self._store.tidy()
        await self._store.copy(COPY_S)

    async def _tell(self) -> None:
        if self._store.is_full:
            await self._store.take_ballast()
        await self._tell_one("disk_full", self._store.is_full, "the ballast is spent")
        failing = self._store.failing or self._store.floor_failing
        if failing:
            self._untold = failing
        if self._untold:
            await self._health.begins("store_failing", "store", self._untold)
            self._untold = ""
        if not (self._store.failing or self._store.floor_failing):
            await self._health.ends("store_failing", "store")

    async def _tell_one(self, fault: str, is_so: bool, detail: str) -> None:
        if is_so:
            await self._health.begins(fault, "store", detail)
        else:
            await self._health.ends(fault, "store")
