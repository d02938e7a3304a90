"""What the openings of a walk say about the wiring. Pure: no ports, no clock, nobody is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.cabinet import Cabinet, Compartment

Channel = tuple[str, int]
"""A board and one of its channels."""


@dataclass(frozen=True, slots=True)
class Opened:
    """One pulse on one lock, and what came of it."""

    lock: Channel
    doors: tuple[str, ...]
    """The labels of the doors that the person saw open."""
    moved: tuple[Channel, ...]
    """The switches that went from closed to open."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as the plan says; ``where`` is a door's label or a board's name."""

    where: str
    what: str
    repaired: bool = False
    """Whether the written file makes it right, so that nobody has to touch a cable."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Wiring:
    """The cabinet as it is: a plan whose doors are wired as was seen, and without those that do not work."""

    cabinet: dict[str, Any]
    """Ready to be written as a cabinet file."""
    findings: tuple[Finding, ...]
    left_out: tuple[str, ...] = field(default=())


def learn(
    plan: Cabinet,
    openings: Sequence[Opened],
    boards: Mapping[str, Mapping[str, Any]],
    found: Sequence[Finding] = (),
) -> Wiring:
    """The wiring that these openings show; ``boards`` are keys of boards that have to be set otherwise."""
    raw = plan.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for board in raw["board"]:
        board |= boards.get(board["name"], {})
    findings = list(found)
    compartments, left_out = [], []
    for planned, written in zip(plan.compartment, raw["compartment"], strict=True):
        told, is_whole = _one(planned, openings)
        findings += told
        if is_whole is None:
            left_out.append(planned.label)
        else:
            compartments.append(_wired(written, is_whole))
    raw["compartment"] = compartments
    if "indicator" in raw:  # a lamp goes with its door
        raw["indicator"] = [lamp for lamp in raw["indicator"] if lamp.get("label") not in left_out]
    return Wiring(raw, tuple(findings), tuple(left_out))


Told = tuple[list[Finding], Opened | None]
"""What there is to say of one door, and the opening that shows its wiring if it works."""


def _one(planned: Compartment, openings: Sequence[Opened]) -> Told:
    mine = [opened for opened in openings if planned.label in opened.doors]
    if not mine:
        return _broken(planned, "no lock opened it: look at its lock and its cable")
    if len(mine) > 1:
        locks = " and ".join(_channel(opened.lock) for opened in mine)
        return _broken(planned, f"it was opened by {locks}: only one of them can be its lock")
    (opened,) = mine
    if len(opened.doors) > 1:
        others = ", ".join(label for label in opened.doors if label != planned.label)
        return _broken(planned, f"it opened together with {others}: two boards with one address?")
    return _switch(planned, opened)


def _switch(planned: Compartment, opened: Opened) -> Told:
    if not opened.moved:
        return _broken(planned, "it opened and no switch moved: its switch or its cable is broken")
    if len(opened.moved) > 1:
        moved = " and ".join(map(_channel, opened.moved))
        return _broken(planned, f"the switches of {moved} moved with it: only one can be its own")
    (switch,) = opened.moved
    if switch[0] != opened.lock[0]:
        apart = f"its lock hangs on {_channel(opened.lock)}, its switch on {_channel(switch)}"
        return _broken(planned, f"{apart}: put both on one board")
    return list(_differences(planned, opened, switch)), opened


def _broken(planned: Compartment, what: str) -> Told:
    return [Finding(planned.label, what)], None


def _differences(planned: Compartment, opened: Opened, switch: Channel) -> list[Finding]:
    meant_lock, meant_switch = (planned.board, planned.channel), (planned.board, planned.switch)
    findings = []
    if opened.lock != meant_lock:
        what = f"its lock is wired to {_channel(opened.lock)}, not to {_channel(meant_lock)}"
        findings.append(Finding(planned.label, what, repaired=True))
    if switch != meant_switch:
        what = f"its switch is wired to {_channel(switch)}, not to {_channel(meant_switch)}"
        findings.append(Finding(planned.label, what, repaired=True))
    return findings


def _wired(written: dict[str, Any], opened: Opened) -> dict[str, Any]:
    (board, channel), ((_, switch),) = opened.lock, opened.moved
    wired = written | {"board": board, "channel": channel, "switch_channel": switch}
    if switch == channel:
        del wired["switch_channel"]
    return wired


def _channel(channel: Channel) -> str:
    return f"channel {channel[1]} of board {channel[0]}"
