"""Open faults of this cabinet: each is recorded when it begins and when it ends, and not in between."""

import asyncio
from collections.abc import Mapping

import structlog

from config.contract.events import FaultCleared, FaultRaised
from config.contract.faults import FAULTS
from controller.beat import Beat
from controller.cabinet import Cabinet
from controller.store import Change, StoreFailing
from firmware_bridge.line import Wire

log = structlog.get_logger(__name__)

WIRES_S = 1.0


class Health:
    """Which faults are open, by (fault, subject)."""

    def __init__(self, cabinet: Cabinet) -> None:
        self._cabinet = cabinet
        self._open: dict[tuple[str, str], str] = {}
        self.beat = Beat()
        """Of the loop that watches the wires."""

    def has(self, fault: str, subject: str) -> bool:
        return (fault, subject) in self._open

    def is_known(self, fault: str, subject: str, detail: str = "") -> None:
        """It was told before the restart, and has not ended since."""
        self._open[fault, subject] = detail[:300]

    def told_again(self) -> tuple[FaultRaised, ...]:
        """All that are open, for a cloud that starts afresh with us."""
        return tuple(FaultRaised(fault=f, subject=s, detail=d) for (f, s), d in self._open.items())

    async def begins(self, fault: str, subject: str, detail: str = "") -> None:
        """Record that a fault of the table began; again is nothing."""
        assert fault in FAULTS, fault
        if (fault, subject) in self._open:
            return
        self._open[fault, subject] = detail[:300]
        told = FaultRaised(fault=fault, subject=subject, detail=detail[:300])
        try:
            await self._cabinet.record(Change(facts=(told,)))
        except StoreFailing:
            del self._open[fault, subject]
            raise

    async def ends(self, fault: str, subject: str) -> None:
        if (fault, subject) not in self._open:
            return
        del self._open[fault, subject]
        await self._cabinet.record(Change(facts=(FaultCleared(fault=fault, subject=subject),)))

    async def watch_wires(self, buses: Mapping[str, Wire], readers: Mapping[str, Wire]) -> None:
        """Tell when a port is gone and when it is back; until cancelled."""
        watched = [("bus_lost", name, wire) for name, wire in buses.items()]
        watched += [("reader_lost", name, wire) for name, wire in readers.items()]
        while True:
            for fault, name, wire in watched:
                try:
                    await self._tell_wire(fault, name, wire)
                except StoreFailing as error:
                    log.error("a lost port could not be recorded", port=name, error=str(error))
            self.beat.comes_round(WIRES_S)
            await asyncio.sleep(WIRES_S)

    async def _tell_wire(self, fault: str, name: str, wire: Wire) -> None:
        if wire.is_open:
            await self.ends(fault, name)
        else:
            await self.begins(fault, name, str(wire.fault or ""))
