"""A cabinet that is nothing but one board: for a bench, where nobody wants to write a file first."""

from collections.abc import Mapping
from typing import Any

from config.cabinet.families import family


def one_board(
    kind: str,
    address: int,
    channels: int,
    baud: int,
    *,
    port: str = "bus",
    bus: Mapping[str, Any] | None = None,
    board: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What a cabinet file with one board, "board", on one bus, "bus", and a door on each channel would say.

    ``bus`` and ``board`` are further keys of those parts. ``ValueError``: there is no such family.
    """
    about = {"id": "one-board", "number": "1", "name_zh": "单板", "name_en": "One board", "phone": "000"}
    sort = family(kind)
    wire = {"name": "bus", "kind": sort.bus, "port": port, "baud": baud}
    card = {"name": "board", "kind": kind, "bus": "bus", "address": address, "channels": channels}
    if sort.fixed_pulse_ms:
        card["pulse_ms"] = sort.fixed_pulse_ms
    return {
        "cabinet": about,
        "bus": [wire | dict(bus or {})],
        "board": [card | dict(board or {})],
        "zone": [{"name": "ambient", "class": "ambient"}],
        "compartment": [
            {"label": f"{channel:02}", "size": "M", "board": "board", "channel": channel}
            for channel in range(1, channels + 1)
        ],
    }
