"""Locks on pins, with the guard's process between them and the controller."""

import asyncio
import random
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from gpiozero.pins.mock import MockFactory

from config.cabinet import Board, Bus, parse
from config.problems import BadFile
from firmware_bridge import gpio
from firmware_bridge.assemble import assemble
from firmware_bridge.errors import PortError, PortGone, PortUnavailable, WrongUse
from firmware_bridge.guard import QUIET_SECONDS, Guard, messages
from firmware_bridge.guard.lock import GuardedLock
from firmware_bridge.guard.messages import STALE_SECONDS, Answer, Request, boottime
from firmware_bridge.guard.watch import MayNot, Watch
from firmware_bridge.ports import PulseAnswer
from tests.wire.opens_doors import Programs, dies

BUS = Bus(name="pins", kind="gpio", port="gpiozero:mock")
BOARD = Board(
    name="pins-1",
    kind="lock_gpio",
    bus="pins",
    address=1,
    channels=2,
    lock_pins=(17, 27),
    switch_pins=(5, 6),
    closed_input=False,
    pulse_ms=200,
    cut_off="monostable on the driver board, 0.8 s",
)
ON_PAPER = str(Path(__file__).with_name("guard_on_paper.py"))
LONG_PULSE_MS = 900


def yes() -> bool:
    return True


def guard_on(paper: Path, *more: str) -> Guard:
    return Guard(BUS, [BOARD], [sys.executable, ON_PAPER, str(paper), *more])


@pytest.fixture
async def guard(tmp_path: Path) -> AsyncIterator[Guard]:
    made = guard_on(tmp_path / "paper")
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def lock(guard: Guard) -> GuardedLock:
    return GuardedLock("pins-1", guard, 2, 200, closed_input=False)


def energised(paper: Path) -> dict[str, list[float]]:
    """How long each pin was on, each time; ``inf`` for one that still is."""
    times: dict[str, list[float]] = defaultdict(list)
    since: dict[str, float] = {}
    for line in paper.read_text().splitlines() if paper.exists() else []:
        at, pin, value = line.split()
        if value == "1":
            since.setdefault(pin, float(at))
        elif pin in since:
            times[pin].append(float(at) - since.pop(pin))
    return times | {pin: [*times[pin], float("inf")] for pin in since}


async def after(seconds: float = 0.25) -> None:
    await asyncio.sleep(seconds)


async def test_a_pulse_is_as_long_as_asked_and_on_its_own_pin(lock, tmp_path):
    pulse = await lock.open(2, yes)
    assert pulse.answer is PulseAnswer.ACCEPTED
    assert pulse.sent_at <= pulse.answered_at < pulse.ends_at
    await after()
    (seconds,) = energised(tmp_path / "paper")["GPIO27"]
    assert seconds == pytest.approx(0.2, abs=0.03)
    assert energised(tmp_path / "paper").keys() == {"GPIO27"}


async def test_a_permit_that_says_no_moves_nothing(lock, tmp_path):
    assert (await lock.open(1, lambda: False)).answer is PulseAnswer.WITHHELD
    await after(0.05)
    assert energised(tmp_path / "paper") == {}


async def test_a_channel_that_is_not_there_is_a_mistake_of_the_caller(lock):
    for channel in (0, 3):
        with pytest.raises(WrongUse, match=f"no channel {channel}"):
            await lock.open(channel, yes)


async def test_a_coil_that_is_on_is_not_begun_again(lock, tmp_path):
    await lock.open(1, yes)
    assert (await lock.open(1, yes)).answer is PulseAnswer.REFUSED
    await after()
    assert len(energised(tmp_path / "paper")["GPIO17"]) == 1


async def test_release_turns_off_what_is_on_and_the_next_pulse_has_its_full_time(lock, tmp_path):
    await lock.open(1, yes)
    await asyncio.sleep(0.05)
    await lock.release()
    await lock.open(1, yes)
    await after()
    short, full = energised(tmp_path / "paper")["GPIO17"]
    assert short < 0.15
    assert full == pytest.approx(0.2, abs=0.03)


async def test_a_closed_switch_pulls_its_pin_down(lock):
    # Mock pins that nobody drives read as their pull says.
    assert (await lock.doors()).doors == {1: True, 2: True}


