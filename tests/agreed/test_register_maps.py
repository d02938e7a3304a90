"""A register map is right, or every problem in it is told with key and reason; and who may name which."""

import copy
import math
import re
import tomllib
from pathlib import Path

import pytest

from config.cabinet import parse
from config.cabinet.one_board import one_board
from config.cabinet.registers import SHIPPED, map_findings, shipped
from config.problems import BadFile

SCALE_MAP = tomllib.loads((SHIPPED / "generic-scale.toml").read_text("utf-8"))["register_map"][0]
THERMOSTAT_MAP = tomllib.loads((SHIPPED / "generic-thermostat.toml").read_text("utf-8"))["register_map"][0]
MINE = SCALE_MAP | {"name": "mine"}
PAN = {"name": "pan", "bus": "bus", "address": 9, "map": "generic-scale"}
COLD = {"name": "cold", "kind": "climate_registers", "bus": "bus", "address": 8, "map": "generic-thermostat"}


def cabinet(**parts):
    return one_board("lock_modbus", 1, 4, 9600) | parts


def told(raw, key, words):
    with pytest.raises(BadFile) as caught:
        parse(raw)
    found = [(problem.key, problem.reason) for problem in caught.value.problems]
    assert any(k == key and words in reason for k, reason in found), found


def changed(of, path, value):
    """The map with one key set, or left out where ``value`` is None."""
    made = copy.deepcopy(of)
    *parents, last = path.split(".")
    place = made
    for parent in parents:
        place = place[parent]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return made


@pytest.mark.parametrize("name", ["generic-scale", "generic-thermostat"])
def test_examples_are_whole_and_say_that_they_are_nobodys(name):
    assert list(map_findings(shipped()[name])) == []
    assert "generic" in shipped()[name].source


def test_every_shipped_file_is_found():
    assert {file.stem for file in Path("config/register_maps").iterdir()} == set(shipped())


@pytest.mark.parametrize("page", ["scale_registers", "climate_registers"])
def test_the_example_of_its_page_is_a_good_part_of_a_cabinet_file(page):
    (example,) = re.findall(
        r"```toml\n(.*?)```", Path(f"docs/boards/{page}.md").read_text("utf-8"), re.DOTALL
    )
    parts = tomllib.loads(example)
    raw = cabinet(**parts)
    (sensor,) = parts.get("scale", parts.get("thermometer"))
    raw["bus"].append(raw["bus"][0] | {"name": sensor["bus"], "port": "other"})
    assert parse(raw).register_map[0].source.startswith("the manual")


def test_a_cabinet_with_sensors_by_map_is_the_same_when_written_out():
    file = parse(cabinet(scale=[PAN], thermometer=[COLD], register_map=[MINE]))
    assert parse(file.model_dump(mode="json", by_alias=True, exclude_none=True)) == file
    assert file.register_maps.keys() == {"mine", "generic-scale", "generic-thermostat"}


@pytest.mark.parametrize(
    ("path", "value", "key", "words"),
    [
        ("weight.function", 5, "weight.function", "should be 3 or 4"),
        ("weight.address", 65536, "weight.address", "less than or equal to 65535"),
        ("weight.address", 65535, "weight.address", "int32 needs two registers"),
        ("weight.address", None, "weight.address", "is missing"),
        ("weight.type", "float64", "weight.type", "'float32'"),
        ("weight.type", "int16", "weight.word_order", "one register: there is no order"),
        ("weight.word_order", None, "weight.word_order", "is missing: makes differ"),
        ("weight.word_order", "middle", "weight.word_order", "'high' or 'low'"),
        ("weight.scale", 0, "weight.scale", "a scale of 0"),
        ("weight.scale", math.nan, "weight.scale", "finite"),
        ("weight.scale", math.inf, "weight.scale", "finite"),
        ("weight.unit", None, "weight.unit", "is missing"),
        ("weight.unit", "jin", "weight.unit", "'kg'"),
        ("weight.least", 30500.0, "weight.least", "not below most"),
        ("weight.most", math.nan, "weight.most", "finite"),
        ("weight.most", None, "weight.most", "is missing"),
        ("weight.type", "uint32", "weight.type", "has no sign, and least is -2000: is it int32?"),
        ("weight.type", "float32", "weight.decimals_address", "has its decimals in itself"),
        ("weight.decimals_address", 1, "weight.decimals_address", "a part of the number itself"),
        ("weight.colour", "red", "weight.colour", "unknown key"),
        ("stable.bit", 16, "stable.bit", "less than or equal to 15"),
        ("stable.address", 1, "stable.address", "register 1 belongs to weight"),
        ("overload.bit", 0, "overload.bit", "whether the load is stable"),
        ("tare.address", None, "tare.address", "is missing"),
        ("tare.value", None, "tare.value", "is missing"),
        ("tare.value", 65536, "tare.value", "65536 does not fit uint16"),
        ("tare.type", "uint32", "tare.function", "6 writes one register"),
        ("tare.word_order", "high", "tare.word_order", "there is no order"),
        ("tare.address", 0, "tare.address", "register 0 belongs to weight"),
        ("tare.function", 5, "tare.function", "6 or 16"),
        ("zero.value", 3, "zero.value", "is what tare writes"),
        ("address_register", 1, "address_register", "belongs to weight"),
        ("address_register", 0x0101, "address_register", "belongs to tare"),
        ("weight", None, "weight", "where a temperature is"),
        ("temperature", THERMOSTAT_MAP["temperature"], "temperature", "of a scale or of a thermometer"),
        (
            "humidity",
            {"address": 9, "type": "uint16", "unit": "percent", "least": 0, "most": 100},
            "humidity",
            "no temperature",
        ),
        ("name", "generic-scale", "name", "an example of ours"),
        ("name", "Mine!", "name", "pattern"),
    ],
)
def test_a_map_of_a_scale_that_makes_no_sense_is_refused(path, value, key, words):
    told(cabinet(register_map=[changed(MINE, path, value)]), f"register_map[0].{key}", words)


