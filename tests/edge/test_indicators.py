"""Lamps and a buzzer at a real edge: they follow the doors, and no door ever waits for them."""

import asyncio
import sys

import pytest

from config.cabinet import parse
from controller import contacts, indicators
from firmware_bridge.assemble import Hardware

edge_bench = sys.modules["edge_bench"]

BUS = {"name": "lamps", "kind": "modbus", "port": "/dev/none-2", "baud": 115200}
LAMP = {"means": "lamp", "bus": "lamps", "address": 5}
INDICATORS = [
    LAMP | {"name": "lamp-1", "label": "01", "number": 1},
    LAMP | {"name": "lamp-2", "label": "02", "number": 2},
    {"name": "light", "means": "light", "bus": "lamps", "address": 5, "number": 3},
    {"name": "buzzer", "means": "buzzer", "bus": "lamps", "address": 6, "number": 1},
]
INPUTS = [{"name": "back", "means": "tamper", "bus": "lamps", "address": 5, "number": 1}]


@pytest.fixture
async def bench(tmp_path, monkeypatch):
    monkeypatch.setattr(contacts, "QUIET_S", 0.2)
    monkeypatch.setattr(indicators, "AGAIN_S", 0.1)
    monkeypatch.setattr(indicators, "REFRESH_S", 0.3)
    monkeypatch.setattr(indicators, "BUZZES_S", {"door_left_open": 0.2, "tampered": 0.4, "tilted": 0.4})
    raw = edge_bench.cabinet_file().model_dump(mode="json", by_alias=True, exclude_none=True)
    more = {"bus": [*raw["bus"], BUS], "indicator": INDICATORS, "input": INPUTS}
    made = edge_bench.Bench(tmp_path, parse(raw | more))
    await made.plug_in()
    await made.start()
    yield made
    await made.stop()
    made.served.unplug()


def lit(bench):
    return {name for name in bench.served.cabinet.lamps() if bench.served.cabinet.lamp_is_on(name)}


def times(bench, name):
    """How often it was switched on."""
    return len(bench.served.cabinet.truth()["lamps"][name]["switched_on"])


async def collecting(bench):
    """A resident has typed a code, and the lamp of their door is on."""
    order = await bench.loaded()
    await bench.until(lambda: lit(bench) == set())
    await bench.edge.entrance.typed(order.code)
    await bench.until(lambda: "lamp-1" in lit(bench))


async def test_the_lamp_of_the_door_that_was_asked_for_is_on_until_it_is_shut(bench):
    order = bench.cloud.expect()
    await bench.hand_over()
    await bench.courier()
    door = await bench.opens((await bench.scan(order)).door)
    assert door == "01"
    await bench.until(lambda: lit(bench) == {"lamp-1", "light"})
    await bench.served.put(door, order.parcel)
    await bench.shut(door)
    await bench.until(lambda: lit(bench) == set())
    assert times(bench, "lamp-2") == times(bench, "buzzer") == 0


async def test_the_lamp_goes_off_where_the_door_never_opened(bench):
    order = await bench.loaded()
    await bench.served.fault("latch_jammed", "01")
    await bench.edge.entrance.typed(order.code)
    await bench.until(lambda: "lamp-1" in lit(bench))
    await bench.until(lambda: bench.box("01").opening is None)
    await bench.until(lambda: lit(bench) == set())


async def test_a_dead_card_of_lamps_delays_no_door_and_is_told(bench):
    await bench.served.fault("board_silent", "lamps-5")
    order = await bench.loaded()
    assert (await bench.edge.entrance.typed(order.code)).kind == "opening"
    await bench.collect("01")
    await bench.becomes("01", "vacant")
    await bench.until(lambda: bench.edge.health.has("indicator_silent", "lamps-5"))
    assert not bench.edge.health.has("indicator_silent", "lamps-6")
    await bench.served.repair("board_silent", "lamps-5")
    await bench.until(lambda: not bench.edge.health.has("indicator_silent", "lamps-5"))