async def test_a_request_that_was_long_on_its_way_is_withheld(lock, tmp_path, monkeypatch):
    monkeypatch.setattr("firmware_bridge.guard.boottime", lambda: boottime() - STALE_SECONDS - 0.05)
    assert (await lock.open(1, yes)).answer is PulseAnswer.WITHHELD
    await after(0.05)
    assert energised(tmp_path / "paper") == {}


async def test_a_guard_that_was_stopped_in_between_begins_no_old_pulse(lock, guard, tmp_path):
    guard._process.send_signal(signal.SIGSTOP)
    opening = asyncio.create_task(lock.open(1, yes))
    await asyncio.sleep(STALE_SECONDS + 0.1)
    guard._process.send_signal(signal.SIGCONT)
    assert (await opening).answer is PulseAnswer.WITHHELD
    assert energised(tmp_path / "paper") == {}


async def test_a_guard_that_hangs_is_replaced_without_an_answer(lock, guard, tmp_path, wait_until):
    hung = guard._process
    hung.send_signal(signal.SIGSTOP)
    pulse = await lock.open(1, yes)
    assert (pulse.answer, guard.is_open) == (PulseAnswer.NO_ANSWER, False)
    assert "does not answer" in str(guard.fault)
    with pytest.raises(PortGone):
        await lock.doors()
    await wait_until(lambda: guard.is_open)
    assert hung.returncode == -signal.SIGKILL
    assert (await lock.open(1, yes)).answer is PulseAnswer.ACCEPTED
    await after()
    assert len(energised(tmp_path / "paper")["GPIO17"]) == 1


async def test_a_guard_that_dies_is_told_and_comes_back(lock, guard, wait_until):
    guard._process.kill()
    await wait_until(lambda: not guard.is_open)
    assert "guard is gone" in str(guard.fault)
    await wait_until(lambda: guard.is_open)
    assert (await lock.doors()).doors.keys() == {1, 2}


async def test_a_controller_that_is_silent_while_a_coil_is_on_loses_it(guard, tmp_path):
    lock = GuardedLock("pins-1", guard, 2, 1000, closed_input=False)
    await lock.open(1, yes)
    guard._tasks[0].cancel()
    await after(1.1)
    (seconds,) = energised(tmp_path / "paper")["GPIO17"]
    assert seconds < QUIET_SECONDS + 0.15


async def test_an_output_that_does_not_go_off_is_told_so_until_it_does(tmp_path):
    guard = guard_on(tmp_path / "paper", "stuck")
    await guard.open()
    await GuardedLock("pins-1", guard, 2, 100).open(1, yes)
    await after(0.8)
    (seconds,) = energised(tmp_path / "paper")["GPIO17"]
    await guard.close()
    assert 0.2 < seconds < 0.7


