"""What may be started at all, and what a board hears first when it is."""

import asyncio
from itertools import takewhile
from pathlib import Path

import pytest

from config.cabinet import parse
from config.cabinet.families import LOCKS
from config.cabinet.one_board import one_board
from config.cabinet.relays import RELAY_CARDS, UNTIMED_CARDS
from config.problems import BadFile
from firmware_bridge.assemble import assemble
from firmware_bridge.guard import Guard
from firmware_bridge.ports import PulseAnswer
from simulators.serve import Served
from tests.wire.one_of_each import BAUD, SORTS, Sort

MOVES = {"OpenLock", "TimedPulse"}
TURNS_OFF = {"Off", "ManyOff", "WriteRegister"}
"""The last one, with a 0, is how an output in a register is turned off; with a 1 it holds one."""
INPUTS = {"fc06": 4}
"""By which function the inputs of these cards are read, where it is not 2."""
GUARDED = {
    profile: Sort(
        "lock_modbus", {"profile": profile, "cut_off": "0.8 s", "inputs_function": INPUTS.get(profile, 2)}
    )
    for profile in UNTIMED_CARDS
}


def refusals(raw: dict) -> dict[str, str]:
    with pytest.raises(BadFile) as told:
        parse(raw)
    return {problem.key: problem.reason for problem in told.value.problems}


# --- H2: outputs that nothing ends


@pytest.mark.row("H2")
@pytest.mark.parametrize("profile", UNTIMED_CARDS)
def test_h2_a_card_that_cannot_time_a_pulse_is_refused_until_its_hardware_is_named(profile):
    sort = GUARDED[profile]
    told = refusals(sort.raw(4, cut_off=""))
    assert f"{profile} cards cannot time a pulse" in told["board[0].cut_off"]
    assert isinstance(assemble(sort.file(4)).wires["bus"], Guard)


@pytest.mark.row("H2")
def test_h2_pins_are_refused_until_their_hardware_is_named():
    pins = {"lock_pins": [17], "switch_pins": [5], "pulse_ms": 200}
    raw = one_board("lock_gpio", 1, 1, BAUD, port="gpiozero:mock", board=pins)
    assert "cannot time a pulse" in refusals(raw)["board[0].cut_off"]
    raw["board"][0]["cut_off"] = "monostable, 0.8 s"
    assert isinstance(assemble(parse(raw)).wires["bus"], Guard)


def test_every_family_times_its_pulses_or_is_among_those_above():
    assert {kind for kind, family in LOCKS.items() if not family.times_its_pulse} == {"lock_gpio"}
    assert not RELAY_CARDS.keys() & UNTIMED_CARDS.keys()
    assert {sort.kind for sort in SORTS.values()} == LOCKS.keys() - {"lock_gpio"}


@pytest.mark.row("H1")
@pytest.mark.parametrize("sort", (SORTS | GUARDED).values(), ids=SORTS | GUARDED)
def test_h1_a_pulse_of_more_than_a_second_is_refused_in_every_family(sort):
    raw = sort.raw(4)
    raw["board"][0]["pulse_ms"] = 1001
    assert "less than or equal to 1000" in refusals(raw)["board[0].pulse_ms"]


@pytest.mark.row("H1")
@pytest.mark.parametrize(
    ("name", "pulse_ms", "limit"),
    [("Dingchang", 300, "150 ms"), ("Waveshare", 250, "100, 200"), ("Eletechsup", 300, "1000 ms")],
)
def test_h1_a_pulse_that_a_family_does_not_make_is_refused_with_those_it_does(name, pulse_ms, limit):
    raw = SORTS[name].raw(4)
    raw["board"][0]["pulse_ms"] = pulse_ms
    assert limit in refusals(raw)["board[0].pulse_ms"]


# --- H4: what is heard first


@pytest.mark.row("H4")
@pytest.mark.parametrize("sort", (SORTS | GUARDED).values(), ids=SORTS | GUARDED)
async def test_h4_after_each_start_all_outputs_are_off_before_anything_moves(tmp_path: Path, sort, reached):
    """Outputs that a program can hold are told off; a pulse that a board times has had its time."""
    file = sort.file(2)
    served = Served(file, tmp_path, tcp=sort.on_tcp)
    ports = await served.plug_in()
    requests, pulse_seconds = served.buses["bus"].requests, file.board[0].pulse_ms / 1000
    for _ in range(2):
        requests.clear()
        served.cabinet.pulse("02", pulse_seconds)  # by a program that has just died
        if sort.kind == "lock_modbus":
            served.cabinet.hold("01")
        began = asyncio.get_running_loop().time()
        async with assemble(file, ports) as hardware:
            assert hardware.flagged == []
            assert not any(served.cabinet.compartment(label).coil_on for label in ("01", "02"))
            pulse = await hardware.boards["board"].open(2, lambda: True)
            assert pulse.answer in (PulseAnswer.ACCEPTED, PulseAnswer.NEVER_ANSWERS)
            await asyncio.sleep(pulse_seconds + 0.1)
        heard = [(at, sort.frame(frame)) for at, frame in requests]
        names = [name for _, name in heard]
        if sort.kind == "lock_modbus":
            assert names[0] in TURNS_OFF, names
        else:
            first_move = next(at for at, name in heard if name in MOVES)
            assert first_move - began >= pulse_seconds
    served.unplug()
    first = list(takewhile(lambda name: name not in MOVES | {"NeverSent"}, names))
    reached("H4", goal="nothing moves before all is off", figure=" ".join(first))
    assert served.cabinet.compartment("02").energised[-1].seconds(0.0) <= pulse_seconds + 0.05


@pytest.mark.row("H4")
@pytest.mark.parametrize("sort", SORTS.values(), ids=SORTS)
async def test_h4_a_board_that_does_not_answer_at_start_is_flagged_and_keeps_nobody(tmp_path: Path, sort):
    file = sort.two(2)
    served = Served(file, tmp_path, tcp=sort.on_tcp)
    ports = await served.plug_in()
    await served.fault("board_silent", "a")
    async with assemble(file, ports) as hardware:
        flags = {flag.part for flag in hardware.flagged}
        # A gateway waits a second for a card that is silent, and has the others wait as well.
        assert flags == {"board a"} or (sort.port != "bus" and flags == {"board a", "board b"})
        for _ in range(3):
            await hardware.boards["b"].open(1, lambda: True)
            if await served.wait("B1", "open", 1.0):
                break
        assert served.cabinet.standing_open() == ["B1"]
        await served.repair("board_silent", "a")
        pulse = await hardware.boards["a"].open(1, lambda: True)
        assert pulse.answer in (PulseAnswer.ACCEPTED, PulseAnswer.NEVER_ANSWERS)
    served.unplug()
