"""What every family of lock boards must do, from a cabinet file to the simulated wire and back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config.cabinet import Cabinet, parse
from firmware_bridge.assemble import DEVICES, Hardware, assemble
from firmware_bridge.errors import BadFrame, BoardError, BoardSilent, WrongUse
from firmware_bridge.ports import Pulse, PulseAnswer
from simulators.serve import Served

CHANNELS = 8
PULSE_MS = 200
DIALECTS = {
    "lock_8a80": {},
    "lock_8a80, opening feedback": {"closed_value": 0},
    "lock_8a80, first byte first": {"byte_order": "first"},
    "lock_wkly": {},
    "lock_wkly, opening feedback": {"closed_value": 0},
    "lock_wkly, without an answer to openings": {"answers_openings": False},
    "lock_kerong_cu16": {},
    "lock_kerong_cu16, with an answer to openings": {"answers_openings": True},
    "lock_kerong_cu48": {},
    "lock_kerong_cu48, wired the other way round": {"closed_value": 0},
    "lock_kerong_cu24": {},
    "lock_kerong_cu24, twelve locks": {"profile": "cu12"},
    "lock_dingchang": {"pulse_ms": 150},
    "lock_winnsen": {},
    "lock_modbus": {},
    "lock_modbus, open inputs": {"closed_input": False},
    "lock_modbus, inputs in registers": {"inputs_function": 4},
    "lock_modbus, momentary outputs": {"profile": "eletechsup", "pulse_ms": 1000},
}
"""Every family with what a cabinet file can say of its boards: the kind, then in words what is special."""


LETS_COLLISIONS_THROUGH = ("lock_dingchang", "lock_kerong", "lock_winnsen")
"""A sum, or no check at all, can fit what two boards make of each other's bytes; their pages say so."""
TELLS_COLLISIONS = [each for each in DIALECTS if not each.startswith(LETS_COLLISIONS_THROUGH)]


def yes() -> bool:
    return True


def file_with(dialect: str, **more: object) -> Cabinet:
    """Two boards of one family on one bus, and a door on each of their channels."""
    kind = dialect.partition(",")[0]
    family = DEVICES[kind].family
    common = {"kind": kind, "bus": "bus", "channels": CHANNELS, "pulse_ms": PULSE_MS}
    common |= DIALECTS[dialect] | more
    boards = [common | {"name": name, "address": family.addresses[0] + n} for n, name in enumerate("ab")]
    doors = [
        {"label": f"{name.upper()}{channel}", "size": "M", "board": name, "channel": channel}
        for name in "ab"
        for channel in range(1, CHANNELS + 1)
    ]
    about = {"id": "bench-1", "number": "B1", "name_zh": "台", "name_en": "Bench", "phone": "400-000-0000"}
    bus = {"name": "bus", "kind": family.bus, "port": "/dev/null", "baud": 57600}
    zone = {"name": "ambient", "class": "ambient"}
    return parse({"cabinet": about, "bus": [bus], "board": boards, "zone": [zone], "compartment": doors})


class Bench:
    """Both sides of one bus with two boards of a family, "a" and "b"."""

    def __init__(self, served: Served, hardware: Hardware) -> None:
        self.served, self.hardware = served, hardware
        self.board, self.other = hardware.boards["a"], hardware.boards["b"]

    @property
    def requests(self) -> list[bytes]:
        """What crossed the wire towards the boards."""
        return [frame for _, frame in self.served.buses["bus"].requests]

    def standing_open(self) -> list[str]:
        return self.served.cabinet.standing_open()

    async def breaks(self, cause: str, amount: float | None = None, other: str = "", at: str = "a") -> None:
        await self.served.fault(cause, at, amount, other)

    async def works_again(self, cause: str, at: str = "a") -> None:
        await self.served.repair(cause, at)

    async def after(self, pulse: Pulse) -> None:
        """Wait until the coil is certainly off."""
        assert pulse.ends_at is not None
        await asyncio.sleep(max(0.0, pulse.ends_at - asyncio.get_running_loop().time()))

    async def sent(self, channel: int) -> tuple[bytes, Pulse]:
        """The request that an opening makes, and what became of it."""
        before = len(self.requests)
        pulse = await self.board.open(channel, yes)
        (request,) = self.requests[before:]
        return request, pulse


@pytest.fixture(params=DIALECTS)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    file = file_with(request.param)
    served = Served(file, tmp_path)
    hardware = assemble(file, await served.plug_in())
    async with hardware:
        assert hardware.flagged == []
        yield Bench(served, hardware)
    served.unplug()


def unanswered(bench: Bench) -> PulseAnswer:
    """What an opening is told as of which no answer came back."""
    answers = getattr(bench.board, "answers_openings", True)
    return PulseAnswer.NO_ANSWER if answers else PulseAnswer.NEVER_ANSWERS


def test_every_family_is_here():
    on_no_wire = {"lock_gpio"}  # see test_lock_gpio.py
    assert {dialect.partition(",")[0] for dialect in DIALECTS} == DEVICES.keys() - on_no_wire


async def test_one_pulse_springs_one_door_open_and_the_switch_tells(bench):
    pulse = await bench.board.open(3, yes)
    await bench.after(pulse)
    assert pulse.answer in (PulseAnswer.ACCEPTED, PulseAnswer.NEVER_ANSWERS)
    assert bench.standing_open() == ["A3"]
    assert (await bench.board.doors()).doors == {ch: ch == 3 for ch in range(1, CHANNELS + 1)}
    assert (await bench.other.doors()).doors == dict.fromkeys(range(1, CHANNELS + 1), False)
    assert bench.served.cabinet.longest_energised() == pytest.approx(bench.board.pulse_seconds, abs=0.02)


