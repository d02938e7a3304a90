"""Relay cards that cannot time a pulse: the guard's process owns their wire."""

import asyncio
import random
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.cabinet import Cabinet, parse
from config.cabinet.relays import UNTIMED_CARDS
from config.problems import BadFile
from firmware_bridge import modbus
from firmware_bridge.assemble import Hardware, assemble
from firmware_bridge.errors import BoardError
from firmware_bridge.guard.lock import GuardedLock
from firmware_bridge.ports import PulseAnswer
from simulators.serve import Served
from tests.wire.opens_doors import Programs, dies

PULSE_MS = 300


def yes() -> bool:
    return True


def raw_file(profile: str, **board: object) -> dict:
    about = {"id": "bench-1", "number": "B1", "name_zh": "台", "name_en": "Bench", "phone": "400-000-0000"}
    card = {"name": "board", "kind": "lock_modbus", "bus": "bus", "address": 1, "channels": 8}
    card |= {"inputs_function": 4 if profile == "fc06" else 2}
    card |= {"profile": profile, "pulse_ms": PULSE_MS, "cut_off": "relay timer, 0.8 s"} | board
    return {
        "cabinet": about,
        "bus": [{"name": "bus", "kind": "modbus", "port": "/dev/null", "baud": 38400}],
        "board": [card],
        "zone": [{"name": "ambient", "class": "ambient"}],
        "compartment": [{"label": f"A{n}", "size": "M", "board": "board", "channel": n} for n in range(1, 9)],
    }


class Bench:
    """A simulated card, its guard, and the controller's side."""

    def __init__(self, file: Cabinet, served: Served, hardware: Hardware) -> None:
        self.file, self.served, self.hardware = file, served, hardware
        self.lock, self.guard = hardware.boards["board"], hardware.wires["bus"]

    def energised(self, label: str) -> list[float]:
        now = self.served.clock()
        return [each.seconds(now) for each in self.served.cabinet.compartment(label).energised]


@pytest.fixture(params=UNTIMED_CARDS)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    file = parse(raw_file(request.param))
    served = Served(file, tmp_path)
    async with assemble(file, await served.plug_in()) as hardware:
        assert hardware.flagged == []
        yield Bench(file, served, hardware)
    served.unplug()


async def test_a_pulse_is_as_long_as_the_file_says_and_its_switch_tells(bench):
    assert isinstance(bench.lock, GuardedLock)
    pulse = await bench.lock.open(3, yes)
    assert pulse.answer is PulseAnswer.ACCEPTED
    await asyncio.sleep(PULSE_MS / 1000 + 0.1)
    (seconds,) = bench.energised("A3")
    assert seconds == pytest.approx(PULSE_MS / 1000, abs=0.04)
    assert (await bench.lock.doors()).doors == {channel: channel == 3 for channel in range(1, 9)}


async def test_a_permit_that_says_no_sends_nothing(bench):
    before = bench.served.buses["bus"].wire.bytes_in
    assert (await bench.lock.open(1, lambda: False)).answer is PulseAnswer.WITHHELD
    assert bench.served.buses["bus"].wire.bytes_in == before


async def test_an_output_whose_answers_are_lost_is_told_off_until_it_says_so(bench):
    await bench.served.fault("answer_lost", "board")
    pulse = await bench.lock.open(1, yes)
    assert pulse.answer is PulseAnswer.NO_ANSWER
    await asyncio.sleep(0.5)
    (seconds,) = bench.energised("A1")
    assert seconds < PULSE_MS / 1000 + 0.2
    requests = [frame for _, frame in bench.served.buses["bus"].requests]
    again = len(requests)
    await asyncio.sleep(0.5)
    assert len(bench.served.buses["bus"].requests) > again, "off is repeated while nobody has answered"
    await bench.served.repair("answer_lost", "board")
    await asyncio.sleep(1.0)
    assert (await bench.lock.open(2, yes)).answer is PulseAnswer.ACCEPTED


async def test_the_outputs_are_off_before_the_guard_serves(tmp_path):
    file = parse(raw_file("value-0100"))
    served = Served(file, tmp_path)
    ports = await served.plug_in()
    served.cabinet.hold("A5")
    async with assemble(file, ports) as hardware:
        assert hardware.flagged == []
        assert not served.cabinet.compartment("A5").coil_on
    served.unplug()


def two_cards() -> Cabinet:
    raw = raw_file("value-0100", channels=2)
    (card,) = raw["board"]
    raw["board"].append(card | {"name": "other", "address": 2})
    raw["compartment"] = [
        {"label": f"{row}{n}", "size": "M", "board": name, "channel": n}
        for row, name in (("A", "board"), ("B", "other"))
        for n in (1, 2)
    ]
    return parse(raw)


async def answers_again(lock: GuardedLock) -> None:
    """Ask for the doors, as the controller does all the time; a card that was silent is asked seldom."""
    async with asyncio.timeout(5):
        while True:
            try:
                await lock.doors()
                return
            except BoardError:
                await asyncio.sleep(0.1)


