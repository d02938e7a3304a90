"""Temperature probes: frames from the maker's manual, and a probe on a pty."""

import json
from pathlib import Path

import pytest

from config.cabinet import load
from firmware_bridge.assemble import assemble
from firmware_bridge.climate_xymd02 import signed
from firmware_bridge.errors import BoardSilent, ImpossibleReading
from firmware_bridge.modbus import read_frame, read_registers
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
