"""Whatever order, repeats and restarts: what the cloud knows is byte for byte what the in-order run gives."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cloud.cabinet_keys import Enrolled
from cloud.ingest.group import begin, finish, take
from cloud.ingest.proof import Proven
from cloud.store import open_store, schema
from cloud.store.engine import Store, sqlite_url
from config.cabinet import load
from config.contract.messages import Batch, Status
from config.contract.signing import CabinetKeys
from config.contract.topics import Leaf
from tests.service.conftest import CABINETS
from tests.service.fake_cabinet import FakeCabinet, Identity, Stay, box

FILE = load(CABINETS / "locker-8a80.toml")
FAR_MS = 4_000_000_000_000
STATE = (schema.compartments, schema.whereabouts, schema.alarms, schema.cursors, schema.events)
OF_THE_ARRIVAL = {"cabinet", "id", "received_ms", "raised_ms", "cleared_ms"}
"""Whose run it was, and when: of a clearing that came before its raising the cloud cannot know the latter."""


def told_by(name: str, chance: random.Random) -> list[tuple[Status, list[Batch]]]:
    """Three epochs of one cabinet: the birth and the batches of each."""
    epochs = []
    for n in (1, 2, 3):
        cabinet = FakeCabinet(Identity(name, "", "", "", b"", bytes(32)), FILE, epoch=f"{n}" * 16)
        lines, batches = happened(cabinet, n, chance), []
        cabinet.seq = 0
        while lines:
            some = lines[: chance.randint(1, 6)]
            lines = lines[len(some) :]
            cabinet.seq += len(some)
            batches.append(cabinet.batch(*some))
        epochs.append((cabinet.status(), batches))
    return epochs


def happened(cabinet: FakeCabinet, n: int, chance: random.Random) -> list[bytes]:
    lines = [cabinet.event("Booted", software="1", map_version="m", reason="start", boxes=[box("09")])]
    stays = [Stay(f"0{i}", f"{cabinet.epoch}-{i}", f"{n}{i}" * 8, f"{n}{i}" * 8) for i in range(1, 7)]
    for stay in chance.sample(stays, 5):
        lines.append(stay.deposited(cabinet))
        if chance.random() < 0.6:
            lines.append(stay.collected(cabinet))
        if chance.random() < 0.3:
            lines.append(cabinet.event("FaultRaised", fault="door_stuck", subject=stay.label))
    before = [f"{n - 1}{i}" * 8 for i in range(1, 4)] if n > 1 else []
    now = [box(f"0{i}") for i in (7, 8)]
    lines.append(
        cabinet.event("Baseline", part=1, parts=1, boxes=now, used=before, openings=9, occupancies=9)
    )
    return lines


class Cloud:
    """Ingest on a real database, message by message, and what it answers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.store: Store

    async def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        self.store = await open_store(sqlite_url(self._folder))

    async def restart(self) -> None:
        await self.store.close()
        await self.start()

    async def hear(self, name: str, said: list[Status | Batch]) -> None:
        who = Enrolled("default", CabinetKeys.derive(name, bytes(32)))
        leaf = {Status: Leaf.STATUS, Batch: Leaf.EVENTS}
        messages = [Proven(name, who, leaf[type(body)], body, False) for body in said]
        async with self.store.writing() as db:
            group = await begin(db, messages)
            group.now = FAR_MS
            for message in messages:
                await take(db, group, message)
            await finish(db, group)

    async def through(self, name: str) -> dict[str, int]:
        async with self.store.reading() as db:
            query = select(schema.cursors).where(schema.cursors.c.cabinet == name)
            return {row["epoch"]: row["through"] for row in (await db.execute(query)).mappings()}

    async def state(self, name: str) -> bytes:
        async with self.store.reading() as db:
            found = {table.name: await self._rows(db, table, name) for table in STATE}
        return json.dumps(found, sort_keys=True).encode()

    async def _rows(self, db: Any, table: Any, name: str) -> list[dict[str, Any]]:
        rows = (await db.execute(select(table).where(table.c.cabinet == name))).mappings()
        told = [
            {
                key: value.hex() if isinstance(value, bytes) else value
                for key, value in row.items()
                if key not in OF_THE_ARRIVAL
            }
            for row in rows
        ]
        return sorted(told, key=lambda row: json.dumps(row, sort_keys=True))


async def in_any_order(cloud: Cloud, name: str, epochs: list[Any], chance: random.Random) -> None:
    """Births as they were; then every batch up to five times, anyhow; then what an outbox sends again."""
    await cloud.hear(name, [birth for birth, _ in epochs])
    said = [batch for _, batches in epochs for batch in batches for _ in range(chance.randint(0, 5))]
    chance.shuffle(said)
    while said:
        at = chance.randint(1, 12)
        await cloud.hear(name, said[:at])
        said = said[at:]
        if chance.random() < 0.01:
            await cloud.restart()
    left = list(epochs)
    while left:
        birth, batches = left[chance.randrange(len(left))]
        through = (await cloud.through(name))[birth.session.epoch]
        open_ones = [batch for batch in batches if batch.head.first + batch.head.count - 1 > through]
        if not open_ones:
            left.remove((birth, batches))
            continue
        await cloud.hear(name, open_ones[: chance.randint(1, 3)])


async def every_order(folder: Path, seeds: int, reached) -> None:
    cloud, straight = Cloud(folder / "any"), Cloud(folder / "straight")
    await cloud.start()
    await straight.start()
    try:
        for seed in range(seeds):
            chance = random.Random(seed)
            name = f"cabinet-{seed}"
            epochs = told_by(name, chance)
            await straight.hear(name, [birth for birth, _ in epochs])
            for _, batches in epochs:
                await straight.hear(name, list(batches))
            await in_any_order(cloud, name, epochs, chance)
            assert await cloud.state(name) == await straight.state(name), f"seed {seed}"
        reached("R7", goal="one state", figure=f"one after {seeds} orders", seed=f"0-{seeds - 1}")
    finally:
        await cloud.store.close()
        await straight.store.close()


async def test_the_state_is_the_same_for_any_order_of_arrival(tmp_path, reached):
    await every_order(tmp_path, 15, reached)


@pytest.mark.hard
@pytest.mark.row("R7")
@pytest.mark.timeout(1200)
async def test_r7_a_thousand_orders_of_arrival_give_one_state(tmp_path, reached):
    await every_order(tmp_path, 1000, reached)
