"""Thermostats by their register map: on a pty, without humidity, swapped, broken, and in the controller."""

import asyncio
import copy

import pytest

from config.cabinet import parse
from config.cabinet.one_board import one_board
from config.cabinet.registers import shipped
from controller.climate.probes import Climate
from controller.clock import Clock
from firmware_bridge.assemble import assemble
from firmware_bridge.climate_registers import ClimateRegisters
from firmware_bridge.errors import BoardSilent, ImpossibleReading, SwappedWords
from firmware_bridge.modbus import with_crc
from simulators.climate_registers import ClimateRegisters as FarThermostat
from simulators.serve import Served

GENERIC = shipped()["generic-thermostat"].model_dump(exclude_none=True)
COLD = {"name": "cold", "kind": "climate_registers", "bus": "bus", "address": 7}
ZONE = {"name": "cold", "class": "chilled", "thermometer": "cold"}
HUMIDITY = {
    "function": 4,
    "address": 8,
    "type": "uint16",
    "scale": 0.1,
    "unit": "percent",
    "least": 0,
    "most": 100,
}
FLOAT = {"address": 0, "type": "float32", "word_order": "low", "unit": "celsius", "least": -45, "most": 80}


def a_cabinet(**parts):
    """A cold zone watched by a thermostat of this make."""
    its_map = copy.deepcopy(GENERIC) | {"name": "mine"} | parts
    raw = one_board("lock_modbus", 1, 4, 57600)
    raw["zone"].append(ZONE)
    raw["compartment"][0]["zone"] = "cold"
    return parse(raw | {"thermometer": [COLD | {"map": "mine"}], "register_map": [its_map]})


@pytest.fixture
async def hung(tmp_path):
    """Hangs such a thermostat up; the far side and the driver."""
    far = []

    async def hang(**parts):
        file = a_cabinet(**parts)
        served = Served(file, tmp_path)
        hardware = assemble(file, await served.plug_in())
        await hardware.start()
        far.append((served, hardware))
        return served, hardware.thermometers["cold"]

    yield hang
    for served, hardware in far:
        await hardware.close()
        served.unplug()


async def test_a_thermostat_tells_its_air_and_no_humidity(hung):
    served, cold = await hung()
    assert isinstance(cold, ClimateRegisters)
    read = await cold.air()
    assert (read.thermometer, read.celsius, read.humidity) == ("cold", 3.5, None)
    await served.air("cold", -18.3)
    assert (await cold.air()).celsius == -18.3
    asked = [frame.hex() for _, frame in served.buses["bus"].requests if frame[0] == 7]
    assert asked[0].startswith("070300000001")


async def test_one_that_measures_humidity_tells_it(hung):
    served, cold = await hung(humidity=HUMIDITY)
    served.probes["cold"].humidity = 61.2
    assert (await cold.air()).humidity == 61.2


async def test_a_float_is_told_as_finely_as_air_can_be_known(hung):
    served, cold = await hung(temperature=FLOAT)
    await served.air("cold", -19.4)  # as a 32 bit float: -19.3999996185
    assert (await cold.air()).celsius == -19.4


@pytest.mark.parametrize("celsius", [80.1, -45.1, 3000.0])
async def test_a_temperature_that_cannot_be_is_refused_with_field_and_value(hung, celsius):
    served, cold = await hung()
    await served.air("cold", celsius)
    with pytest.raises(ImpossibleReading, match=f"says temperature {celsius:g} °C, which cannot be"):
        await cold.air()


async def test_a_humidity_that_cannot_be_is_refused_by_its_name(hung):
    served, cold = await hung(humidity=HUMIDITY)
    served.probes["cold"].humidity = 100.1
    with pytest.raises(ImpossibleReading, match=r"says humidity 100\.1 %, which cannot be"):
        await cold.air()


async def test_swapped_words_are_named(hung):
    served, cold = await hung(temperature=FLOAT)
    await served.air("cold", 4.25)
    await served.fault("words_swapped", "cold")
    with pytest.raises(SwappedWords, match=r'word_order = "high" makes it 4\.25 °C'):
        await cold.air()


async def test_a_silent_thermostat_is_an_error(hung):
    served, cold = await hung()
    await served.fault("board_silent", "cold")
    with pytest.raises(BoardSilent):
        await cold.air()


def test_the_simulated_thermostat_answers_byte_for_byte():
    far = FarThermostat("cold", 1, shipped()["generic-thermostat"], celsius=-10.0)
    assert far.hear(bytes.fromhex("010300000001840a"), 1) == with_crc(bytes.fromhex("010302ff9c"))
    assert far.hear(with_crc(bytes.fromhex("010300010001")), 1) == with_crc(bytes.fromhex("018302"))
    assert far.hear(with_crc(bytes.fromhex("010601000005")), 1) == with_crc(bytes.fromhex("010601000005"))
    assert far.address == 5


class Nothing:
    """Health that has nothing to say."""

    async def begins(self, *_):
        raise AssertionError("no thermometer is silent here")

    async def ends(self, *_):
        pass


async def test_telemetry_has_no_humidity_where_none_is_measured(hung):
    _, cold = await hung()
    heard = asyncio.Event()
    climate = Climate({"cold": cold}, Nothing(), Clock(), lambda _: heard.set())
    watching = asyncio.create_task(climate.run())
    async with asyncio.timeout(5):
        await heard.wait()
    watching.cancel()
    assert climate.samples().keys() == {"air.cold.celsius", "air.cold.age_s"}
