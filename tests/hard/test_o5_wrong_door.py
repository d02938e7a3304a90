"""Whatever comes back from the wire, only the lock that was asked for gets a pulse, and never a second one.

A million exchanges go over a wire in memory, whose clock is only counted; some hundreds over real ports.
Late, lost, foreign, echoed and merged answers, garbage and wrong checks come and go as they like. What a
driver says of its doors is compared with what is true.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from firmware_bridge.assemble import Hardware, assemble
from firmware_bridge.errors import BoardError, PortError
from firmware_bridge.ports import LockBoard, PulseAnswer
from simulators.faults import Cause
from simulators.scenario.pipe import Cable
from simulators.scenario.virtual import VirtualLoop
from simulators.serve import Served
from tests.wire.one_of_each import SORTS, Sort

CHANNELS = 4
OF_A_BOARD = (
    Cause.LATE_REPLY, Cause.ANSWER_LOST, Cause.ANSWERS_AS_ANOTHER, Cause.WRONG_CHECK, Cause.GARBAGE_BEFORE,
    Cause.BOARD_SILENT, Cause.UPLOAD_BETWEEN,
)  # fmt: skip
LATEST = 1.9
"""Of the time that a board is given: no later than the line waits for what is late, before it goes on."""
NO_CHECK = {"Winnsen"}
SLOW = {"Winnsen"}
"""Its boards may take two seconds to answer."""
ON_REAL_PORTS = {"Waveshare, RTU over TCP", "Waveshare, Modbus TCP"}
NEARLY_ALL_PULSES = 0.2


@dataclass(slots=True)
class Told:
    """What became of the exchanges."""

    exchanges: int = 0
    pulses: int = 0
    readings: int = 0
    wrong_readings: int = 0
    of_nobody: int = 0
    """Of these, how many are what neither of the two boards has said."""
    answers: Counter = field(default_factory=Counter)


class Bench:
    """Two boards of one family, and what is wrong with them at the moment."""

    def __init__(self, served: Served, hardware: Hardware, luck: random.Random) -> None:
        self.served, self.hardware, self.luck = served, hardware, luck
        self.told = Told()

    async def goes_wrong(self) -> None:
        """Something else than before, or nothing."""
        for fault in self.served.faults.active():
            if fault.cause is not Cause.ECHO:
                await self.served.repair(fault.cause.value, fault.where)
        for _ in range(self.luck.randrange(3)):
            name = self.luck.choice("ab")
            board = self.hardware.boards[name]
            cause = self.luck.choice((*OF_A_BOARD, Cause.MERGED))
            if cause is Cause.MERGED:
                await self.served.fault(cause.value, "bus")
                continue
            amounts = {
                Cause.LATE_REPLY: self.luck.uniform(0.0, LATEST) * board.reply_seconds,
                Cause.ANSWERS_AS_ANOTHER: self.luck.choice([1.0, 2.0, 3.0]),
            }
            if cause is Cause.ANSWERS_AS_ANOTHER and amounts[cause] == (1.0 if name == "b" else 2.0):
                continue  # the address of its neighbour: see the test of that
            await self.served.fault(cause.value, name, amounts.get(cause))

    async def opens(self) -> None:
        """One opening: one pulse where it was asked for, or none, and nothing anywhere else."""
        name, channel = self.luck.choice("ab"), self.luck.randint(1, CHANNELS)
        board, label = self.hardware.boards[name], f"{name.upper()}{channel}"
        before = self._energised()
        pulse = await board.open(channel, lambda: True)
        self.told.exchanges += 1
        self.told.answers[pulse.answer] += 1
        await asyncio.sleep(board.pulse_seconds + 0.2)
        new = {
            each: count - before[each] for each, count in self._energised().items() if count > before[each]
        }
        assert new in ({}, {label: 1}), (label, new, pulse)
        if pulse.answer is PulseAnswer.ACCEPTED:
            assert new, (label, pulse, self.served.faults.active())
        self.told.pulses += len(new)

    async def looks(self, name: str = "") -> None:
        """One reading, which is right or none."""
        name = name or self.luck.choice("ab")
        standing_open = self.served.cabinet.standing_open()
        self.told.exchanges += 1
        try:
            readings = await self.hardware.boards[name].doors()
        except BoardError as error:
            self.told.answers[type(error).__name__] += 1
            if self.luck.random() < 0.5:
                self.hardware.lines["bus"]._silent.clear()  # it is asked again at once
        except PortError:
            await asyncio.sleep(0.6)
        else:
            self.told.readings += 1
            doors = {channel for channel, is_open in readings.doors.items() if is_open}
            true = {each: _doors(standing_open, each) for each in "ab"}
            self.told.wrong_readings += doors != true[name]
            self.told.of_nobody += doors not in true.values()

    def closes(self) -> None:
        for label in self.served.cabinet.standing_open():
            if self.luck.random() < 0.5:
                self.served.cabinet.close(label)

    def _energised(self) -> dict[str, int]:
        cabinet = self.served.cabinet
        return {label: len(cabinet.compartment(label).energised) for label in cabinet.labels()}


def _doors(labels: list[str], board: str) -> set[int]:
    return {int(label[1:]) for label in labels if label[0] == board.upper()}


async def exchanges(bench: Bench, number: int) -> Told:
    while bench.told.exchanges < number:
        await bench.goes_wrong()
        for _ in range(10):
            await (bench.opens() if bench.luck.random() < 0.3 else bench.looks())
        bench.closes()
    return bench.told


async def in_memory(sort: Sort, folder: Path, seed: str, work: Callable, echo: bool) -> Told:
    """The work on a wire in memory, with an adapter that echoes or with one that does not."""
    file, loop = sort.two(CHANNELS), asyncio.get_running_loop()
    cable = Cable("bus")
    served = Served(file, folder, clock=loop.time, end=lambda _: cable, whole_answers=False)
    ports = await served.plug_in()
    if echo:
        await served.fault("echo", "bus")

    async def plug(_: str) -> object:
        return cable.plug()

    async with assemble(file, ports, plug=plug) as hardware:
        told = await work(Bench(served, hardware, random.Random(seed)))
    served.unplug()
    return told


async def on_a_port(sort: Sort, folder: Path, seed: str, work: Callable) -> Told:
    """The work on a pty, or a TCP connection on loopback."""
    file = sort.two(CHANNELS)
    served = Served(file, folder, tcp=sort.on_tcp)
    async with assemble(file, await served.plug_in()) as hardware:
        told = await work(Bench(served, hardware, random.Random(seed)))
    served.unplug()
    return told


def in_virtual_time(sort: Sort, folder: Path, seed: str, work: Callable, echo: bool = False) -> Told:
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(seed)) as runner:
        return runner.run(in_memory(sort, folder, seed, work, echo))


def says(reached: Callable, told: Told, seed: str) -> None:
    reached("O5", goal="0 pulses but the one asked for", figure=f"0 in {told.exchanges:,}", seed=seed)
    figure = f"{told.wrong_readings:,} of {told.readings:,}"
    reached("O5", goal="no reading believed that is wrong", figure=figure, seed=seed)


@pytest.mark.row("O5")
@pytest.mark.parametrize(
    "number", [200, pytest.param(50_000, marks=[pytest.mark.hard, pytest.mark.timeout(1200)])]
)
@pytest.mark.parametrize("echo", [False, True], ids=["plain adapter", "adapter that echoes"])
@pytest.mark.parametrize("name", [name for name in SORTS if name not in ON_REAL_PORTS])
def test_o5_only_the_lock_that_was_asked_for_gets_a_pulse(tmp_path, name, echo, number, reached):
    told = in_virtual_time(SORTS[name], tmp_path, name, lambda bench: exchanges(bench, number), echo)
    says(reached, told, name)
    assert told.pulses > NEARLY_ALL_PULSES * number / 2
    assert told.readings > number / 5
    assert told.wrong_readings == 0


@pytest.mark.row("O5")
@pytest.mark.parametrize(
    "number", [25, pytest.param(500, marks=[pytest.mark.hard, pytest.mark.timeout(1200)])]
)
async def test_o5_nor_does_any_other_on_real_ports(tmp_path, number, reached):
    """The same on a port of its own for every family, all at once."""
    folders = {name: tmp_path / str(n) for n, name in enumerate(SORTS) if name not in SLOW or number > 100}
    for folder in folders.values():
        folder.mkdir()
    work = [on_a_port(SORTS[name], at, name, lambda b: exchanges(b, number)) for name, at in folders.items()]
    told = await asyncio.gather(*work)
    all_of_them = Told(
        sum(each.exchanges for each in told), sum(each.pulses for each in told),
        sum(each.readings for each in told), sum(each.wrong_readings for each in told),
    )  # fmt: skip
    says(reached, all_of_them, "real ports")
    assert all_of_them.pulses > all_of_them.exchanges / 10
    assert all_of_them.readings > all_of_them.exchanges / 5
    assert all_of_them.wrong_readings == 0


# --- two boards with one address


async def clash(bench: Bench, number: int) -> Told:
    """Board b answers wherever board a is asked, and their doors differ."""
    await bench.served.fault("two_with_one_address", "a", None, "b")
    cabinet = bench.served.cabinet
    while bench.told.exchanges < number:
        for label in cabinet.labels():
            (cabinet.force if bench.luck.random() < 0.5 else cabinet.close)(label)
        if _doors(cabinet.standing_open(), "a") != _doors(cabinet.standing_open(), "b"):
            await bench.looks("a")
            bench.hardware.lines["bus"]._silent.clear()
    return bench.told


HAS_A_CRC = {"Waveshare", "Eletechsup"}


@pytest.mark.row("O5")
@pytest.mark.parametrize(
    "number", [300, pytest.param(10_000, marks=[pytest.mark.hard, pytest.mark.timeout(300)])]
)
@pytest.mark.parametrize("name", [name for name in SORTS if name not in ON_REAL_PORTS])
def test_o5_a_clash_of_addresses_makes_up_no_reading_where_there_is_a_crc(tmp_path, name, number, reached):
    told = in_virtual_time(SORTS[name], tmp_path, name, lambda bench: clash(bench, number))
    other, nobody = told.wrong_readings - told.of_nobody, told.of_nobody
    figure = f"{other / number:.1%} are the other's, {nobody / number:.1%} nobody's"
    reached("O5", goal="where a CRC is: no reading that is nobody's", figure=figure, seed=name)
    assert nobody == 0 or name not in HAS_A_CRC
    assert told.readings < number or name in NO_CHECK


# --- O6


@pytest.mark.row("O6")
@pytest.mark.parametrize("name", SORTS)
def test_o6_an_opening_whose_answer_is_lost_is_one_pulse_and_the_switch_tells(tmp_path, name, reached):
    """Of eight openings the answer to the first is dropped, then to the second, and so on."""
    sort = SORTS[name]
    if name in ON_REAL_PORTS:
        told = asyncio.run(on_a_port(sort, tmp_path, name, lambda bench: drops(bench, (1, 2))))
    else:
        told = in_virtual_time(sort, tmp_path, name, lambda bench: drops(bench, range(1, 9)))
    reached("O6", goal="≤ 1 pulse per intent", figure=f"{told.pulses} of {told.exchanges}", seed=name)
    assert told.pulses == told.exchanges
    assert told.readings == told.exchanges
    assert told.wrong_readings == 0


async def drops(bench: Bench, lost: Sequence[int]) -> Told:
    """Lose the n-th answer of as many openings, for each n."""
    board, cabinet = bench.hardware.boards["a"], bench.served.cabinet
    for n in lost:
        for number in range(1, max(lost) + 1):
            label = f"A{(number - 1) % CHANNELS + 1}"
            before = len(cabinet.compartment(label).energised)
            if number == n:
                await bench.served.fault("answer_lost", "a")
            pulse = await board.open(int(label[1:]), lambda: True)
            await bench.served.repair("answer_lost", "a")
            heard = PulseAnswer.ACCEPTED if board_answers(board) and number != n else None
            assert heard is None or pulse.answer is heard
            assert number != n or pulse.answer in (PulseAnswer.NO_ANSWER, PulseAnswer.NEVER_ANSWERS)
            await asyncio.sleep(board.pulse_seconds + board.reply_seconds + 0.7)
            await bench.looks("a")
            bench.told.pulses += len(cabinet.compartment(label).energised) - before
            assert cabinet.standing_open() == [label]
            cabinet.close(label)
    return bench.told


def board_answers(board: LockBoard) -> bool:
    return bool(getattr(board, "answers_openings", True))
