"""Contacts and lamps on gpiozero's own mock pins: there are no others on the computer that runs the tests."""

import asyncio
import sys
from types import SimpleNamespace

import pytest
from gpiozero.pins.mock import MockFactory

from config.cabinet import Bus, Indicator, Input, parse
from config.cabinet.one_board import one_board
from config.problems import BadFile
from firmware_bridge import gpio, signal_gpio
from firmware_bridge.assemble import assemble
from firmware_bridge.errors import PortGone, PortUnavailable
from firmware_bridge.signal_gpio import IndicatorGpio, InputGpio, SignalPins

BUS = Bus(name="pins", kind="gpio", port="gpiozero:mock")
BACK = Input(name="back", means="tamper", bus="pins", pin=5, quiet=False)
LEVEL = Input(name="level", means="tilt", bus="pins", pin=6, pull="down")
HELP = Input(name="help", means="inside", bus="pins", pin=13, pull="none")
LIGHT = Indicator(name="light", means="light", bus="pins", pin=17)
BUZZER = Indicator(name="buzzer", means="buzzer", bus="pins", pin=27, active_high=False)


@pytest.fixture
async def factory(monkeypatch):
    """The one from which the product's own opening takes its pins."""
    made = MockFactory()
    monkeypatch.setattr(gpio, "_factory", lambda port, name: made)
    return made


@pytest.fixture
async def pins(factory):
    made = SignalPins(BUS, [BACK, LEVEL, HELP], [LIGHT, BUZZER])
    await made.open()
    yield made
    await made.close()


async def test_a_contact_is_disturbed_when_its_level_is_not_the_quiet_one_whatever_pulls_it(pins, factory):
    card = InputGpio(pins, [BACK, LEVEL, HELP])
    factory.pin(5).drive_low()  # a contact to ground that the shut case closes
    factory.pin(6).drive_high()
    factory.pin(13).drive_high()
    assert (await card.read()).disturbed == {"back": False, "level": False, "help": False}
    factory.pin(5).drive_high()  # opened, or its wire is cut
    factory.pin(13).drive_low()
    told = await card.read()
    assert told.disturbed == {"back": True, "level": False, "help": True}
    assert (told.card, told.asked_at <= told.answered_at) == ("pins", True)


async def test_lamps_are_off_when_their_pins_are_taken_and_when_they_are_let_go(pins, factory):
    assert (factory.pin(17).state, factory.pin(27).state) == (0, 1)
    for wired in (LIGHT, BUZZER):
        await IndicatorGpio(pins, wired).show(True)
    assert (factory.pin(17).state, factory.pin(27).state) == (1, 0)
    seen = [factory.pin(17), factory.pin(27)]
    await pins.close()
    assert [[told.state for told in pin.states][-1] for pin in seen] == [0, 1]
    with pytest.raises(PortGone, match="it was closed"):
        await IndicatorGpio(pins, LIGHT).show(True)


async def test_pins_that_cannot_be_had_are_tried_again(monkeypatch, wait_until):
    monkeypatch.setattr(signal_gpio, "AGAIN_SECONDS", 0.01)
    held, busy = [], [PortUnavailable("gpiozero:mock", "somebody has it")] * 2

    def take(bus, inputs, indicators):
        if busy:
            raise busy.pop()
        held.append(SimpleNamespace(levels=dict, light=lambda name, on: None, close=held.clear))
        return held[-1]

    pins = SignalPins(BUS, [BACK], [], take)
    with pytest.raises(PortUnavailable, match="somebody has it"):
        await pins.open()
    assert not pins.is_open
    assert "somebody has it" in str(pins.fault)
    await wait_until(lambda: pins.is_open)
    assert pins.fault is None
    await pins.close()
    assert held == []


async def test_pins_that_vanish_are_let_go_and_taken_anew(monkeypatch, factory, wait_until):
    monkeypatch.setattr(signal_gpio, "AGAIN_SECONDS", 0.01)
    pins = SignalPins(BUS, [], [LIGHT])
    await pins.open()
    await IndicatorGpio(pins, LIGHT).show(True)

    def gone(name, on):
        raise PortGone(BUS.port, "the chip was pulled out")

    first = pins._held
    monkeypatch.setattr(pins, "_held", SimpleNamespace(light=gone, close=first.close))
    with pytest.raises(PortGone, match="pulled out"):
        await IndicatorGpio(pins, LIGHT).show(True)
    assert not pins.is_open
    await wait_until(lambda: pins.is_open)
    assert factory.pin(17).state == 0
    await IndicatorGpio(pins, LIGHT).show(True)
    assert factory.pin(17).state == 1
    await pins.close()


def test_half_of_the_pins_is_none_of_them(factory):
    twice = BUZZER.model_copy(update={"pin": 17})
    with pytest.raises(PortUnavailable, match="GPIOPinInUse"):
        gpio.open_signals(BUS, [], [LIGHT, twice])
    gpio.open_signals(BUS, [], [LIGHT]).close()


def test_a_way_to_pins_that_nobody_knows_says_which_there_are():
    with pytest.raises(PortUnavailable, match="gpiozero knows lgpio"):
        gpio.open_signals(BUS.model_copy(update={"port": "gpiozero:abacus"}), [], [])


