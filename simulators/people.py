"""Residents and couriers at a served cabinet: hands with patience, who sometimes make mistakes.

They know doors, goods and codes; they see what a person sees, and nothing of controllers or clouds.
"""

import asyncio
import random
from dataclasses import dataclass, field

from simulators.control import Control

PUSHES = 5
"""A door that springs back, because its lock is still under current, is pushed again."""


@dataclass(slots=True)
class Person:
    """Somebody at a cabinet, who waits ``patience_seconds`` and errs with probability ``clumsiness``."""

    control: Control
    patience_seconds: float = 10.0
    clumsiness: float = 0.0
    seed: int = 0
    _luck: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._luck = random.Random(self.seed)

    async def show_code(self, reader: str, text: str) -> None:
        """Hold a code in front of the reader; a clumsy person's first try is cut short."""
        if self._errs():
            await self.control.do("scan", reader=reader, text=text[: len(text) // 2])
            await asyncio.sleep(0.3)
        await self.control.do("scan", reader=reader, text=text)

    async def sees_open(self, compartment: str) -> bool:
        """Wait for a door to spring open, as long as patience lasts."""
        return bool(
            await self.control.do("wait", compartment=compartment, door="open", seconds=self.patience_seconds)
        )

    async def shut(self, compartment: str) -> bool:
        """Push a door until it stays; whether it does. A clumsy person first only leans it to."""
        if self._errs():
            await self.control.do("push", compartment=compartment)
            await asyncio.sleep(0.3)
        for _ in range(PUSHES):
            if await self.control.do("close", compartment=compartment):
                return True
            await asyncio.sleep(0.2)
        return False

    def _errs(self) -> bool:
        return self._luck.random() < self.clumsiness


class Courier(Person):
    """Brings parcels."""

    async def load(self, compartment: str, parcel: str, grams: float = 500.0) -> bool:
        """Put a parcel behind the door that opens, and shut it; whether that worked."""
        if not await self.sees_open(compartment):
            return False
        await self.control.do("pull", compartment=compartment)
        await self.control.do("put", compartment=compartment, goods=parcel, grams=grams)
        return await self.shut(compartment)


class Resident(Person):
    """Fetches parcels."""

    async def collect(self, compartment: str) -> list[str]:
        """Take everything from behind the door that opens, and shut it; what there was."""
        if not await self.sees_open(compartment):
            return []
        await self.control.do("pull", compartment=compartment)
        inside = (await self.control.do("truth"))["compartments"][compartment]["goods"]
        taken = [await self.control.do("take", compartment=compartment) for _ in inside]
        await self.shut(compartment)
        return taken
