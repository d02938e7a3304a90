"""How a compartment lies in its row, and the checksum beside it."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

from controller.beams import Beam
from controller.visit import Box, Left, Opening, Purpose, Side, State


def checksum(key: str, body: str) -> str:
    """``integrity_check`` misses bit flips inside a row; this does not."""
    return hashlib.blake2b(f"{key}|{body}".encode(), digest_size=8).hexdigest()


def box_to_json(box: Box) -> str:
    """All of a box but its door, which is read anew after a start."""
    opening = _opening_to_json(box.opening) if box.opening is not None else None
    return json.dumps(
        {
            "state": box.state,
            "sides": sorted(box.sides),
            "occupancy": box.occupancy,
            "order": box.order,
            "parcel": box.parcel,
            "verified": box.verified,
            "awaits_word": box.awaits_word,
            "rest_until": box.rest_until,
            "left": asdict(box.left) if box.left is not None else None,
            "opening": opening,
            "beam": {"overruled": box.beam.overruled},
        },
        separators=(",", ":"),
    )


def _opening_to_json(opening: Opening) -> dict[str, Any]:
    told = asdict(opening)
    if not opening.blind:
        del told["blind"]  # whoever goes back to an older version knows no such key
    return told


def box_from_json(label: str, body: str) -> Box:
    raw: dict[str, Any] = json.loads(body)
    return Box(
        label=label,
        state=State(raw["state"]),
        sides=frozenset(Side(side) for side in raw["sides"]),
        occupancy=raw["occupancy"],
        order=raw["order"],
        parcel=raw["parcel"],
        verified=raw["verified"],
        awaits_word=raw.get("awaits_word", False),
        rest_until=raw["rest_until"],
        left=_left(raw.get("left")),
        opening=_opening(raw["opening"]),
        beam=Beam(**raw.get("beam", {})),
    )


def _left(raw: dict[str, Any] | None) -> Left | None:
    return None if raw is None else Left(**raw)


def _opening(raw: dict[str, Any] | None) -> Opening | None:
    if raw is None:
        return None
    return Opening(**{**raw, "purpose": Purpose(raw["purpose"]), "before": State(raw["before"])})
