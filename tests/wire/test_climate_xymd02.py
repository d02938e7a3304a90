"""Temperature probes: frames from the maker's manual, and a probe on a pty."""

import json
from pathlib import Path

import pytest

from config.cabinet import load
from firmware_bridge.assemble import assemble
from firmware_bridge.climate_xymd02 import read_frame as read_air
from firmware_bridge.climate_xymd02 import signed
from firmware_bridge.errors import BoardSilent, ImpossibleReading
from firmware_bridge.modbus import has_crc, read_frame, read_registers, with_crc
from simulators.climate_xymd02 import ClimateXymd02
from simulators.serve import Served

VECTORS = [
    vector
    for vector in json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))
    if vector["protocol"] == "modbus-xymd02"
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["hex"])
def test_valid_and_invalid_frames_are_told_apart(vector):
    frame = bytes.fromhex(vector["hex"])
    if vector["valid"]:
        assert read_frame(frame).to_bytes() == frame
    else:
        with pytest.raises(ValueError, match="CRC"):
            read_frame(frame)


@pytest.mark.parametrize(
    ("frame", "meaning"),
    [
        ("010400010001600a", "card 1: read the temperature"),
        ("010400010002200b", "card 1: read temperature and humidity"),
        ("010400020001", "card 1: read the humidity"),
        ("01040201317974", "probe 1: 30.5 °C or % humidity, whichever was asked for"),
        ("010404013102222ace", "probe 1: 30.5 °C, 54.6 % humidity"),
        ("01040203b6", "probe 1: 95.0 °C or % humidity, whichever was asked for"),
        ("010404ff9c0222", "probe 1: -10.0 °C, 54.6 % humidity"),
        ("010301010001", "card 1: read holding register 0x0101"),
        ("01040000000a", "card 1: read input registers 0x0000 to 0x0009"),
    ],
)
def test_frames_of_a_probe_are_explained_as_what_it_measures(frame, meaning):
    body = bytes.fromhex(frame)
    whole = body if has_crc(body) else with_crc(body)
    assert read_air(whole).meaning == meaning
    assert read_air(whole).to_bytes() == whole


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("010402fe6f", "temperature or humidity -40.1 is not between -40.0 and 100.0"),
        ("0104047fff0000", "celsius 3276.7 is not between -40.0 and 85.0"),
        ("01040400c803e9", "humidity 100.1 is not between 0.0 and 100.0"),
    ],
)
def test_air_that_no_probe_can_measure_is_refused_with_field_and_value(body, reason):
    with pytest.raises(ValueError, match=reason):
        read_air(with_crc(bytes.fromhex(body)))


def test_the_requests_are_those_of_the_manual():
    assert read_registers(1, 1, 1).hex() == "010400010001600a"
    assert read_registers(1, 1, 2).hex() == "010400010002200b"


def test_the_simulated_probe_answers_as_the_manual_prints_it():
    probe = ClimateXymd02("air", 1, celsius=30.5, humidity=54.6)
    assert probe.hear(bytes.fromhex("010400010001600a"), 1).hex() == "01040201317974"
    assert probe.hear(bytes.fromhex("010400010002200b"), 1).hex() == "010404013102222ace"
    assert probe.hear(bytes.fromhex("010300010001d5ca"), 1)[1] == 0x83


@pytest.mark.parametrize(("word", "value"), [(0x0131, 305), (0xFF9C, -100), (0, 0)])
def test_freezers_are_below_zero(word, value):
    assert signed(word) == value


@pytest.fixture
async def probe(tmp_path):
    file = load("config/cabinets/locker-modbus.toml")
    served = Served(file, tmp_path)
    ports = await served.plug_in()
    async with assemble(file, ports) as hardware:
        yield served, hardware.thermometers["cold-air"]
    served.unplug()


async def test_a_probe_is_read_over_the_wire(probe):
    served, thermometer = probe
    assert (await thermometer.air()).celsius == 3.5
    await served.air("cold-air", -18.3)
    assert (await thermometer.air()).celsius == -18.3


async def test_a_probe_that_is_off_or_says_what_cannot_be_is_an_error(probe):
    served, thermometer = probe
    await served.air("cold-air", 120.0)
    with pytest.raises(ImpossibleReading, match="120"):
        await thermometer.air()
    await served.fault("board_silent", "cold-air")
    with pytest.raises(BoardSilent):
        await thermometer.air()