async def test_each_channel_has_a_lock_and_a_switch_of_its_own(bench):
    for channel in range(1, CHANNELS + 1):
        await bench.after(await bench.other.open(channel, yes))
        assert bench.standing_open() == [f"B{channel}"]
        assert [ch for ch, is_open in (await bench.other.doors()).doors.items() if is_open] == [channel]
        bench.served.cabinet.close(f"B{channel}")


async def test_a_permit_that_says_no_sends_not_one_byte(bench):
    before = bench.served.buses["bus"].wire.bytes_in
    pulse = await bench.board.open(1, lambda: False)
    assert (pulse.answer, pulse.sent_at) == (PulseAnswer.WITHHELD, None)
    assert bench.served.buses["bus"].wire.bytes_in == before


async def test_an_opening_whose_answer_is_lost_is_sent_once_and_told_as_such(bench):
    await bench.breaks("answer_lost")
    _, pulse = await bench.sent(2)
    assert (pulse.answer, pulse.answered_at) == (unanswered(bench), None)
    assert pulse.sent_at is not None
    await bench.after(pulse)
    await bench.works_again("answer_lost")
    assert bench.standing_open() == ["A2"]
    assert len(bench.served.cabinet.compartment("A2").energised) == 1


async def test_a_silent_board_is_told_and_costs_one_question(bench):
    await bench.breaks("board_silent")
    _, pulse = await bench.sent(1)
    assert pulse.answer is unanswered(bench)
    with pytest.raises(BoardSilent) as told:
        await bench.board.doors()
    assert told.value.retry_after > 0
    assert (await bench.other.doors()).doors[1] is False


async def test_an_answer_with_a_wrong_check_is_none(bench):
    await bench.breaks("wrong_check")
    _, pulse = await bench.sent(1)
    assert pulse.answer is unanswered(bench)
    with pytest.raises(BadFrame) as told:
        await bench.board.doors()
    assert told.value.frame


async def test_the_answer_of_another_board_is_none(bench):
    await bench.breaks("answers_as_another", float(bench.other.address))
    _, pulse = await bench.sent(1)
    assert pulse.answer is unanswered(bench)
    with pytest.raises(BadFrame):
        await bench.board.doors()


async def test_a_late_answer_is_taken_for_none_and_for_no_later_question(bench):
    await bench.breaks("late_reply", bench.board.reply_seconds + 0.06)
    with pytest.raises(BoardSilent) as told:
        await bench.board.doors()
    await bench.works_again("late_reply")
    bench.served.cabinet.pulse("A1", 0.15)
    await asyncio.sleep(told.value.retry_after)
    assert (await bench.board.doors()).doors[1] is True
    assert (await bench.other.doors()).doors[1] is False


@pytest.mark.parametrize(("cause", "where"), [("merged", "bus"), ("garbage_before", "a")])
async def test_answers_in_one_piece_or_behind_garbage_are_understood(bench, cause, where):
    await bench.breaks(cause, at=where)
    pulse = await bench.board.open(1, yes)
    assert pulse.answer in (PulseAnswer.ACCEPTED, PulseAnswer.NEVER_ANSWERS)
    await bench.after(pulse)
    assert (await bench.board.doors()).doors == {ch: ch == 1 for ch in range(1, CHANNELS + 1)}


async def test_an_adapter_that_echoes_is_no_board_that_answers(bench):
    await bench.breaks("echo", at="bus")
    assert (await bench.board.doors()).doors[1] is False
    pulse = await bench.board.open(1, yes)
    assert pulse.answer in (PulseAnswer.ACCEPTED, PulseAnswer.NEVER_ANSWERS)
    await bench.breaks("answer_lost")
    assert (await bench.board.open(2, yes)).answer is unanswered(bench)
    with pytest.raises(BoardError):
        await bench.board.doors()


@pytest.mark.parametrize("bench", TELLS_COLLISIONS, indirect=True)
async def test_two_boards_with_one_address_that_differ_give_no_reading(bench):
    await bench.breaks("two_with_one_address", other="b")
    bench.served.cabinet.pulse("A1", 0.15)
    bench.served.cabinet.pulse("B2", 0.15)
    await asyncio.sleep(0.1)
    with pytest.raises(BadFrame):
        await bench.board.doors()


async def test_noise_on_the_wire_opens_nothing_and_is_over_when_it_is_over(bench):
    await bench.breaks("noise", 300.0, at="bus")
    for _ in range(3):
        try:
            assert not any((await bench.board.doors()).doors.values())
        except BoardError as error:
            await asyncio.sleep(getattr(error, "retry_after", 0.0))
    await bench.works_again("noise", at="bus")
    await asyncio.sleep(3.0 if not bench.hardware.wires["bus"].is_open else 0.0)
    assert bench.standing_open() == []
    pulse = await bench.board.open(4, yes)
    await bench.after(pulse)
    assert bench.standing_open() == ["A4"]


async def test_a_channel_that_the_board_does_not_have_is_a_mistake_of_the_caller(bench):
    before = len(bench.requests)
    for channel in (0, CHANNELS + 1, -1):
        with pytest.raises(WrongUse, match=f"no channel {channel}"):
            await bench.board.open(channel, yes)
    assert len(bench.requests) == before
