"""Register maps: where a measuring device on Modbus keeps what it measures, as data.

No two makes of weighing transmitters agree on registers, word order or commands, and few thermostats do. A
map says all of it for one make, as its manual does. It stands in a cabinet file under ``[[register_map]]``;
those in ``config/register_maps`` are examples that every file may name.
"""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter

from config.cabinet.part import Name, Part

SHIPPED = Path(__file__).parent.parent / "register_maps"
WORDS = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2}
"""How many registers a number of each type fills."""
LAST_REGISTER = 0xFFFF
UNITS = {"weight": ("mg", "g", "kg"), "temperature": ("celsius",), "humidity": ("percent",)}

Finding = tuple[str, str]
WordOrder = Literal["high", "low"]
Register = Annotated[int, Field(ge=0, le=LAST_REGISTER, description="as on the wire, counted from 0")]
Finite = Annotated[float, Field(allow_inf_nan=False)]


def _not_zero(scale: float) -> float:
    if scale == 0:
        raise ValueError("a scale of 0 makes every reading 0")
    return scale


class Quantity(Part):
    """A number that the device measures: the registers of one number, times ``scale``, in ``unit``."""

    function: Literal[3, 4] = Field(default=3, description="3: holding registers, 4: input registers")
    address: Register
    type: Literal["int16", "uint16", "int32", "uint32", "float32"]
    word_order: WordOrder | None = Field(
        default=None, description="32 bit: which half of the number stands in the first register"
    )
    scale: Annotated[Finite, AfterValidator(_not_zero)] = Field(
        default=1.0, description="one step of the number"
    )
    decimals_address: Register | None = Field(
        default=None, description="the register, of the same function, with how many decimals it has"
    )
    unit: Literal["mg", "g", "kg", "celsius", "percent"]
    least: Finite = Field(description="less than this, in its unit, cannot be")
    most: Finite = Field(description="more than this cannot be")

    @property
    def words(self) -> int:
        return WORDS[self.type]

    @property
    def places(self) -> set[tuple[int, int]]:
        """Function and register of every word of the number itself."""
        return {(self.function, self.address + n) for n in range(self.words)}


class Flag(Part):
    """One bit of a register; it says yes while it has this value."""

    function: Literal[3, 4] = 3
    address: Register
    bit: int = Field(ge=0, le=15, description="0 is the lowest")
    value: Literal[0, 1] = Field(default=1, description="what it is when it says yes")

    @property
    def place(self) -> tuple[int, int]:
        return self.function, self.address


class Command(Part):
    """Something that a device does when this value is written."""

    address: Register
    value: int = Field(ge=0, le=0xFFFFFFFF)
    type: Literal["uint16", "uint32"] = "uint16"
    word_order: WordOrder | None = Field(default=None, description="32 bit: which half is written first")
    function: Literal[6, 16] = Field(default=6, description="6 writes one register, 16 several")

    @property
    def words(self) -> int:
        return WORDS[self.type]

    @property
    def registers(self) -> range:
        return range(self.address, self.address + self.words)


class RegisterMap(Part):
    """One make of device: a scale when it has ``weight``, a thermometer when it has ``temperature``."""

    name: Name
    source: str = Field(default="", max_length=200, description="where it comes from: manual, page")
    weight: Quantity | None = None
    stable: Flag | None = Field(default=None, description="the load rests")
    overload: Flag | None = Field(default=None, description="more lies on it than it can weigh")
    tare: Command | None = Field(default=None, description="what lies on it counts as nothing from now on")
    zero: Command | None = Field(default=None, description="nothing lies on it: that is zero")
    temperature: Quantity | None = None
    humidity: Quantity | None = Field(default=None, description="relative")
    address_register: Register | None = Field(
        default=None, description="the holding register with its address, where that can be written"
    )

    @property
    def measures(self) -> Literal["weight", "temperature"]:
        return "temperature" if self.weight is None else "weight"

    @property
    def quantities(self) -> dict[str, Quantity]:
        """By key, those that it has."""
        every = {"weight": self.weight, "temperature": self.temperature, "humidity": self.humidity}
        return {key: quantity for key, quantity in every.items() if quantity is not None}

    @property
    def flags(self) -> dict[str, Flag]:
        every = {"stable": self.stable, "overload": self.overload}
        return {key: flag for key, flag in every.items() if flag is not None}

    @property
    def commands(self) -> dict[str, Command]:
        every = {"tare": self.tare, "zero": self.zero}
        return {key: command for key, command in every.items() if command is not None}

    @property
    def written(self) -> dict[str, range]:
        """By key, the registers that are ever written."""
        found = {key: command.registers for key, command in self.commands.items()}
        if self.address_register is not None:
            found["address_register"] = range(self.address_register, self.address_register + 1)
        return found


