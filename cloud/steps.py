"""Where a parcel stands for the person who collects it: one word out of the cloud's rows. Pure."""

from enum import StrEnum
from typing import Any

Row = dict[str, Any]


class Step(StrEnum):
    """What the resident page says in words."""

    EXPECTED = "expected"  # not in the cabinet as far as the cloud has heard
    READY = "ready"  # lies behind a closed door
    OPENING = "opening"  # a pulse is under way
    OPEN = "open"  # the switch says open
    STUCK = "stuck"  # all pulses used, the door was not seen open
    COLLECTED = "collected"
    LEFT_BEHIND = "left_behind"  # collected, and something lies behind the shut door still
    EXPIRED = "expired"
    CALL = "call"  # a person has to sort it out


_BY_DOOR = {"pulsing": Step.OPENING, "open": Step.OPEN, "ajar": Step.OPEN, "stuck": Step.STUCK}
_HELD = {"cold_hold", "quarantine", "unproven"}
"""Side states in which the cabinet does not hand out what lies there."""


def step_of(parcel: Row, box: Row | None, *, over: bool) -> Step:
    """``box`` is the compartment with this parcel in it, if it is known; ``over``: past the pickup time."""
    if parcel["state"] == "collected":
        return Step.COLLECTED
    if parcel["state"] == "removed":
        return Step.EXPIRED
    if parcel["state"] == "unclear":
        return Step.CALL
    door = box["door"] if box is not None else "unknown"
    if door in ("pulsing", "open", "ajar"):
        return _BY_DOOR[door]
    if box is not None and _HELD & set(box["sides"].split()):
        return Step.CALL
    if over:
        return Step.EXPIRED
    if parcel["state"] == "expected":
        return Step.EXPECTED
    if parcel["note"] == "door_stuck":
        return Step.STUCK
    return _BY_DOOR.get(door, Step.READY)