@pytest.mark.row("H4")
@pytest.mark.parametrize("echo", [False, True])
async def test_h4_a_silent_card_is_begun_only_after_it_said_that_all_is_off(tmp_path, wait_until, echo):
    """And it keeps nobody from the other card. The echo of "off" looks exactly like the word of the card."""
    file = two_cards()
    served = Served(file, tmp_path)
    ports = await served.plug_in()
    if echo:
        await served.fault("echo", "bus")
    await served.fault("board_silent", "board")
    served.cabinet.hold("A2")
    async with assemble(file, ports) as hardware:
        lock, other = hardware.boards["board"], hardware.boards["other"]
        assert [flag.part for flag in hardware.flagged] == ["board board"]
        assert (await other.open(1, yes)).answer is PulseAnswer.ACCEPTED
        await served.repair("board_silent", "board")
        assert (await lock.open(1, yes)).answer is PulseAnswer.REFUSED
        assert served.cabinet.compartment("A1").energised == []
        await answers_again(lock)
        await wait_until(lambda: not served.cabinet.compartment("A2").coil_on)
        assert (await lock.open(1, yes)).answer is PulseAnswer.ACCEPTED
    served.unplug()


async def test_a_guard_without_its_port_is_told_and_comes_when_it_is_there(tmp_path, wait_until):
    file = parse(raw_file("fc06"))
    served = Served(file, tmp_path)
    ports = await served.plug_in()
    await served.cut("bus")
    async with assemble(file, ports) as hardware:
        assert [flag.part for flag in hardware.flagged] == ["bus bus"]
        await served.restore("bus")
        await wait_until(lambda: hardware.wires["bus"].is_open, 10)
        assert (await hardware.boards["board"].open(1, yes)).answer is PulseAnswer.ACCEPTED
    served.unplug()


@pytest.mark.parametrize(
    ("change", "key", "reason"),
    [
        ({"cut_off": ""}, "board[0].cut_off", "lctech cards cannot time a pulse"),
        ({"channels": 9}, "board[0].channels", "LCTECH cards have at most 8, not 9"),
    ],
)
def test_a_file_that_names_no_hardware_for_the_end_is_refused(change, key, reason):
    with pytest.raises(BadFile) as told:
        parse(raw_file("lctech", **change))
    assert any(p.key == key and reason in p.reason for p in told.value.problems), told.value


def test_a_guarded_bus_carries_nothing_else():
    raw = raw_file("lctech")
    raw["board"].append({"name": "timed", "kind": "lock_modbus", "bus": "bus", "address": 2, "channels": 8})
    raw["thermometer"] = [{"name": "air", "bus": "bus", "address": 9}]
    raw["compartment"][0]["beam_input"] = 8
    with pytest.raises(BadFile) as told:
        parse(raw)
    keys = {problem.key for problem in told.value.problems}
    assert keys >= {"board[1].bus", "thermometer[0].bus", "compartment[0].beam_input"}


@pytest.mark.parametrize(
    "moments",
    [2, pytest.param(340, marks=[pytest.mark.hard, pytest.mark.row("H1"), pytest.mark.timeout(600)])],
)
@pytest.mark.parametrize("profile", UNTIMED_CARDS)
async def test_h1_a_controller_that_dies_or_stops_leaves_no_output_on(tmp_path, profile, moments, reached):
    raw, luck, programs = raw_file(profile), random.Random(f"{profile} {moments}"), Programs()
    far = [tmp_path / str(n) for n in range(min(moments, 10))]
    for folder in far:
        folder.mkdir()
    served = [Served(parse(raw), folder) for folder in far]

    async def die(each: Served, luck: random.Random) -> None:
        ports = await each.plug_in()
        for _ in range(moments // len(served)):
            await dies(luck, await programs.begin("cabinet", raw=raw, ports=ports), within=0.5)

    with programs.listening():
        await asyncio.gather(*(die(each, random.Random(luck.random())) for each in served))
    await asyncio.sleep(1.0)
    programs.end()
    longest = max(each.cabinet.longest_energised() for each in served)
    boxes = [box for each in served for box in each.cabinet.truth()["compartments"].values()]
    for each in served:
        each.unplug()
    pulses = sum(len(box["energised"]) for box in boxes)
    figure = f"{longest * 1000:.0f} ms of {pulses} pulses in {moments} deaths of the controller"
    reached("H1", goal="output on ≤ 1 s", figure=figure)
    assert not any(box["coil_on"] for box in boxes)
    assert longest <= 1.0
    assert pulses >= moments * 0.8


async def test_h1_an_output_without_a_guard_stays_on_when_its_program_dies(bench):
    """The negative control of the proof above: the guard's own frame, from nobody who ends it."""
    card = UNTIMED_CARDS[bench.file.board[0].dialect]
    switches = modbus.with_crc(struct.pack(">BBHH", 1, card.function, card.first, card.on))
    bench.served.buses["bus"].wire.heard(switches)
    await asyncio.sleep(1.1)
    assert bench.served.cabinet.longest_energised() > 1.0
