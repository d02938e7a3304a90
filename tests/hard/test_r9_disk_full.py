"""The disk fills up: doors still open from the ballast, deposits stop; all is well when there is room again.

Where the tests run as root the disk is a tmpfs of four mebibytes of its own.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.contract.events import OpeningStarted
from controller.cabinet import Cabinet
from controller.clock import Clock
from controller.health import Health
from controller.records import Records
from controller.store import Change, Store, StoreFailing
from controller.visit import Ask, Box, Purpose, Refused, Rules, State, Step, now_of

BALLAST = 2 << 20
LEFT_OVER = [0, 1, 4096, 20_000, 100_000]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Four mebibytes."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root; test_r3 fails each call with ENOSPC without it")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, leave: int) -> None:
    """Somebody else's file takes all room but ``leave`` bytes."""
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    with (folder / "other").open("ab") as other:
        other.write(bytes(max(0, free - leave)))


def collecting(n: int) -> Change:
    box = Box("01", State.COLLECTING, occupancy=f"{n:016x}-1", order=f"{n:016x}", parcel=f"{n:016x}")
    told = OpeningStarted(box=now_of(box), opening=n, purpose="collect", proof="code")
    return Change(boxes=(box,), facts=(told,))


async def commit_on(store: Store, changes: int) -> None:
    for n in range(store.seq + 1, changes):
        await store.commit(collecting(n), Clock().stamp())


async def becomes(health: Health, *, full: bool) -> None:
    async with asyncio.timeout(5):
        while health.has("disk_full", "store") is not full:  # noqa: ASYNC110 - the fault has no event to wait for
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("leave", LEFT_OVER)
@pytest.mark.row("R9")
async def test_r9_a_thousand_changes_fit_into_the_ballast_of_a_full_disk(small_disk, leave, reached):
    store, stamp = Store(small_disk / "edge.db", "c", BALLAST), Clock().stamp()
    await store.open()
    await store.commit(collecting(1), stamp)
    fill(small_disk, leave)
    n, since_full = 1, 0
    while since_full < 1000:
        n += 1
        await store.commit(collecting(n), stamp)
        since_full += store.is_full
    reached("R9", goal="≥ 1,000 changes from the ballast", figure=f"{since_full} of {n}")
    assert store.seq == n
    (small_disk / "other").unlink()
    assert await store.take_ballast()
    assert not store.is_full
    await store.close()
    store = Store(small_disk / "edge.db", "c", BALLAST)
    await store.open()
    assert store.fallen is None
    assert store.seq == n
    await store.close()


@pytest.mark.row("R9")
async def test_r9_when_even_the_ballast_is_used_up_nothing_is_lost_and_room_makes_it_good(small_disk):
    store, stamp = Store(small_disk / "edge.db", "c", 1 << 18), Clock().stamp()
    await store.open()
    await store.commit(collecting(1), stamp)
    fill(small_disk, 0)
    with pytest.raises(StoreFailing, match="full"):
        await commit_on(store, 20_000)
    n = store.seq + 1
    await store.close()
    store = Store(small_disk / "edge.db", "c", 1 << 18)
    (small_disk / "other").unlink()
    await store.open()
    assert (store.fallen, store.seq) == (None, n - 1)
    await store.commit(collecting(n), stamp)
    await store.close()


@pytest.mark.row("R9")
async def test_r9_the_alarm_is_raised_deposits_stop_and_pickups_go_on(small_disk, monkeypatch):
    monkeypatch.setattr("controller.records.LOOK_S", 0.05)
    store, clock = Store(small_disk / "edge.db", "c", BALLAST), Clock()
    await store.open()
    stays = Box("01", State.OCCUPIED, occupancy="a" * 16 + "-1", order="a" * 16, parcel="a" * 16)
    cabinet = Cabinet({"01": stays, "02": Box("02")}, set(), store, clock, Rules())
    health = Health(cabinet, store, clock)
    looking = asyncio.create_task(Records(cabinet, store, clock, health).run())
    fill(small_disk, 0)
    for n in range(1, 200):
        await store.commit(collecting(n), clock.stamp())
    assert store.is_full
    await becomes(health, full=True)
    load = Ask(1, Purpose.LOAD, "badge", "b" * 16 + "-2", order="b" * 16, parcel="b" * 16)
    assert await cabinet.ask("02", load) == Refused("no_store")
    assert isinstance(await cabinet.ask("01", Ask(2, Purpose.COLLECT, "code", stays.occupancy)), Step)
    assert not await store.copy(0), "copies are made when there is room"
    (small_disk / "other").unlink()
    await becomes(health, full=False)
    assert isinstance(await cabinet.ask("02", load), Step)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    await store.close()


async def test_a_disk_without_room_for_ballast_counts_as_full(small_disk):
    fill(small_disk, 1 << 20)
    store = Store(small_disk / "edge.db", "c", BALLAST)
    await store.open()
    assert store.is_full
    await store.close()
    shutil.rmtree(small_disk, ignore_errors=True)
