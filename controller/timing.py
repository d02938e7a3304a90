"""How long one change takes to be durable on this disk: state and event, as when a door is asked for."""

import tempfile
import time
from pathlib import Path

from config.contract.events import PulseIntended
from controller.clock import Clock
from controller.store import Change, Store
from controller.visit import Box, State, now_of


async def time_commits(folder: Path, count: int) -> list[float]:
    """Seconds of each of so many commits into a store of its own, which is removed again."""
    with tempfile.TemporaryDirectory(prefix="timing-", dir=folder) as own:
        store, clock = Store(Path(own) / "edge.db", "timing"), Clock()
        await store.open()
        try:
            return [await _one(store, clock, number) for number in range(1, count + 1)]
        finally:
            await store.close()


async def _one(store: Store, clock: Clock, number: int) -> float:
    began = time.perf_counter()
    opening, parcel = store.next_opening(), f"{number:016x}"
    box = Box("01", State.COLLECTING, occupancy=f"{store.epoch}-1", order=parcel, parcel=parcel)
    told = PulseIntended(box=now_of(box), opening=opening, purpose="collect", proof="qr", pulse=1)
    await store.commit(Change(boxes=(box,), facts=(told,)), clock.stamp())
    return time.perf_counter() - began