async def test_lines_of_a_chip_are_asked_for_as_gpiod_documents_it(monkeypatch):
    """A stand-in for gpiod: there is no GPIO chip here."""
    asked, values, released = {}, {}, []

    def request_lines(chip, *, consumer, config):
        asked.update(config)
        values.update({pin: settings.get("output_value", "INACTIVE") for pin, settings in config.items()})
        return SimpleNamespace(
            set_value=values.__setitem__,
            get_values=lambda lines: [values[line] for line in lines],
            release=lambda: released.append(chip),
        )

    words = ("PULL_UP", "PULL_DOWN", "DISABLED", "OUTPUT", "INPUT", "ACTIVE", "INACTIVE")
    named = SimpleNamespace(**{word: word for word in words})
    line = SimpleNamespace(Bias=named, Direction=named, Value=named)
    monkeypatch.setitem(sys.modules, "gpiod", SimpleNamespace(LineSettings=dict, request_lines=request_lines))
    monkeypatch.setitem(sys.modules, "gpiod.line", line)
    pins = SignalPins(BUS.model_copy(update={"port": "gpiod:/dev/gpiochip0"}), [BACK, LEVEL], [BUZZER])
    await pins.open()
    assert asked[5] == {"direction": "INPUT", "bias": "PULL_UP"}
    assert asked[6] == {"direction": "INPUT", "bias": "PULL_DOWN"}
    assert asked[27] == {"direction": "OUTPUT", "active_low": True, "output_value": "INACTIVE"}
    values[6] = "ACTIVE"
    assert (await InputGpio(pins, [BACK, LEVEL]).read()).disturbed == {"back": False, "level": False}
    await IndicatorGpio(pins, BUZZER).show(True)
    assert values[27] == "ACTIVE"
    await pins.close()
    assert (values[27], released) == ("INACTIVE", ["/dev/gpiochip0"])


# --- in a cabinet


def on_pins(*, locks="lock_8a80", **more):
    board = {"lock_pins": [17], "switch_pins": [22], "cut_off": "monostable, 0.8 s"}
    raw = one_board(
        locks, 1, 1, 9600, port="gpiozero:mock" if locks == "lock_gpio" else "/dev/none",
        board=board if locks == "lock_gpio" else {},
    )  # fmt: skip
    raw["bus"].append({"name": "pins", "kind": "gpio", "port": "gpiozero:mock"})
    raw["input"] = [{"name": "back", "means": "tamper", "bus": "pins", "pin": 5, "quiet": False}]
    raw["indicator"] = [{"name": "light", "means": "light", "bus": "pins", "pin": 27}]
    for part, change in more.items():
        raw[part][0] = {k: v for k, v in (raw[part][0] | change).items() if v is not None}
    return raw


async def test_a_cabinet_with_contacts_and_a_light_on_pins_is_assembled_and_let_go(factory):
    file = parse(on_pins())
    hardware = assemble(file)
    assert file.input[0].card == hardware.inputs["pins"].name == "pins"
    await hardware.start()
    factory.pin(5).drive_low()
    assert "bus bus" in [flag.part for flag in hardware.flagged], "there is no port for the locks here"
    assert "bus pins" not in [flag.part for flag in hardware.flagged]
    assert (await hardware.inputs["pins"].read()).disturbed == {"back": False}
    await hardware.indicators["light"].show(True)
    light = factory.pin(27)
    assert light.state == 1
    await asyncio.wait_for(hardware.close(), 5)
    assert light.states[-1].state == 0


def test_contacts_may_be_on_pins_beside_locks_under_a_bus_of_their_own():
    raw = on_pins(locks="lock_gpio")
    raw["indicator"] = []
    assert parse(raw).input[0].pin == 5


@pytest.mark.parametrize(
    ("locks", "more", "key", "words"),
    [
        (
            "lock_gpio",
            {},
            "indicator[0].bus",
            "lock board board is on gpiozero:mock, as bus bus, too: give it a",
        ),
        (
            "lock_gpio",
            {"indicator": {"bus": "bus"}},
            "indicator[0].bus",
            "lock board board is on bus bus too",
        ),
        (
            "lock_gpio",
            {"input": {"bus": "bus"}},
            "input[0].bus",
            "bus bus belongs to the guard of boards that",
        ),
        (
            "lock_gpio",
            {"input": {"pin": 17}},
            "input[0].pin",
            "pin 17 of gpiozero:mock already belongs to board",
        ),
        ("lock_gpio", {"input": {"pin": 22}}, "input[0].pin", "already belongs to board"),
        ("lock_8a80", {"input": {"pin": 27}}, "indicator[0].pin", "already belongs to back"),
        ("lock_8a80", {"input": {"pin": None}}, "input[0].pin", "is missing on a gpio bus"),
        ("lock_8a80", {"input": {"number": 3}}, "input[0].number", "there is no such setting on a gpio bus"),
        (
            "lock_8a80",
            {"indicator": {"profile": "fc06"}},
            "indicator[0].profile",
            "there is no such setting on a gpio bus",
        ),
        (
            "lock_8a80",
            {"indicator": {"bus": "bus"}},
            "indicator[0].bus",
            "light cannot sit on bus bus, which is",
        ),
    ],
)
def test_pins_that_are_not_there_or_too_near_to_a_lock(locks, more, key, words):
    with pytest.raises(BadFile) as told:
        parse(on_pins(locks=locks, **more))
    assert any(p.key == key and words in p.reason for p in told.value.problems), told.value
