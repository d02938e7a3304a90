"""Lamps and buzzers on relay cards: off at start and at the end, and never within reach of a lock."""

import asyncio
import time

import pytest

from config.cabinet import Cabinet, load, parse
from config.cabinet.relays import HELD_CARDS
from firmware_bridge.assemble import assemble
from firmware_bridge.decode import READERS
from firmware_bridge.errors import BoardRefused, BoardSilent, WrongUse
from firmware_bridge.held import held
from firmware_bridge.modbus import read_frame
from firmware_bridge.modbus.frames import NeverSent
from simulators.serve import Served

LAMPS = {"name": "lamps", "kind": "modbus", "port": "/dev/ttyUSB5", "baud": 57600}
BUZZER = {"name": "buzzer", "means": "buzzer", "bus": "lamps", "address": 5, "number": 8}


def lamp(label, number, **more):
    wired = {"means": "lamp", "label": label, "bus": "lamps", "address": 5, "number": number}
    return wired | {"name": f"lamp-{label.lower()}"} | more


def raw_cabinet(*indicators, bus=LAMPS):
    raw = load("config/cabinets/locker-modbus.toml").model_dump(mode="json", by_alias=True, exclude_none=True)
    return raw | {"bus": [*raw["bus"], bus], "indicator": list(indicators)}


async def served_at(tmp_path, file):
    served = Served(file, tmp_path, turn_round_seconds=0.0)
    return served, await served.plug_in()


async def lit(served):
    return {name for name, lamp in (await served.truth())["lamps"].items() if lamp["lit"]}


async def shows(indicator):
    """On, as soon as its card is asked again."""
    async with asyncio.timeout(5):
        while True:
            try:
                return await indicator.show(True)
            except BoardSilent as silent:
                await asyncio.sleep(silent.retry_after)


@pytest.mark.parametrize("profile", HELD_CARDS)
async def test_every_sort_of_card_switches_its_lamps_one_by_one(tmp_path, profile):
    profiled = {"profile": profile}
    file = parse(raw_cabinet(lamp("H1", 1, **profiled), lamp("H2", 2, **profiled), BUZZER | profiled))
    served, ports = await served_at(tmp_path, file)
    async with assemble(file, ports) as hardware:
        # The first answer of an LCTECH card runs into its greeting.
        assert [flag.part for flag in hardware.flagged] == ["card lamps-5"] * (profile == "lctech")
        await shows(hardware.indicators["lamp-h2"])
        await hardware.indicators["buzzer"].show(True)
        assert await lit(served) == {"lamp-h2", "buzzer"}
        await hardware.indicators["lamp-h2"].show(False)
        await hardware.indicators["lamp-h2"].show(False)
        assert await lit(served) == {"buzzer"}
    assert await lit(served) == set(), "whatever was on is off at the end"
    served.unplug()


async def test_what_an_earlier_program_left_on_is_off_at_the_start(tmp_path):
    file = parse(raw_cabinet(lamp("H1", 1), BUZZER))
    served, ports = await served_at(tmp_path, file)
    served.cabinet.light("buzzer", True)
    async with assemble(file, ports):
        assert await lit(served) == set()
    served.unplug()


async def test_no_lamp_ever_reaches_the_wire_of_the_locks(tmp_path):
    file = parse(raw_cabinet(lamp("H1", 1), BUZZER))
    served, ports = await served_at(tmp_path, file)
    async with assemble(file, ports) as hardware:
        for each in hardware.indicators.values():
            await each.show(True)
        await hardware.boards["hall"].open(1, lambda: True)
    frames = {name: [frame for _, frame in bus.requests] for name, bus in served.buses.items()}
    assert any(isinstance(read_frame(frame), NeverSent) for frame in frames["lamps"])
    assert not any(isinstance(read_frame(frame), NeverSent) for frame in frames["modbus"])
    served.unplug()


async def test_a_dead_card_fails_all_its_lamps_soon_and_is_flagged_once(tmp_path):
    file = parse(raw_cabinet(*(lamp(f"H{n}", n) for n in range(1, 9))))
    served, ports = await served_at(tmp_path, file)
    await served.fault("board_silent", "lamps-5")
    began = time.monotonic()
    async with assemble(file, ports) as hardware:
        assert [flag.part for flag in hardware.flagged] == ["card lamps-5"]
        with pytest.raises(BoardSilent, match="lamps-5"):
            await hardware.indicators["lamp-h1"].show(True)
        await served.repair("board_silent", "lamps-5")
        await shows(hardware.indicators["lamp-h1"])
        assert await lit(served) == {"lamp-h1"}
    assert time.monotonic() - began < 8 * 0.3, "not one time-out for each lamp, at start and at the end"
    served.unplug()


async def test_a_card_with_fewer_outputs_refuses(tmp_path):
    file = parse(raw_cabinet(lamp("H1", 12)))
    served, ports = await served_at(tmp_path, file)
    served.buses["lamps"].boards[0].relays = 8
    async with assemble(file, ports) as hardware:
        with pytest.raises(BoardRefused, match="code 2"):
            await hardware.indicators["lamp-h1"].show(True)
    served.unplug()


async def test_lamps_behind_modbus_tcp(tmp_path):
    file = parse(raw_cabinet(lamp("H1", 1), bus=LAMPS | {"port": "modbus-tcp://127.0.0.1:1"}))
    served, ports = await served_at(tmp_path, file)
    async with assemble(file, ports) as hardware:
        await hardware.indicators["lamp-h1"].show(True)
        assert await lit(served) == {"lamp-h1"}
    served.unplug()


async def test_a_dead_bulb_is_switched_and_does_not_shine(tmp_path):
    file = parse(raw_cabinet(lamp("H1", 1)))
    served, ports = await served_at(tmp_path, file)
    await served.fault("lamp_dead", "lamp-h1")
    async with assemble(file, ports) as hardware:
        await hardware.indicators["lamp-h1"].show(True)
        told = (await served.truth())["lamps"]["lamp-h1"]
        assert (told["lit"], len(told["switched_on"])) == (False, 1)
    served.unplug()


def test_a_lamp_beside_a_lock_is_not_even_built_where_nobody_checked_the_file():
    raw = raw_cabinet(lamp("H1", 1, bus="modbus"))
    with pytest.raises(WrongUse, match="lamp-h1: its output may stay on, and bus modbus has lock boards"):
        assemble(Cabinet.model_validate(raw))


@pytest.mark.parametrize(
    ("profile", "on", "off"),
    [
        ("coils", "05050000ff00", "050500000000"),
        ("value-0100", "050500000100", "050500000000"),
        ("fc06", "050600000001", "050600000000"),
        ("eletechsup", "050600010100", "050600010200"),
    ],
)
def test_the_frames_are_those_of_the_makers_and_decode_says_what_they_would_do(profile, on, off):
    for frame, state in ((on, True), (off, False)):
        assert held(HELD_CARDS[profile], 5, 1, on=state)[:-2].hex() == frame
    assert "never sent" in READERS["lock_modbus"](held(HELD_CARDS[profile], 5, 1, on=True)).meaning
