"""``tuangui sim board``: one board of any family, or one sensor, described as a cabinet file would."""

import tomllib
from dataclasses import dataclass
from typing import Any

from config.cabinet import Board, Cabinet, Scale, Thermometer, parse
from config.cabinet.families import LockFamily, family
from config.cabinet.one_board import one_board
from config.cabinet.one_sensor import SENSORS, one_sensor
from config.problems import one

USUAL_ADDRESS = 1
USUAL_CHANNELS = 24
HERE = "this command"
NAMED_OTHERWISE = {"name", "kind", "bus", "address", "channels", "profile", "options"}
"""Keys of a board that the command sets by itself, or by an option of their own."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The board as it was typed; None where the family may choose."""

    kind: str
    address: int | None
    channels: int | None
    profile: str
    options: tuple[str, ...]
    baud: int


def described(wanted: Wanted) -> Cabinet:
    """The checked file; ``BadFile`` says what no such board can be."""
    if wanted.kind in SENSORS:
        return _sensor(wanted)
    try:
        sort = family(wanted.kind)
    except ValueError as error:
        raise one(HERE, "kind", str(error)) from error
    if sort.bus == "gpio":
        raise one(HERE, "kind", f"{wanted.kind}: {sort.title} are on no wire that could be simulated")
    address = _usual_address(sort) if wanted.address is None else wanted.address
    channels = wanted.channels or min(USUAL_CHANNELS, sort.most_channels)
    board = _settings(wanted.options, sort) | {"profile": wanted.profile}
    return parse(one_board(wanted.kind, address, channels, wanted.baud, board=board), HERE)


def sentence(described: Cabinet) -> str:
    """For whoever reads along."""
    if not described.board:
        return _sensor_in_words(described)
    board = described.board[0]
    dialect = f", {board.dialect}" if board.dialect else ""
    return (
        f"{board.kind}{dialect}: {board.channels} channels at address {board.address}, "
        f"{described.bus[0].baud} baud, pulses of {board.pulse_ms} ms; Ctrl-C ends it"
    )


def _sensor_in_words(described: Cabinet) -> str:
    sensors: list[Scale | Thermometer] = [*described.scale, *described.thermometer]
    sensor, speed = sensors[0], described.bus[0].baud
    of_its_make = f", {sensor.map}" if sensor.map else ""
    return f"{sensor.kind}{of_its_make}: at address {sensor.address}, {speed} baud; Ctrl-C ends it"


def _usual_address(sort: LockFamily) -> int:
    return USUAL_ADDRESS if sort.has_address(USUAL_ADDRESS) else sort.addresses[0]


def _sensor(wanted: Wanted) -> Cabinet:
    if wanted.channels or wanted.profile:
        raise one(HERE, "--channels and --profile", f"are for lock boards, not for {wanted.kind}")
    keys = _keys(wanted.options)
    its_map = keys.pop("register_map", None)
    if isinstance(its_map, dict):
        keys.setdefault("map", its_map.get("name"))
    address = USUAL_ADDRESS if wanted.address is None else wanted.address
    maps = () if its_map is None else [its_map]
    return one_sensor(wanted.kind, address, wanted.baud, sensor=keys, maps=maps, file=HERE)


def _settings(options: tuple[str, ...], sort: LockFamily) -> dict[str, Any]:
    """Keys of the board; what only a family from another package knows goes under "options"."""
    board: dict[str, Any] = {}
    for key, value in _keys(options).items():
        place = board.setdefault("options", {}) if _is_the_familys(key, sort) else board
        place[key] = value
    return board


def _keys(options: tuple[str, ...]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for option in options:
        key, equals, text = option.partition("=")
        if not (key and equals):
            raise one(HERE, f"--option {option}", "expected KEY=VALUE")
        if key in NAMED_OTHERWISE:
            raise one(HERE, f"--option {option}", f"{key} is no option of a board here")
        if key in keys:
            raise one(HERE, f"--option {option}", f"{key} is given twice")
        keys[key] = _value(text)
    return keys


def _is_the_familys(key: str, sort: LockFamily) -> bool:
    return key in sort.options or key not in Board.model_fields


def _value(text: str) -> Any:
    """A value as TOML writes it; words need no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
