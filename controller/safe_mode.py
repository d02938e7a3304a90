"""Safe mode: a program that keeps dying goes on letting people collect, and does nothing else.

Every start that follows an abnormal end (a crash, a kill, a power cut) is counted in the store, by the time
that this cabinet has served, which no wall clock moves. Too many of them close together begin safe mode:
loading and commands from afar are refused, codes, QR and "someone is inside" work, and an alarm is told. It
ends after a quiet time, or when an operator says so in the settings.
"""

import asyncio
import json
from dataclasses import asdict, dataclass, replace

import structlog

from config.contract.messages import CabinetSettings
from controller.beat import Beat
from controller.cabinet import Cabinet
from controller.clock import Clock
from controller.health import Health
from controller.store import Change, Store, StoreFailing

log = structlog.get_logger(__name__)

KEY = "safe_mode"
LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Limit:
    """So many abnormal ends (0: never) within so many minutes; as long without one ends it."""

    ends: int
    minutes: float


@dataclass(frozen=True, slots=True)
class Counted:
    """What is kept. ``ends_ms`` are the latest abnormal ends in served time."""

    ends_ms: tuple[int, ...] = ()
    is_on: bool = False
    forgiven: int = 0
    """The number in the operator's settings that was followed last."""

    def ended_abnormally(self, now_ms: int, limit: Limit) -> "Counted":
        recent = (*(at for at in self.ends_ms if now_ms - at < limit.minutes * 60_000), now_ms)
        return replace(self, ends_ms=recent, is_on=self.is_on or 0 < limit.ends <= len(recent))

    def looked_at(self, now_ms: int, limit: Limit, forgiven: int) -> "Counted":
        """Ended by a quiet time, or by a number in the settings that is higher than any before."""
        if forgiven > self.forgiven:
            return Counted(forgiven=forgiven)
        is_quiet = all(now_ms - at >= limit.minutes * 60_000 for at in self.ends_ms)
        return replace(self, ends_ms=(), is_on=False) if is_quiet and self.is_on else self


class SafeMode:
    """Counts, tells, and shuts and opens again what safe mode shuts."""

    def __init__(self, cabinet: Cabinet, store: Store, clock: Clock, health: Health, limit: Limit) -> None:
        self._cabinet = cabinet
        self._store = store
        self._clock = clock
        self._health = health
        self._limit = limit
        self._counted = Counted()
        self._forgiven = 0
        self.beat = Beat()

    async def start(self, *, clean: bool) -> None:
        """First thing of a start, so that one which dies at once is counted, too."""
        kept = await self._store.meta(KEY)
        told = json.loads(kept) if kept else {}
        self._counted = Counted(**{**told, "ends_ms": tuple(told.get("ends_ms", ()))})
        if not clean:
            self._counted = self._counted.ended_abnormally(self._clock.served_ms(), self._limit)
        self._cabinet.is_safe = self._counted.is_on
        await self._keep()

    def follow(self, settings: CabinetSettings) -> None:
        self._forgiven = settings.safe_mode_ended

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except StoreFailing as error:
                log.error("safe mode could not be recorded", error=str(error))
            self.beat.comes_round(LOOK_S)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Once: end it when it is time, and tell what is so."""
        after = self._counted.looked_at(self._clock.served_ms(), self._limit, self._forgiven)
        if after != self._counted:
            self._counted = after
            await self._keep()
        self._cabinet.is_safe = after.is_on
        if after.is_on:
            detail = f"{len(after.ends_ms)} abnormal ends within {self._limit.minutes:g} minutes"
            await self._health.begins("safe_mode", "cabinet", detail)
        else:
            await self._health.ends("safe_mode", "cabinet")

    async def _keep(self) -> None:
        meta = {KEY: json.dumps(asdict(self._counted)), "running": "yes", **self._clock.kept()}
        await self._cabinet.record(Change(meta=meta))