@pytest.mark.parametrize(
    ("path", "value", "key", "words"),
    [
        ("temperature", None, "weight", "where a temperature is"),
        ("temperature.type", "uint16", "temperature.type", "is it int16?"),
        ("temperature.unit", "kelvin", "temperature.unit", "'celsius'"),
        ("temperature.unit", "g", "temperature.unit", "is told in celsius, not in g"),
        (
            "humidity",
            {"address": 0, "type": "uint16", "unit": "percent", "least": 0, "most": 100},
            "humidity.address",
            "register 0 belongs to temperature",
        ),
        ("stable", {"address": 3, "bit": 0}, "stable", "this map has no weight"),
        ("tare", {"address": 3, "value": 1}, "tare", "this map has no weight"),
    ],
)
def test_a_map_of_a_thermostat_that_makes_no_sense_is_refused(path, value, key, words):
    wrong = changed(THERMOSTAT_MAP | {"name": "mine"}, path, value)
    told(cabinet(register_map=[wrong]), f"register_map[0].{key}", words)


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        ({"bus": "other"}, "bus", "no bus named other"),
        ({"address": 1}, "address", "address 1 on bus bus belongs to board"),
        ({"address": 8}, "address", "address 8 on bus bus belongs to thermometer cold"),
        ({"address": 0}, "address", "greater than or equal to 1"),
        ({"address": 248}, "address", "less than or equal to 247"),
        ({"map": "nobodys"}, "map", "there is no register map nobodys; there are generic-scale"),
        ({"map": "generic-thermostat"}, "map", "generic-thermostat has no weight"),
        ({"kind": "scale_can"}, "kind", "scale_registers"),
    ],
)
def test_a_scale_that_cannot_be_reached_or_read_is_refused(change, key, words):
    told(cabinet(scale=[PAN | change], thermometer=[COLD]), f"scale[0].{key}", words)


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        ({"map": "generic-scale"}, "map", "generic-scale has no temperature"),
        ({"kind": "climate_xymd02"}, "map", "an XY-MD02 has registers of its own"),
        ({"map": None}, "map", "is missing; there are generic-scale, generic-thermostat"),
    ],
)
def test_a_thermometer_has_a_map_when_its_kind_needs_one(change, key, words):
    probe = {k: v for k, v in (COLD | change).items() if v is not None}
    told(cabinet(thermometer=[probe]), f"thermometer[0].{key}", words)


def test_a_scale_sits_on_no_serial_bus():
    raw = one_board("lock_8a80", 1, 4, 9600) | {"scale": [PAN]}
    told(raw, "scale[0].bus", "scale_registers cannot sit on bus bus, which is serial")


def test_two_scales_or_maps_of_one_name_are_refused():
    two = cabinet(scale=[PAN, PAN | {"address": 10}], register_map=[MINE, MINE])
    told(two, "scale[1].name", "already used by scale[0]")
    told(two, "register_map[1].name", "already used by register_map[0]")


@pytest.mark.parametrize("register", [0x0000, 0x003F, 0x1000, 0x103F])
@pytest.mark.parametrize("what", ["tare", "zero", "address_register"])
def test_what_is_written_where_relay_cards_have_outputs_needs_a_bus_without_them(register, what):
    path = what if what == "address_register" else f"{what}.address"
    far = changed(changed(MINE, "weight.address", 0x2000), "weight.decimals_address", None)
    raw = cabinet(scale=[PAN | {"map": "mine"}], register_map=[changed(far, path, register)])
    told(raw, "scale[0].bus", f"{what} of mine writes register 0x{register:04x}")
    raw["bus"].append(raw["bus"][0] | {"name": "scales", "port": "other"})
    raw["scale"] = [PAN | {"map": "mine", "bus": "scales"}]
    assert parse(raw).scale[0].bus == "scales"
    raw["bus"][1]["port"] = raw["bus"][0]["port"]  # another name for the same wire
    told(raw, "scale[0].bus", f"{what} of mine writes register")
