"""A cabinet that is nothing but one scale or thermometer: for a bench, as ``one_board`` for lock boards."""

from collections.abc import Mapping, Sequence
from typing import Any

from config.cabinet import Cabinet, parse
from config.cabinet.one_board import one_board

SENSORS = {
    "climate_xymd02": ("thermometer", ""),
    "climate_registers": ("thermometer", "generic-thermostat"),
    "scale_registers": ("scale", "generic-scale"),
}
"""By kind: which part of a cabinet file it is, and its map when none is named."""
ELSEWHERE = {"name": "elsewhere", "kind": "serial", "port": "-"}


def one_sensor(
    kind: str,
    address: int,
    baud: int,
    *,
    sensor: Mapping[str, Any],
    maps: Sequence[Any] = (),
    file: str = "cabinet",
) -> Cabinet:
    """A checked cabinet with one sensor, "sensor", on one bus, "bus", and nothing else.

    ``sensor`` are further keys of it, ``maps`` register maps as a file has them. ``BadFile``; ``KeyError``:
    there is no such kind.
    """
    part, its_map = SENSORS[kind]
    raw = one_board("lock_8a80", 1, 1, 9600, bus=ELSEWHERE, board={"bus": "elsewhere"})
    raw["bus"].append({"name": "bus", "kind": "modbus", "port": "bus", "baud": baud})
    of_its_make = {"map": its_map} if its_map else {}
    raw[part] = [
        {"name": "sensor", "kind": kind, "bus": "bus", "address": address} | of_its_make | dict(sensor)
    ]
    whole = parse(raw | {"register_map": maps}, file)
    # A file needs a lock board and a door; a bench has none.
    return whole.model_copy(update={"board": (), "compartment": (), "bus": whole.bus[1:]})
