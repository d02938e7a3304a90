"""How much of the disk the records take: the file, its log, its ballast."""

from config.contract.events import ParcelDeposited
from controller.clock import Clock
from controller.store import Change, Store
from controller.store.ballast import BYTES
from controller.store.opening import LARGEST_LOG
from controller.visit import Box, State, now_of


def deposited(number: int) -> ParcelDeposited:
    named = {"occupancy": f"{number:016x}-{number}", "order": f"{number:016x}", "parcel": f"{number:016x}"}
    box = Box("01", State.OCCUPIED, **named)
    return ParcelDeposited(box=now_of(box), opening=number, purpose="load", proof="badge", **named)


def deposits(first: int, number: int) -> Change:
    """Every second one was collected since."""
    facts = tuple(deposited(first + n) for n in range(number))
    return Change(facts=facts, used=tuple(fact.parcel for fact in facts[::2]))


async def test_a_hundred_thousand_events_with_log_and_ballast_would_stay_below_64_mib(tmp_path):
    store, stamp = Store(tmp_path / "edge.db", "c"), Clock().stamp()
    await store.open()
    empty = (tmp_path / "edge.db").stat().st_size
    for first in range(1, 4001, 100):
        await store.commit(deposits(first, 100), stamp)
    await store.tidy()
    grown = (tmp_path / "edge.db").stat().st_size - empty
    assert grown * 25 + LARGEST_LOG + BYTES < 64 << 20
    await store.close()


async def test_the_log_is_short_again_after_something_large(tmp_path):
    store, stamp = Store(tmp_path / "edge.db", "c"), Clock().stamp()
    await store.open()
    log = tmp_path / "edge.db-wal"
    await store.commit(deposits(1, 20_000), stamp)
    assert log.stat().st_size > LARGEST_LOG
    await store.tidy()
    await store.commit(deposits(20_001, 1), stamp)
    assert log.stat().st_size <= LARGEST_LOG
    await store.close()