@cache
def shipped() -> Mapping[str, RegisterMap]:
    """The examples that every cabinet file may name, by name."""
    adapter = TypeAdapter(tuple[RegisterMap, ...])
    files = sorted(SHIPPED.glob("*.toml"))
    maps = [
        each
        for file in files
        for each in adapter.validate_python(tomllib.loads(file.read_text("utf-8"))["register_map"])
    ]
    return {each.name: each for each in maps}


def map_findings(device: RegisterMap) -> Iterator[Finding]:
    """What is wrong with a map whose keys are right by themselves: key and reason."""
    yield from _measures_one_thing(device)
    for key, quantity in device.quantities.items():
        yield from ((f"{key}.{field}", reason) for field, reason in _quantity(quantity))
        if quantity.unit not in UNITS[key]:
            yield f"{key}.unit", f"a {key} is told in {', '.join(UNITS[key])}, not in {quantity.unit}"
    for key, command in device.commands.items():
        yield from ((f"{key}.{field}", reason) for field, reason in _command(command))
    yield from _numbers_are_apart(device)
    yield from _flags_are_apart(device)
    yield from _writes_are_apart(device)


def _measures_one_thing(device: RegisterMap) -> Iterator[Finding]:
    if device.weight is None and device.temperature is None:
        yield "weight", "a map says where a weight is, or where a temperature is"
    if device.weight is not None and device.temperature is not None:
        yield "temperature", "a map is of a scale or of a thermometer: make two of it"
    for key in (*device.flags, *device.commands):
        if device.weight is None:
            yield key, "is for scales, and this map has no weight"
    if device.humidity is not None and device.temperature is None:
        yield "humidity", "is for thermometers, and this map has no temperature"


def _quantity(quantity: Quantity) -> Iterator[Finding]:
    yield from _words_fit(quantity.address, quantity.type, quantity.word_order)
    if not quantity.least < quantity.most:
        yield "least", f"{quantity.least:g} is not below most, which is {quantity.most:g}"
    if quantity.type.startswith("uint") and quantity.least / quantity.scale < 0:
        signed = quantity.type.removeprefix("u")
        yield "type", f"{quantity.type} has no sign, and least is {quantity.least:g}: is it {signed}?"
    if quantity.decimals_address is not None and quantity.type == "float32":
        yield "decimals_address", "a float32 has its decimals in itself"
    if (quantity.function, quantity.decimals_address) in quantity.places:
        yield "decimals_address", f"register {quantity.decimals_address} is a part of the number itself"


def _words_fit(address: int, type_: str, word_order: WordOrder | None) -> Iterator[Finding]:
    if address + WORDS[type_] - 1 > LAST_REGISTER:
        yield "address", f"{type_} needs two registers, and {address} is the last one"
    if WORDS[type_] == 2 and word_order is None:
        yield "word_order", f"is missing: makes differ in which half of a {type_} comes first, high or low"
    if WORDS[type_] == 1 and word_order is not None:
        yield "word_order", f"{type_} is one register: there is no order"


def _command(command: Command) -> Iterator[Finding]:
    yield from _words_fit(command.address, command.type, command.word_order)
    if command.value >> 16 * command.words:
        yield "value", f"{command.value} does not fit {command.type}"
    if command.words == 2 and command.function == 6:
        yield "function", "6 writes one register, and uint32 is two: 16"


def _numbers_are_apart(device: RegisterMap) -> Iterator[Finding]:
    for (one, first), (other, second) in combinations(device.quantities.items(), 2):
        if shared := first.places & second.places:
            yield f"{other}.address", f"register {min(shared)[1]} belongs to {one}"
    for key, flag in device.flags.items():
        for name, quantity in device.quantities.items():
            if flag.place in quantity.places:
                yield f"{key}.address", f"register {flag.address} belongs to {name}"


def _flags_are_apart(device: RegisterMap) -> Iterator[Finding]:
    bits = [(flag.place, flag.bit) for flag in device.flags.values()]
    if len(set(bits)) < len(bits):
        yield "overload.bit", "is the bit that says whether the load is stable"


def _writes_are_apart(device: RegisterMap) -> Iterator[Finding]:
    for key, registers in device.written.items():
        field = key if key == "address_register" else f"{key}.address"
        for name, quantity in device.quantities.items():
            if any((3, register) in quantity.places for register in registers):
                yield field, f"register {registers.start} belongs to {name}, which is measured"
    tare, zero = device.tare, device.zero
    if tare is not None and zero is not None and (tare.address, tare.value) == (zero.address, zero.value):
        yield "zero.value", "is what tare writes, to the same register"
    for key, command in device.commands.items():
        if device.address_register in command.registers:
            yield "address_register", f"register {device.address_register} belongs to {key}"
