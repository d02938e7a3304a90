"""Makes of relay cards: what each understands, and what the driver asks of those that time a pulse."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from config.cabinet.families import LONGEST_PULSE_MS
from config.cabinet.relays import RELAY_CARDS, UNTIMED_CARDS, RelayCard
from firmware_bridge.errors import BoardRefused, ImpossibleReading, WrongUse
from firmware_bridge.line import Wire
from firmware_bridge.lock_modbus import OFF_WITHIN_SECONDS, LockModbus
from firmware_bridge.modbus import ModbusBus, all_off, opening, with_crc
from firmware_bridge.modbus.frames import ManyOff, Off, TimedPulse
from firmware_bridge.modbus.reading import read_frame
from firmware_bridge.modbus.requests import output_off
from firmware_bridge.ports import PulseAnswer
from simulators import wire as far
from simulators.bus import Bus
from simulators.cabinet import Cabinet
from simulators.faults import Cause, Fault
from simulators.lock_modbus import CARDS, GREETING, ModbusCard

ELETECHSUP = RELAY_CARDS["eletechsup"]
BAUD = 57600


def yes() -> bool:
    return True


class Bench:
    """One simulated card with eight locks and switches on a pty, and the bus that reaches it."""

    def __init__(self, make: str, link: Path, address: int = 1) -> None:
        self.cabinet = Cabinet(asyncio.get_running_loop().time)
        self.address = address
        self.wire: Wire | None = None
        wired = {channel: str(channel) for channel in range(1, 9)}
        for label in wired.values():
            self.cabinet.build(label)
        self.card = CARDS[make]("card", address, self.cabinet, 8, 8, wired, wired)
        self.far_wire = far.Wire(far.PtyEnd(link), baud=BAUD)
        self.bus = Bus("bus", self.far_wire, [self.card], self.cabinet.faults)

    def says(self, request: str) -> str:
        """What the card answers to a frame without its CRC, without the CRC."""
        answer = self.card.hear(with_crc(bytes.fromhex(request)), self.address)
        if answer is None:
            return "nothing"
        assert with_crc(answer[:-2]) == answer
        return answer[:-2].hex()

    def coils(self) -> list[str]:
        return [label for label in self.cabinet.labels() if self.cabinet.compartment(label).coil_on]

    def breaks(self, cause: Cause) -> None:
        self.cabinet.faults.begin(Fault(cause, "card", since=self.cabinet.clock()))
        self.bus.faults_changed()

    def requests(self) -> list[str]:
        return [frame.hex()[:-4] for _, frame in self.bus.requests]

    async def driver(self, **more: object) -> LockModbus:
        await self.far_wire.restore()
        self.wire = Wire(self.far_wire.address, baud=BAUD)
        bus = ModbusBus(self.wire)
        await self.wire.open()
        return LockModbus("card", bus, self.address, 8, **more)

    async def unplug(self) -> None:
        if self.wire is not None:
            await self.wire.close()
        self.bus.close()


@pytest.fixture
async def bench(tmp_path):
    made = []

    def make(name: str, address: int = 1) -> Bench:
        made.append(Bench(name, tmp_path / name, address))
        return made[-1]

    yield make
    for each in made:
        await each.unplug()


# --- rows of the table


@pytest.mark.parametrize("relays", RELAY_CARDS.values(), ids=lambda relays: relays.profile)
def test_every_pulse_of_every_card_ends_by_the_clock_of_the_card(relays):
    assert relays.pulses
    for channel in (1, relays.most_channels):
        for pulse_ms in relays.pulses:
            told = read_frame(opening(relays, 1, channel, pulse_ms))
            assert isinstance(told, TimedPulse)
            assert told.seconds * 1000 == pytest.approx(pulse_ms)
            assert pulse_ms <= LONGEST_PULSE_MS
    assert isinstance(read_frame(all_off(relays, 1, relays.most_channels)), Off | ManyOff)
    for state in (0, relays.first_state, relays.first_state + relays.most_channels - 1):
        assert output_off(relays, 1, state)[4:6] == b"\0\0", "off on any make of card"
    assert relays.first_state is not None, "nothing would show that a pulse ended"


@pytest.mark.parametrize("relays", RELAY_CARDS.values(), ids=lambda relays: relays.profile)
@pytest.mark.parametrize(("channel", "pulse_ms"), [(0, 1000), (51, 1000), (1, 0), (1, 1100), (1, 2000)])
def test_no_other_pulse_can_be_made(relays, channel, pulse_ms):
    with pytest.raises(ValueError, match=r"is not between|make pulses of"):
        opening(relays, 1, channel, pulse_ms)


def test_a_further_make_is_one_row():
    made_up = RelayCard(
        "made-up", "made-up cards", most_channels=4, function=6, first=0x0100, pulses={250: 25, 500: 50},
        all_off=(0x00FF, 0),
    )  # fmt: skip
    assert opening(made_up, 7, 4, 500) == with_crc(bytes.fromhex("070601030032"))
    assert all_off(made_up, 7, 4) == with_crc(bytes.fromhex("070600ff0000"))
    assert LockModbus("card", None, 7, 4, pulse_ms=250, relays=made_up).pulse_seconds == 0.25
    with pytest.raises(WrongUse, match="made-up cards make pulses of 250, 500 ms, not 300"):
        LockModbus("card", None, 7, 4, relays=made_up)


def test_every_profile_is_simulated():
    assert CARDS.keys() == RELAY_CARDS.keys() | UNTIMED_CARDS.keys()


# --- Eletechsup


async def test_a_momentary_output_is_on_for_one_second_by_the_clock_of_the_card(bench, wait_until):
    there = bench("eletechsup")
    here = await there.driver(relays=ELETECHSUP, pulse_ms=1000)
    pulse = await here.open(3, yes)
    assert (pulse.answer, there.coils()) == (PulseAnswer.ACCEPTED, ["3"])
    assert pulse.ends_at == pytest.approx(pulse.answered_at + 1.0)
    await there.wire.close()  # whatever becomes of us
    await wait_until(lambda: there.coils() == [])
    assert there.cabinet.longest_energised() == pytest.approx(1.0)
    assert there.cabinet.standing_open() == ["3"]


async def test_all_outputs_are_seen_to_be_off_before_anything_else_is_written(bench):
    there = bench("eletechsup")
    there.says("010600030100")
    assert there.coils() == ["3"]
    here = await there.driver(relays=ELETECHSUP, pulse_ms=1000)
    await here.open(5, yes)
    assert there.requests()[0] == "010600000800"
    assert there.requests()[1:10] == [f"0103000{register}0001" for register in range(9)]
    assert there.requests()[10:] == ["010600050500"]
    assert there.coils() == ["5"]


async def test_a_card_that_keeps_an_output_on_is_told_and_not_pulsed(bench, monkeypatch):
    there = bench("eletechsup")
    monkeypatch.setattr(type(there.card), "_command", lambda self, *_: None)
    there.cabinet.hold("3")
    here = await there.driver(relays=ELETECHSUP, pulse_ms=1000)
    with pytest.raises(ImpossibleReading, match="output 3 is on after all were turned off"):
        await here.release()
    assert (await here.open(1, yes)).answer is PulseAnswer.NO_ANSWER
    assert "010600010500" not in there.requests()


@pytest.mark.parametrize("channels", [4, 8])
async def test_a_card_of_another_make_that_all_off_turns_on_is_off_again_and_never_pulsed(bench, channels):
    there = bench("fc06")
    there.card.takes_any = True
    here = await there.driver(relays=ELETECHSUP, pulse_ms=1000, inputs_function=4)
    here.channels = channels
    with pytest.raises(ImpossibleReading, match="output 0 is on as if it were a card of profile fc06"):
        await here.release()
    assert there.coils() == []
    asked = len(there.requests())
    for _ in range(2):
        assert (await here.open(1, yes)).sent_at is None
    assert len(there.requests()) == asked
    assert "output 0 is on" in (await here.doors()).stays_on
    assert there.cabinet.longest_energised() < 0.1


@pytest.mark.parametrize(("make", "pulse_ms"), [("waveshare", 200), ("eletechsup", 1000)])
async def test_an_output_that_stays_on_is_turned_off_and_the_card_is_not_pulsed_again(
    bench, monkeypatch, make, pulse_ms
):
    there = bench(make)
    here = await there.driver(relays=RELAY_CARDS[make], pulse_ms=pulse_ms)
    if make == "eletechsup":  # zero is no order to these; the plain registers of other makes take it
        monkeypatch.setattr(type(there.card), "_command", _plain)
    else:
        monkeypatch.setattr(type(there.card), "_time", lambda card, relay, _: card._set(relay, True))
    pulse = await here.open(3, yes)
    assert pulse.answer is PulseAnswer.ACCEPTED
    assert (await here.doors()).stays_on == ""
    await asyncio.sleep(pulse.ends_at + OFF_WITHIN_SECONDS - asyncio.get_running_loop().time())
    readings = await here.doors()
    state = RELAY_CARDS[make].first_state + 2
    assert (readings.stays_on, readings.seen_off) == (
        f"board card kept output {state} on after its pulse", False
    )  # fmt: skip
    assert there.coils() == []
    asked = len(there.requests())
    assert (await here.open(4, yes)).sent_at is None
    assert len(there.requests()) == asked
    readings = await here.doors()
    assert readings.doors[3] is True, "its switches are still read"
    assert (readings.stays_on != "", readings.seen_off) == (True, False)


def _plain(card: ModbusCard, output: int, order: int, seconds: int) -> None:
    if output:
        card._set(output - 1, bool(order or seconds))


async def test_an_opening_that_is_given_up_is_looked_at_all_the_same(bench, monkeypatch):
    there = bench("waveshare")
    here = await there.driver(pulse_ms=100)
    await here.release()
    there.breaks(Cause.ANSWER_LOST)
    monkeypatch.setattr(type(there.card), "_time", lambda card, relay, _: card._set(relay, True))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(here.open(3, yes), 0.05)
    assert there.coils() == ["3"]
    there.cabinet.faults.end(Cause.ANSWER_LOST, "card")
    await asyncio.sleep(0.1 + OFF_WITHIN_SECONDS)
    looks = await asyncio.gather(here.doors(), here.doors(), return_exceptions=True)
    assert not any(isinstance(each, KeyError) for each in looks)
    assert "output 2" in (await here.doors()).stays_on
    assert there.coils() == []


async def test_an_output_that_went_off_is_seen_and_one_pulsed_again_is_not_doubted(bench):
    there = bench("waveshare")
    here = await there.driver(pulse_ms=500)
    pulse = await here.open(3, yes)
    await asyncio.sleep(pulse.ends_at + OFF_WITHIN_SECONDS - asyncio.get_running_loop().time())
    await here.open(3, yes)
    readings = await here.doors()
    assert there.coils() == ["3"]
    assert (readings.stays_on, readings.seen_off) == ("", False)
    await asyncio.sleep(0.5 + OFF_WITHIN_SECONDS)
    assert (await here.doors()).seen_off
    assert there.requests()[-2:] == ["010100020001", "010200000008"]


async def test_a_card_that_is_silent_about_its_outputs_is_asked_less_and_less(bench, monkeypatch):
    there = bench("waveshare")
    here = await there.driver(pulse_ms=100)
    hear = there.card.hear
    monkeypatch.setattr(
        type(there.card), "hear", lambda _, frame, address: hear(frame, address) if frame[1] != 1 else None
    )
    pulse = await here.open(3, yes)
    await asyncio.sleep(pulse.ends_at + OFF_WITHIN_SECONDS - asyncio.get_running_loop().time())
    for _ in range(30):
        readings = await here.doors()
        assert (readings.stays_on, readings.seen_off) == ("", False)
    assert there.requests().count("010100020001") < 5


async def test_a_card_that_does_not_tell_its_outputs_is_neither_believed_nor_doubted(bench):
    there = bench("waveshare")
    here = await there.driver(pulse_ms=100, relays=replace(RELAY_CARDS["waveshare"], first_state=0x0100))
    pulse = await here.open(3, yes)
    await asyncio.sleep(pulse.ends_at + OFF_WITHIN_SECONDS - asyncio.get_running_loop().time())
    for _ in range(2):
        readings = await here.doors()
        assert (readings.stays_on, readings.seen_off) == ("", False)
    assert there.requests().count("010101020001") == 1
    assert (await here.open(4, yes)).answer is PulseAnswer.ACCEPTED


async def test_an_answer_that_looks_like_an_echo_teaches_nothing_about_the_adapter(bench):
    there = bench("eletechsup")
    here = await there.driver(relays=replace(ELETECHSUP, first_state=None), pulse_ms=1000)
    await here.release()
    assert here.bus.line.echoes is None
    assert (await here.open(1, yes)).answer is PulseAnswer.ACCEPTED


async def test_an_echo_of_all_off_is_not_taken_for_the_answer_of_the_card(bench):
    there = bench("eletechsup")
    there.cabinet.faults.begin(Fault(Cause.ECHO, "bus"))
    here = await there.driver(relays=ELETECHSUP, pulse_ms=1000)
    there.breaks(Cause.BOARD_SILENT)
    assert (await here.open(1, yes)).sent_at is None
    there.cabinet.faults.end(Cause.BOARD_SILENT, "card")
    assert (await here.open(1, yes)).answer is PulseAnswer.ACCEPTED
    there.breaks(Cause.ANSWER_LOST)
    assert (await here.open(2, yes)).answer is PulseAnswer.NO_ANSWER


@pytest.mark.parametrize(
    ("request_hex", "answer", "on"),
    [
        ("010600010100", "010600010100", ["1"]),
        ("010600010300", "010600010300", ["1"]),
        ("010600080400", "010600080400", ["8"]),
        ("010600000700", "010600000700", ["1", "2", "3", "4", "5", "6", "7", "8"]),
        ("010600010603", "010600010603", ["1"]),
        ("010600090500", "018602", []),
        ("010600010700", "018603", []),
        ("010500000000", "018501", []),
        ("000600010100", "nothing", []),
    ],
)
async def test_the_simulated_momentary_card_answers_as_its_manual_says(bench, request_hex, answer, on):
    there = bench("eletechsup")
    assert (there.says(request_hex), there.coils()) == (answer, on)
    there.says("010600000800")
    assert there.coils() == []


# --- cards that cannot time a pulse


async def test_value_0100_boards_refuse_what_the_standard_says_and_stay_on(bench):
    there = bench("value-0100")
    assert there.says("01050000ff00") == "018503"
    assert there.says("010500000100") == "010500000100"
    assert there.coils() == ["1"]
    assert there.says("010500000000") == "010500000000"
    assert there.coils() == []


async def test_a_timed_pulse_is_refused_by_boards_that_do_not_know_it(bench):
    for make in ("value-0100", "fc06", "lctech"):
        there = bench(make)
        there.card.hear(with_crc(bytes.fromhex("010100000008")), 1)  # into its greeting, if it has one
        assert there.says("010502000003")[:4] == "0185"
        assert there.coils() == []


async def test_the_driver_of_timed_cards_opens_nothing_on_an_untimed_one(bench):
    there = bench("value-0100")
    here = await there.driver()
    pulse = await here.open(1, yes)
    assert (pulse.answer, there.coils()) == (PulseAnswer.REFUSED, [])


async def test_fc06_boards_have_outputs_for_registers_and_inputs_in_one(bench, wait_until):
    there = bench("fc06")
    assert there.says("010600000001") == "010600000001"
    assert there.coils() == ["1"]
    assert there.says("010300000001") == "0103020001"
    assert there.says("010600000002") == "018603"
    await wait_until(lambda: there.cabinet.standing_open() == ["1"])
    assert there.says("010600000000") == "010600000000"
    assert there.coils() == []
    assert there.says("010400000001") == "01040200fe"
    assert there.says("010200000008") == "018201"


async def test_inputs_in_registers_are_read_like_others(bench, wait_until):
    there = bench("fc06")
    here = await there.driver(inputs_function=4)
    there.cabinet.pulse("7", 0.1)
    await wait_until(lambda: there.cabinet.standing_open() == ["7"])
    assert (await here.doors()).doors == {channel: channel == 7 for channel in range(1, 9)}
    assert there.requests() == ["010400000001"]
    here.inputs_function = 2
    with pytest.raises(BoardRefused):
        await here.doors()


async def test_the_greeting_of_an_lctech_card_destroys_its_first_answer(bench):
    there = bench("lctech", address=255)
    request = with_crc(bytes.fromhex("ff050000ff00"))
    first = there.card.hear(request, 255)
    assert first is not None
    assert first.startswith(GREETING)
    assert request not in first
    assert there.coils() == ["1"]
    assert there.card.hear(request, 255) == request
    there.breaks(Cause.BOARD_REBOOTING)
    assert there.coils() == []
    assert there.card.hear(request, 255) != request


async def test_an_lctech_card_answers_as_was_captured(bench):
    there = bench("lctech", address=255)
    there.card.greeted = True
    assert there.says("000300000001") == "00030200ff"
    assert there.says("ff0303e80001") == "ff03020004"
    assert there.says("ff0603e90003") == "ff0603e90003"
    assert there.says("ff0303e80001") == "ff03020003"
    assert there.says("ff0f0000000801ff") == "ff0f00000008"
    assert len(there.coils()) == 8
    assert there.says("000600000007") == "nothing"
    assert there.card.address == 7


def test_a_card_that_is_no_timed_one_has_no_driver():
    assert not RELAY_CARDS.keys() & UNTIMED_CARDS.keys()
    with pytest.raises(WrongUse, match="Eletechsup cards have 1 to 8 channels, not 9"):
        LockModbus("card", None, 1, 9, pulse_ms=1000, relays=ELETECHSUP)
    with pytest.raises(WrongUse, match="Eletechsup cards make pulses of 1000 ms, not 300"):
        LockModbus("card", None, 1, 8, relays=ELETECHSUP)