async def test_the_pulse_leaves_before_the_lamp_is_asked_and_waits_for_no_answer_of_it(bench, monkeypatch):
    """Order, not time: what happens at the lamp happens after the bytes of the opening have gone."""
    order = await bench.loaded()
    await bench.until(lambda: lit(bench) == set())
    bench.edge.cabinet._unlock._resting.clear()  # its coil has had its rest
    happened, board, lamp = [], bench.edge.hardware.boards["locks"], bench.edge.hardware.indicators["lamp-1"]
    opened = type(board).open

    async def opens(self, channel, permit):
        happened.append("pulse")
        return await opened(self, channel, permit)

    async def never(self, on):
        happened.append(f"{self.name} {'on' if on else 'off'}")
        await asyncio.Event().wait()

    monkeypatch.setattr(type(board), "open", opens)
    monkeypatch.setattr(type(lamp), "show", never)
    assert (await bench.edge.entrance.typed(order.code)).kind == "opening"
    await bench.collect("01")
    await bench.becomes("01", "vacant")
    assert happened.index("pulse") < happened.index("lamp-1 on")


async def test_a_buzzer_sounds_for_a_moment_when_a_door_is_left_open(bench):
    bench.edge.cabinet.rules = bench.edge.cabinet.rules.__class__(release_wait_s=0.5, left_open_alarm_s=0.2)
    order = await bench.loaded()
    await bench.edge.entrance.typed(order.code)
    await bench.until(lambda: "buzzer" in lit(bench))
    await bench.until(lambda: "buzzer" not in lit(bench))
    assert bench.box("01").door.is_open
    await bench.shut("01")
    assert times(bench, "buzzer") == 1


async def test_a_tampered_case_is_durable_before_it_is_heard(bench):
    """F14: a thief who cuts the wire of the buzzer, or the power, is on record by then."""
    commit, gate = bench.edge.store.commit, asyncio.Event()

    async def slow(change, stamp):
        await gate.wait()
        await commit(change, stamp)

    bench.edge.store.commit = slow
    await bench.served.disturb("back")
    await bench.until(lambda: bench.edge.contacts._contacts["back"].disturbed)
    await asyncio.sleep(0.1)
    assert times(bench, "buzzer") == 0
    gate.set()
    await bench.until(lambda: "buzzer" in lit(bench))
    assert bench.edge.health.has("tampered", "back")
    await bench.until(lambda: "buzzer" not in lit(bench))


async def test_old_faults_that_are_told_again_make_no_noise(bench):
    await bench.served.disturb("back")
    await bench.until(lambda: "buzzer" in lit(bench))
    await bench.until(lambda: "buzzer" not in lit(bench))
    await bench.edge.cabinet.begin_epoch("fork", None, bench.edge.health.told_again())
    await asyncio.sleep(0.1)
    assert times(bench, "buzzer") == 1


async def test_a_card_that_lost_its_power_shows_again_what_is_wanted(bench):
    await collecting(bench)
    await bench.served.fault("board_rebooting", "lamps-5", 0.2)
    await bench.served.repair("board_rebooting", "lamps-5")
    assert "lamp-1" not in lit(bench)
    await bench.until(lambda: "lamp-1" in lit(bench))


async def test_everything_is_dark_when_the_program_ends(bench):
    await collecting(bench)
    await bench.stop()
    assert lit(bench) == set()


async def test_a_program_that_was_killed_leaves_a_lamp_on_until_the_next_one_starts(bench, monkeypatch):
    """A relay card has no fail state of its own; the page says so."""
    await collecting(bench)
    with monkeypatch.context() as patch:
        patch.setattr(Hardware, "_all_dark", lambda self: asyncio.sleep(0))
        await bench.is_killed()
    assert "lamp-1" in lit(bench)
    await bench.served.close("01")
    await bench.start()
    await bench.until(lambda: "lamp-1" not in lit(bench))
