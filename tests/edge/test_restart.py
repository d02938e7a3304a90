"""The program stops at a bad moment: store and door tell what is true, and nothing pulses by itself."""

import asyncio

import pytest

from controller import unlock


@pytest.fixture
def killed_before_the_answer(monkeypatch):
    """The program dies after the bytes of a pulse went out and before anybody looked at the door."""
    stopped = asyncio.Event()

    async def die(self, pulse):
        lock = self._locks[pulse.label]
        await self._send(lock, pulse, [])
        stopped.set()
        await asyncio.Event().wait()

    def arm():
        monkeypatch.setattr(unlock.Unlocker, "_carry_out", die)
        return stopped

    return arm, monkeypatch


async def restart(bench, monkeypatch):
    await bench.stop()
    monkeypatch.undo()
    await bench.start()


async def test_a_door_found_open_after_the_restart_ends_the_opening_it_belongs_to(
    bench, killed_before_the_answer
):
    arm, monkeypatch = killed_before_the_answer
    order = await bench.loaded()
    door, stopped = bench.door_of(order), arm()
    await bench.edge.entrance.typed(order.code)
    await stopped.wait()
    assert await bench.served.wait(door, "open")
    await restart(bench, monkeypatch)
    await bench.until(lambda: bench.box(door).door.is_open)
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    types = await bench.event_types()
    assert types.count("DoorOpened") == 2
    assert types.count("ParcelCollected") == 1


async def test_after_a_restart_nothing_pulses_by_itself_and_the_same_code_may_use_the_rest(
    bench, killed_before_the_answer
):
    arm, monkeypatch = killed_before_the_answer
    order = await bench.loaded()
    door, stopped = bench.door_of(order), arm()
    await bench.served.fault("latch_jammed", door)
    await bench.edge.entrance.typed(order.code)
    await stopped.wait()
    await restart(bench, monkeypatch)
    await bench.served.repair("latch_jammed", door)
    before = bench.openings_on_the_wire()
    await asyncio.sleep(1.0)
    assert bench.openings_on_the_wire() == before
    assert bench.box(door).opening.ambiguous
    assert (await bench.edge.entrance.typed(order.code)).kind == "opening"
    await bench.collect(door)
    await bench.becomes(door, "vacant")
    pulses = [e.data["pulse"] for e in await bench.events() if e.type == "PulseIntended"]
    assert pulses == [1, 1, 2], "loading, then both pulses of the one collecting opening"


async def test_an_opening_nobody_saw_wants_a_look_once_its_window_is_over_and_the_code_still_opens(
    bench, killed_before_the_answer
):
    arm, monkeypatch = killed_before_the_answer
    order = await bench.loaded()
    door, stopped = bench.door_of(order), arm()
    await bench.served.fault("latch_jammed", door)
    await bench.edge.entrance.typed(order.code)
    await stopped.wait()
    await restart(bench, monkeypatch)
    await bench.served.repair("latch_jammed", door)
    bench.edge.cabinet.rules = bench.edge.cabinet.rules.__class__(window_s=0.1, release_wait_s=0.5)
    await bench.becomes(door, "checking")
    bench.edge.cabinet.rules = bench.edge.cabinet.rules.__class__(release_wait_s=0.5)
    assert (await bench.edge.entrance.typed(order.code)).kind == "opening"
    await bench.collect(door)
    await bench.becomes(door, "vacant")


async def test_state_events_and_counters_survive_a_restart_without_a_gap(bench):
    order = await bench.loaded()
    before = await bench.events()
    await bench.stop()
    await bench.start()
    after = await bench.events()
    assert [e.id for e in after[: len(before)]] == [e.id for e in before]
    assert [e.seq for e in after] == list(range(1, len(after) + 1))
    assert after[-1].type == "Booted"
    assert bench.box(bench.door_of(order)).state == "occupied"


async def test_the_chain_fits_over_restarts(bench):
    from config.contract.messages import chain_over
    from config.contract.signing import CHAIN_START

    await bench.loaded()
    await bench.stop()
    await bench.start()
    rows = await bench.edge.store.events_after(0, 10_000, 1 << 30)
    half = await bench.edge.store.events_after(5, 10_000, 1 << 30)
    assert chain_over(CHAIN_START, rows.lines[:5]) == half.chain