@pytest.mark.parametrize(
    "moments",
    [8, pytest.param(1000, marks=[pytest.mark.hard, pytest.mark.row("H1"), pytest.mark.timeout(1200)])],
)
async def test_h1_a_controller_that_dies_or_stops_leaves_no_pin_on(tmp_path, moments, reached):
    luck, programs = random.Random(moments), Programs()
    papers = [tmp_path / str(n) for n in range(min(moments, 10))]

    async def die(paper: Path, luck: random.Random) -> None:
        for _ in range(moments // len(papers)):
            about = {"paper": str(paper), "guard": ON_PAPER, "pulse_ms": LONG_PULSE_MS}
            await dies(luck, await programs.begin("pins", **about), within=1.0)

    with programs.listening():
        await asyncio.gather(*(die(paper, random.Random(luck.random())) for paper in papers))
    await after(1.5)
    programs.end()
    seconds = [each for paper in papers for times in energised(paper).values() for each in times]
    figure = f"{max(seconds) * 1000:.0f} ms of {len(seconds)} pulses in {moments} deaths of the controller"
    reached("H1", goal="pin on ≤ 1 s", figure=figure)
    assert max(seconds) <= 1.0
    assert len(seconds) >= moments * 0.8


async def test_h1_pins_without_a_guard_stay_on_when_their_program_dies(tmp_path):
    """The negative control of the proof above."""
    paper = tmp_path / "paper"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDS_A_PIN, str(paper), str(Path(ON_PAPER).parent),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert await process.stdout.readline() == b"begins\n"
    process.kill()
    await process.wait()
    assert energised(paper) == {"GPIO17": [float("inf")]}


HOLDS_A_PIN = """
import sys, time
sys.path.append(sys.argv[2])
import guard_on_paper
from gpiozero import DigitalOutputDevice
pin = DigitalOutputDevice(17, pin_factory=guard_on_paper.MockFactory(pin_class=guard_on_paper.PaperPin))
pin.on()
print("begins", flush=True)
time.sleep(60)
"""


# --- the watch by itself


def watch() -> Watch:
    return Watch({"b": 2}, quiet_seconds=0.5, heard_at=0.0)


def test_the_end_of_a_pulse_is_known_before_it_begins():
    made = watch()
    made.takes(("b", 1), 300, 0.0)
    assert made.begins(("b", 1), 300, 0.1) == pytest.approx(0.4)
    assert made.due(0.39) == []
    assert made.due(0.4) == [("b", 1)]
    assert made.due(0.5) == [("b", 1)], "until it is seen to be off"
    made.is_off(("b", 1))
    assert made.due(0.5) == made.on() == []


def test_everything_is_due_when_the_controller_is_quiet():
    made = watch()
    made.takes(("b", 1), 1000, 0.0)
    made.begins(("b", 1), 1000, 0.0)
    assert made.due(0.5) == []
    assert made.due(0.51) == [("b", 1)]


@pytest.mark.parametrize(
    ("output", "milliseconds", "now", "reason"),
    [
        (("c", 1), 300, 0.0, "no board c"),
        (("b", 3), 300, 0.0, "no channel 3"),
        (("b", 0), 300, 0.0, "no channel 0"),
        (("b", 1), 1001, 0.0, "1 to 1000 ms, not 1001"),
        (("b", 1), 0, 0.0, "not 0"),
        (("b", 1), 300, 0.6, "said nothing for too long"),
        (("b", 2), 300, 0.2, "still on"),
    ],
)
def test_pulses_that_must_not_begin(output, milliseconds, now, reason):
    made = watch()
    made.takes(("b", 2), 300, 0.0)
    with pytest.raises(MayNot, match=reason):
        made.takes(output, milliseconds, now)


# --- pins


async def test_levels_are_those_of_the_pins_whatever_pulls_them():
    for pull in ("up", "down", "none"):
        factory = MockFactory()
        outputs = gpio.zero_outputs("mock", factory, BOARD.model_copy(update={"pull": pull}))
        factory.pin(5).drive_low()
        factory.pin(6).drive_high()
        assert await outputs.levels() == {1: False, 2: True}
        factory.close()


async def test_an_output_that_is_active_low_is_off_when_high():
    factory = MockFactory()
    outputs = gpio.zero_outputs("mock", factory, BOARD.model_copy(update={"active_high": False}))
    assert factory.pin(17).state == 1
    assert await outputs.on(1, yes)
    assert factory.pin(17).state == 0
    assert await outputs.off(1)
    assert factory.pin(17).state == 1
    factory.close()


@pytest.mark.parametrize(
    ("port", "reason"),
    [
        ("gpiozero:abacus", "gpiozero knows lgpio"),
        ("gpiod:/dev/gpiochip99", "gpiochip99|No module named 'gpiod'"),
    ],
)
def test_pins_that_cannot_be_had_say_why(port, reason):
    with pytest.raises(PortUnavailable, match=reason):
        gpio.open_pins(BUS.model_copy(update={"port": port}), [BOARD])


async def test_a_guard_that_cannot_have_its_pins_says_why_and_tries_again():
    guard = Guard(BUS.model_copy(update={"port": "gpiozero:abacus"}), [BOARD])
    with pytest.raises(PortUnavailable, match="gpiozero knows lgpio"):
        await guard.open()
    assert not guard.is_open
    with pytest.raises(PortError):
        await guard.doors("pins-1")
    await guard.close()


# --- the cabinet file


def file_with(**board: object):
    about = {"id": "bench-1", "number": "B1", "name_zh": "台", "name_en": "Bench", "phone": "400-000-0000"}
    raw = BOARD.model_dump(exclude_unset=True) | board
    return {
        "cabinet": about,
        "bus": [BUS.model_dump(exclude_unset=True)],
        "board": [{key: value for key, value in raw.items() if value is not None}],
        "zone": [{"name": "ambient", "class": "ambient"}],
        "compartment": [{"label": "A1", "size": "M", "board": "pins-1", "channel": 1}],
    }


@pytest.mark.parametrize(
    ("board", "key", "reason"),
    [
        ({"cut_off": ""}, "board[0].cut_off", "cannot time a pulse"),
        ({"lock_pins": [17]}, "board[0].lock_pins", "2 channels need as many pins, not 1"),
        ({"switch_pins": [5, 17]}, "board[0].switch_pins", "pin 17 of bus pins is used twice"),
        ({"lock_pins": [17, 17]}, "board[0].lock_pins", "pin 17 of bus pins is used twice"),
        ({"byte_order": "first"}, "board[0].byte_order", "pins of this computer have no such setting"),
        ({"pulse_ms": 1001}, "board[0].pulse_ms", "less than or equal to 1000"),
    ],
)
def test_a_file_whose_pins_cannot_be_driven_safely_is_refused(board, key, reason):
    with pytest.raises(BadFile) as told:
        parse(file_with(**board))
    assert any(p.key == key and reason in p.reason for p in told.value.problems), told.value


def test_a_port_that_is_no_way_to_pins_is_refused():
    raw = file_with()
    raw["bus"][0]["port"] = "/dev/ttyUSB0"
    with pytest.raises(BadFile, match="names no way to the pins"):
        parse(raw)


async def test_a_cabinet_on_pins_is_assembled_with_its_guard():
    hardware = assemble(parse(file_with()))
    assert isinstance(hardware.boards["pins-1"], GuardedLock)
    assert isinstance(hardware.wires["pins"], Guard)
    with pytest.raises(WrongUse, match="no bus or reader named pins"):
        assemble(parse(file_with()), {"pins": "/dev/null"})


def test_messages_say_what_was_put_into_them():
    own = messages.Own(BUS, (BOARD,))
    assert messages.Own.from_bytes(own.to_bytes()) == own
    asked = messages.read_request(Request("pulse", "b", 1, 300).to_bytes(7, 1.5))
    assert asked == messages.Asked(7, 1.5, Request("pulse", "b", 1, 300))
    assert messages.read_request(messages.ALIVE) is None
    answer = Answer("done", "", {1: True, 2: False})
    assert messages.read_answer(answer.to_bytes(7)) == (7, answer)


class _Lines:
    """A mock of the lines that gpiod gives: there is no GPIO chip on the computer that runs the tests."""

    def __init__(self, config) -> None:
        self.config = config
        self.values = {pin: settings.get("output_value", "INACTIVE") for pin, settings in config.items()}

    def set_value(self, pin, value):
        self.values[pin] = value

    def get_values(self, pins):
        return [self.values[pin] for pin in pins]


async def test_lines_of_a_chip_are_asked_for_as_gpiod_documents_it(monkeypatch):
    asked = []

    def request_lines(chip, *, consumer, config):
        asked.append((chip, consumer, _Lines(config)))
        return asked[-1][2]

    words = ("PULL_UP", "PULL_DOWN", "DISABLED", "OUTPUT", "INPUT", "ACTIVE", "INACTIVE")
    values = SimpleNamespace(**{word: word for word in words})
    line = SimpleNamespace(Bias=values, Direction=values, Value=values)
    monkeypatch.setitem(sys.modules, "gpiod", SimpleNamespace(LineSettings=dict, request_lines=request_lines))
    monkeypatch.setitem(sys.modules, "gpiod.line", line)
    made = gpio.open_pins(BUS.model_copy(update={"port": "gpiod:/dev/gpiochip0"}), [BOARD])["pins-1"]
    ((chip, consumer, lines),) = asked
    assert (chip, consumer) == ("/dev/gpiochip0", "tuangui pins-1")
    assert lines.config[17] == {"direction": "OUTPUT", "active_low": False, "output_value": "INACTIVE"}
    assert lines.config[5] == {"direction": "INPUT", "bias": "PULL_UP"}
    assert not await made.on(1, lambda: False)
    assert await made.on(2, yes)
    assert (lines.values[17], lines.values[27]) == ("INACTIVE", "ACTIVE")
    assert await made.off(2)
    lines.values[6] = "ACTIVE"
    assert await made.levels() == {1: False, 2: True}
