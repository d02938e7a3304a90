"""How the air of a zone lies in the store."""

import json
from dataclasses import asdict
from typing import Any

from controller.climate.coldchain import Air, Exposure

KEY = "air:"
"""Before a zone's name: its key among the counters of the store."""


def air_to_json(air: Air, *, alarmed: bool, cold_ms: int | None) -> str:
    """``cold_ms``: the cloud's clock showed at least this when the air was last cold; None: nobody knew.

    ``alarmed`` is only for an older version, which does not keep which faults are open.
    """
    return json.dumps({**asdict(air), "alarmed": alarmed, "cold_ms": cold_ms}, separators=(",", ":"))


def air_from_json(text: str) -> tuple[Air, int | None]:
    """The air and ``cold_ms``."""
    raw: dict[str, Any] = json.loads(text)
    cold_ms = raw.pop("cold_ms")
    del raw["alarmed"]
    total, came = Exposure(**raw.pop("total")), raw.pop("came")
    kept = {occupancy: Exposure(**then) for occupancy, then in came.items()}
    return Air(**raw, total=total, came=kept), cold_ms
