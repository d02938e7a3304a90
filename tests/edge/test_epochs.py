"""Numbers that begin again: a fresh epoch, told by its first event, with everything else as it was."""

from config.contract.events import Event, InsideCalled
from config.contract.signing import CHAIN_START
from controller.clock import Clock
from controller.store import Change, Store


async def opened(folder):
    store = Store(folder / "edge.db", "test-cabinet-1")
    await store.open()
    return store


async def test_a_new_epoch_starts_at_one_with_what_the_cloud_lacks_and_the_change_that_came(tmp_path):
    store, stamp = await opened(tmp_path), Clock().stamp()
    await store.commit(Change(facts=(InsideCalled(), InsideCalled())), stamp)
    await store.acknowledged(1)
    before = store.epoch
    await store.begin_epoch("fork", stamp, Change(facts=(InsideCalled(),), meta={"tries": "{}"}))
    await store.close()

    store = await opened(tmp_path)
    rows = await store.events_after(0, 10, 1 << 20)
    events = [Event.read(line) for line in rows.lines]
    assert store.epoch == rows.epoch != before
    assert (rows.first, rows.chain, store.seq, store.through) == (1, CHAIN_START, 3, 0)
    assert [event.type for event in events] == ["EpochBegan", "InsideCalled", "InsideCalled"]
    assert events[0].data == {"reason": "fork", "before": before, "last": 2, "reached": 2}
    assert await store.meta("epoch_before") == before
    assert await store.meta("through_before") == "1"
    assert await store.meta("tries") == "{}"
    await store.close()


async def test_openings_count_on_in_a_new_epoch_and_occupancies_never_repeat(tmp_path):
    store, stamp = await opened(tmp_path), Clock().stamp()
    opening, occupancy = store.next_opening(), store.next_occupancy()
    await store.commit(Change(), stamp)
    await store.begin_epoch("fork", stamp)
    assert store.next_opening() > opening
    assert store.next_occupancy() != occupancy
    await store.close()
