"""Cabinet and cloud disagree about history: a restored cloud, a restored controller, two of one identity."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from config.contract.events import Event
from tests.edge.bench import Bench, cabinet_file
from tests.hard.both_sides import Both, both_sides


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Both]:
    async with both_sides(tmp_path) as both:
        yield both


def types(both: Both) -> list[str]:
    return [Event.read(line).type for _, line in both.cloud.stored(both.edge.store.epoch)]


async def test_a_cloud_restored_from_a_backup_is_told_again_what_it_lost(both: Both) -> None:
    await both.evening(4)
    await both.drained()
    kept = await both.change_cloud(both.cloud.backup)
    await both.evening(30)
    await both.drained()
    await both.change_cloud(both.cloud.restore, kept)
    await both.drained()
    assert "LostRange" not in types(both)


async def test_where_the_cabinet_has_forgotten_too_the_cloud_goes_on_from_how_everything_is_now(
    tmp_path: Path,
) -> None:
    async with both_sides(tmp_path, keep_acked_rows=10) as both:
        await both.evening(8)
        await both.drained()
        kept = await both.change_cloud(both.cloud.backup)
        last = both.edge.store.seq
        await both.evening(40)
        await both.drained()
        await both.change_cloud(both.cloud.restore, kept)
        await both.drained()
        lost = [
            Event.read(line) for _, line in both.cloud.stored(both.edge.store.epoch) if b"LostRange" in line
        ]
        assert [event.data["first"] for event in lost] == [last + 1]
        assert types(both).count("Baseline") == 2  # the compartments, and the parcels collected
        await both.evening(5)
        await both.drained()


async def test_a_controller_put_back_to_an_older_file_goes_on_under_a_new_epoch(both: Both) -> None:
    await both.evening(4)
    await both.drained()
    await both.bench.stop()
    shutil.copytree(both.folder / "edge", both.folder / "older")
    await both.bench.start()
    before = both.edge.store.epoch
    await both.evening(3)
    await both.drained()
    await both.bench.stop()
    shutil.rmtree(both.folder / "edge")
    shutil.copytree(both.folder / "older", both.folder / "edge")
    await both.bench.start()
    await both.bench.until(lambda: both.edge.store.epoch != before, 15)
    assert len(both.cloud.stored(before)) > 0
    await both.bench.until(lambda: both.edge.outbox.position == both.edge.store.seq, 15)
    assert "fork" in both.cloud.faults()
    ours = {box.label: box.occupancy for box in both.edge.cabinet.boxes.values()}
    assert dict(both.cloud.rows("select label, occupancy from compartments")) == ours


class Twin:
    """A second computer with a copy of the first one's disk, at a cabinet that looks the same."""

    def __init__(self, both: Both) -> None:
        folder = both.folder / "twin"
        folder.mkdir()
        settings: dict[str, Any] = {"reconnect_s": 0.5, "sync_s": 1, "keepalive_s": 3}
        self.bench = Bench(folder, cabinet_file(), **settings)
        self.bench.cloud, self.bench.broker_url = both.bench.cloud, both.bench.broker_url
        shutil.copytree(both.folder / "edge", folder / "edge")


async def test_two_controllers_of_one_identity_have_two_histories_and_raise_an_alarm(both: Both) -> None:
    await both.evening(4)
    await both.drained()
    await both.bench.stop()
    twin = Twin(both)
    await twin.bench.plug_in()
    await both.bench.start()
    await both.evening(3)
    await both.drained()
    shared = both.edge.store.epoch
    ours = both.cloud.stored(shared)
    try:
        await twin.bench.start()
        await twin.bench.until(lambda: twin.bench.edge.store.epoch != shared, 20)
        store = twin.bench.edge.store
        await twin.bench.until(lambda: store.through == store.seq, 15)
        documents = twin.bench.edge.documents
        await twin.bench.until(lambda: "parcels" in documents.reported, 15)
    finally:
        await twin.bench.stop()
        twin.bench.served.unplug()
    assert both.cloud.stored(shared)[: len(ours)] == ours
    assert "fork" in both.cloud.faults()
    numbers = both.cloud.rows("select epoch, seq from events")
    assert len(numbers) == len(set(numbers))
    stays = [
        Event.read(line).data for _, line in both.cloud.stored(store.epoch) if b'"ParcelDeposited"' in line
    ]
    assert stays == []
