"""Open faults of this cabinet: each is recorded when it begins and when it ends, and not in between."""

from config.contract.events import FaultCleared, FaultRaised
from config.contract.faults import FAULTS
from controller.cabinet import Cabinet
from controller.store import Change


class Health:
    """Which faults are open, by (fault, subject)."""

    def __init__(self, cabinet: Cabinet) -> None:
        self._cabinet = cabinet
        self._open: set[tuple[str, str]] = set()

    def has(self, fault: str, subject: str) -> bool:
        return (fault, subject) in self._open

    async def begins(self, fault: str, subject: str, detail: str = "") -> None:
        """Record that a fault of the table began; again is nothing."""
        assert fault in FAULTS, fault
        if (fault, subject) in self._open:
            return
        self._open.add((fault, subject))
        told = FaultRaised(fault=fault, subject=subject, detail=detail[:300])
        await self._cabinet.record(Change(facts=(told,)))

    async def ends(self, fault: str, subject: str) -> None:
        if (fault, subject) not in self._open:
            return
        self._open.discard((fault, subject))
        await self._cabinet.record(Change(facts=(FaultCleared(fault=fault, subject=subject),)))
