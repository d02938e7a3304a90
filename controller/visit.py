"""One compartment and what may happen to it: pure functions ``(box, input, now) -> Step``.

No clock, no wire, no store. Whoever calls commits ``step.box`` and ``step.facts`` in one transaction and
only then carries out ``step.pulse``. The rules that are kept here:

* at most K pulses for an opening, all within W seconds; none once its door was seen open;
* a pulse only while loading, collecting, in service or in an emergency, and only for the occupancy that
  the opening was granted for;
* a restart never pulses by itself: it makes an unfinished opening *ambiguous*, and the same person may use
  the rest of its pulses; after that a person has to look;
* the switch says that a door opened, never the pulse; a switch that was open all along proves nothing and
  vetoes nothing.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, TypedDict

from config.contract import events as fact
from controller.doors import Door, DoorState, Reading, read


class State(StrEnum):
    UNKNOWN = "unknown"
    VACANT = "vacant"  # seen empty, or flagged unverified
    LOADING = "loading"  # a courier is putting a parcel in
    OCCUPIED = "occupied"  # a parcel lies here
    COLLECTING = "collecting"  # its owner was let in
    CHECKING = "checking"  # nobody knows what lies here; a person has to look


class Side(StrEnum):
    """Conditions beside the state; any of them keeps new parcels out."""

    OVERDUE = "overdue"
    COLD_HOLD = "cold_hold"
    QUARANTINE = "quarantine"
    OUT_OF_SERVICE = "out_of_service"
    FORCED = "forced"


class Purpose(StrEnum):
    LOAD = "load"
    COLLECT = "collect"
    SERVICE = "service"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits of an opening; seconds."""

    pulses: int = 3
    window_s: float = 60.0
    release_wait_s: float = 3.0
    rest_s: float = 300.0
    left_open_alarm_s: float = 60.0
    left_open_block_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Opening:
    """One recorded opening of one door, from the grant to the closed door."""

    number: int
    purpose: Purpose
    proof: fact.Proof
    before: State
    pulses: int = 0
    first_pulse: float = 0.0
    intended: float | None = None
    """When the pulse under way was committed; None between pulses."""
    sent_at: float | None = None
    """When its bytes were written, once that is known."""
    closed_before: bool = False
    """The door was seen closed before the pulse: only then can 'open' prove anything."""
    opened_at: float | None = None
    ambiguous: bool = False
    not_after: float | None = None
    """No pulse after this (a command's deadline); None for people who stand there."""
    command: str | None = None
    badge: str | None = None

    @property
    def seen_open(self) -> bool:
        return self.opened_at is not None


@dataclass(frozen=True, slots=True)
class Box:
    """A compartment: what lies in it, who is at it, and its door."""

    label: str
    state: State = State.VACANT
    sides: frozenset[Side] = frozenset()
    occupancy: str | None = None
    order: str | None = None
    parcel: str | None = None
    verified: bool = True
    opening: Opening | None = None
    rest_until: float = 0.0
    door: Door = field(default_factory=Door)

    @property
    def assignable(self) -> bool:
        """May be given to a new parcel."""
        return (
            self.state is State.VACANT and not self.sides and not self.door.is_open and self.opening is None
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody entitled wants this door; ``number`` is new for every opening."""

    number: int
    purpose: Purpose
    proof: fact.Proof
    occupancy: str | None
    order: str | None = None
    parcel: str | None = None
    not_after: float | None = None
    command: str | None = None
    badge: str | None = None


@dataclass(frozen=True, slots=True)
class Pulse:
    """To be carried out once the step is committed."""

    label: str
    opening: int
    pulse: int
    occupancy: str | None
    not_after: float
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class Pulsed:
    """What became of a pulse on the wire."""

    opening: int
    pulse: int
    sent_at: float | None
    withheld: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """The box afterwards, what is to be recorded, and the pulse that follows the commit."""

    box: Box
    facts: tuple[fact.Fact, ...] = ()
    pulse: Pulse | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing happens; ``reason`` is a code of the refusal table."""

    reason: str


# --- asking for a door --------------------------------------------------------------------------------


def ask(box: Box, wish: Ask, now: float, rules: Rules) -> Step | Refused:
    """Grant an opening, or the next pulse of one that is under way, or say why not."""
    refusal = _refusal(box, wish, now)
    if refusal:
        return Refused(refusal)
    if box.opening is not None and wish.purpose is not Purpose.EMERGENCY:
        return _again(box, box.opening, wish, now, rules)
    return _begin(box, wish, now, rules)


def _refusal(box: Box, wish: Ask, now: float) -> str:
    match wish.purpose:
        case Purpose.COLLECT:
            return _may_collect(box, wish, now)
        case Purpose.LOAD:
            return _may_load(box, wish)
        case Purpose.SERVICE:
            return _may_service(box, wish)
        case Purpose.EMERGENCY:
            return ""


def _may_collect(box: Box, wish: Ask, now: float) -> str:
    if box.state not in (State.OCCUPIED, State.COLLECTING, State.CHECKING) or box.occupancy is None:
        return "not_valid"
    if wish.occupancy != box.occupancy:
        return "other_occupancy"
    if box.sides & {Side.COLD_HOLD, Side.QUARANTINE}:
        return "held"
    if box.opening is not None and box.opening.purpose is not Purpose.COLLECT:
        return "busy"
    return "door_stuck" if box.rest_until > now else ""


def _may_load(box: Box, wish: Ask) -> str:
    if wish.parcel is None or wish.occupancy is None:
        return "unknown_parcel"
    if box.parcel == wish.parcel and box.state in (State.LOADING, State.CHECKING):
        return "" if box.opening is None or box.opening.purpose is Purpose.LOAD else "busy"
    return "" if box.assignable else "no_fit"


def _may_service(box: Box, wish: Ask) -> str:
    if wish.occupancy != box.occupancy:
        return "other_occupancy"
    return "busy" if box.opening is not None else ""


def _again(box: Box, opening: Opening, wish: Ask, now: float, rules: Rules) -> Step | Refused:
    """The same person asks once more while the opening is under way."""
    if opening.seen_open or (opening.intended is not None and not opening.ambiguous):
        return Refused("busy")
    if not _pulses_left(opening, now, rules):
        return Refused("door_stuck")
    renewed = replace(opening, proof=wish.proof, not_after=wish.not_after, command=wish.command)
    facts = _started(box, renewed) if wish.command != opening.command else ()
    return _pulse(box, renewed, now, rules, facts)


def _begin(box: Box, wish: Ask, now: float, rules: Rules) -> Step:
    """A new opening; the first pulse is intended in the same step, so in the same transaction."""
    opening = Opening(
        number=wish.number, purpose=wish.purpose, proof=wish.proof, before=_resting(box), first_pulse=now,
        not_after=wish.not_after, command=wish.command, badge=wish.badge,
    )  # fmt: skip
    facts: tuple[fact.Fact, ...] = ()
    if box.opening is not None:
        facts = _command_ended(box.opening, "failed", "busy")
    match wish.purpose:
        case Purpose.COLLECT:
            box = replace(box, state=State.COLLECTING)
        case Purpose.LOAD:
            box = replace(
                box, state=State.LOADING, parcel=wish.parcel, order=wish.order,
                occupancy=box.occupancy or wish.occupancy, verified=True,
            )  # fmt: skip
    return _pulse(box, opening, now, rules, (*facts, *_started(box, opening)))


def _resting(box: Box) -> State:
    """The state to return to when nothing changes hands."""
    return box.opening.before if box.opening is not None else box.state


def _started(box: Box, opening: Opening) -> tuple[fact.Fact, ...]:
    return (
        fact.OpeningStarted(
            **_of(replace(box, opening=opening), opening), command=opening.command, badge=opening.badge
        ),
    )


def _pulse(box: Box, opening: Opening, now: float, rules: Rules, facts: tuple[fact.Fact, ...] = ()) -> Step:
    last = opening.first_pulse + rules.window_s
    not_after = last if opening.not_after is None else min(last, opening.not_after)
    opening = replace(
        opening, pulses=opening.pulses + 1, intended=now, sent_at=None, ambiguous=False,
        closed_before=box.door.is_closed,
    )  # fmt: skip
    box = replace(box, opening=opening, door=replace(box.door, doubt=None))
    intended = fact.PulseIntended(**_of(box, opening), pulse=opening.pulses)
    emergency = opening.purpose is Purpose.EMERGENCY
    pulse = Pulse(box.label, opening.number, opening.pulses, box.occupancy, not_after, emergency)
    return Step(box, (*facts, intended), pulse)


def _pulses_left(opening: Opening, now: float, rules: Rules) -> bool:
    in_time = opening.not_after is None or now < opening.not_after
    return opening.pulses < rules.pulses and now < opening.first_pulse + rules.window_s and in_time


# --- what came of a pulse -----------------------------------------------------------------------------


def pulsed(box: Box, done: Pulsed) -> Step:
    """The wire has answered, or not, or the pulse was held back at the last moment."""
    opening = box.opening
    if opening is None or (opening.number, opening.pulses) != (done.opening, done.pulse):
        return Step(box)
    if done.withheld:
        return _withheld(box, opening, done)
    return Step(replace(box, opening=replace(opening, sent_at=done.sent_at)))


def _withheld(box: Box, opening: Opening, done: Pulsed) -> Step:
    told = fact.PulseWithheld(**_of(box, opening), pulse=done.pulse, reason=done.withheld)
    outcome = _command_ended(opening, "rejected" if opening.pulses == 1 else "failed", done.withheld)
    box = _back(box, opening)
    return Step(box, (told, fact.OpeningEnded(**_of(box, opening)), *outcome))


# --- the door -----------------------------------------------------------------------------------------


def door_read(box: Box, reading: Reading, now: float, rules: Rules) -> Step:
    """The switch was read; finishes openings, notices forced doors."""
    opening = box.opening
    if opening is not None and _pulse_on_its_way(opening, reading):
        return Step(box)
    awaited = opening is not None and not opening.seen_open and opening.closed_before
    was = box.door
    door, changed = read(was, reading, expected=awaited)
    box = replace(box, door=door)
    if opening is not None and door.is_closed and not opening.closed_before:
        opening = replace(opening, closed_before=True)
        box = replace(box, opening=opening)
    if door.state is DoorState.SENSOR_FAULT and changed is False and door.since == reading.asked_at:
        return Step(box, (fact.FaultRaised(fault="switch_flapping", subject=box.label),))
    if opening is not None and opening.seen_open and door.is_closed:
        return _finish(box, opening, now, rules)
    if not changed:
        return Step(box)
    if door.is_open:
        return _opened(box, opening, reading) if awaited and opening is not None else _forced(box)
    return _closed(box, was, now)


def _pulse_on_its_way(opening: Opening, reading: Reading) -> bool:
    """A reading asked before the pulse was written, or while that is unknown, says nothing about it."""
    if opening.intended is None or opening.ambiguous:
        return False
    return opening.sent_at is None or reading.asked_at <= opening.sent_at


def _opened(box: Box, opening: Opening, reading: Reading) -> Step:
    waited = reading.asked_at - (opening.sent_at if opening.sent_at is not None else reading.asked_at)
    opening = replace(opening, opened_at=reading.asked_at, intended=None, ambiguous=False)
    box = replace(box, opening=opening, rest_until=0.0)
    told = fact.DoorOpened(**_of(box, opening), pulse=opening.pulses, after_pulse_ms=round(waited * 1000))
    return Step(box, (told, *_command_ended(opening, "succeeded", "")))


def _forced(box: Box) -> Step:
    """Open, and no opening explains it. A switch that was open before the pulse comes here, too."""
    if box.opening is not None:
        return Step(box)
    box = replace(
        box, sides=box.sides | {Side.FORCED}, door=replace(box.door, state=DoorState.FORCED), verified=False
    )
    return Step(box, (fact.DoorForced(box=now_of(box)), _fault("door_forced", box)))


def _closed(box: Box, was: Door, now: float) -> Step:
    if box.opening is not None or was.state is DoorState.UNKNOWN:
        return Step(box)
    told = fact.DoorClosed(box=now_of(box), open_ms=max(0, round((now - was.since) * 1000)))
    cleared = fact.FaultCleared(fault="door_left_open", subject=box.label)
    return Step(box, (told, cleared) if was.told_left_open else (told,))


def _finish(box: Box, opening: Opening, now: float, rules: Rules) -> Step:
    """Seen open, now closed: what the opening was for has happened."""
    assert opening.opened_at is not None
    open_s = now - opening.opened_at
    match opening.purpose:
        case Purpose.COLLECT:
            after, told = _collected(box, opening)
        case Purpose.LOAD:
            after = replace(box, state=State.OCCUPIED, opening=None)
            told = fact.ParcelDeposited(**_of(after, opening), **_parcel_in(box))
        case Purpose.SERVICE | Purpose.EMERGENCY:
            after, told = _looked_into(box, opening)
    facts: list[fact.Fact] = [fact.DoorClosed(box=now_of(after), open_ms=max(0, round(open_s * 1000))), told]
    if open_s >= rules.left_open_alarm_s:
        facts.append(fact.FaultCleared(fault="door_left_open", subject=box.label))
    if after.state is State.VACANT and open_s >= rules.left_open_block_s:
        after, need = _to_be_checked(after, opening, "left_open")
        facts += need
    return Step(after, tuple(facts))


def _collected(box: Box, opening: Opening) -> tuple[Box, fact.Fact]:
    """Nothing here can tell whether something was left behind, so 'vacant' is flagged as not verified."""
    after = replace(
        box, state=State.VACANT, occupancy=None, order=None, parcel=None, opening=None, verified=False
    )
    return after, fact.ParcelCollected(**_of(after, opening), **_parcel_in(box))


def _looked_into(box: Box, opening: Opening) -> tuple[Box, fact.Fact]:
    """Somebody else than the owner had the door open: what lay there may be gone."""
    if opening.before is State.VACANT:
        after = replace(box, state=State.VACANT, opening=None, verified=False)
        return after, fact.OpeningEnded(**_of(after, opening))
    after = replace(box, state=State.CHECKING, opening=None)
    return after, fact.CheckNeeded(**_of(after, opening), reason=f"opened for {opening.purpose}")


# --- time ---------------------------------------------------------------------------------------------


def tick(box: Box, now: float, rules: Rules) -> Step:
    """Time has passed: the next pulse, the end of an opening, a door left open."""
    opening = box.opening
    if opening is not None and not opening.seen_open:
        return _waiting(box, opening, now, rules)
    return _left_open(box, now, rules)


def _waiting(box: Box, opening: Opening, now: float, rules: Rules) -> Step:
    if opening.ambiguous:
        over = now >= opening.first_pulse + rules.window_s
        return _unclear(box, opening) if over else Step(box)
    if opening.intended is None or opening.sent_at is None or now < opening.sent_at + rules.release_wait_s:
        return Step(box)
    if _pulses_left(opening, now, rules):
        return _pulse(box, opening, now, rules)
    return _exhausted(box, opening, now, rules)


def _exhausted(box: Box, opening: Opening, now: float, rules: Rules) -> Step:
    """All pulses used. Only a switch that reads closed says that the door did not open."""
    if not box.door.is_closed:
        return _unclear(box, opening)
    told = fact.OpeningFailed(**_of(_back(box, opening), opening), pulses=opening.pulses)
    outcome = _command_ended(opening, "failed", "door_stuck")
    after = replace(_back(box, opening), door=replace(box.door, state=DoorState.STUCK))
    if opening.purpose is Purpose.LOAD:
        return _dead_door(after, opening, (told, *outcome), _parcel_in(box))
    after = replace(after, rest_until=now + rules.rest_s)
    return Step(after, (told, _fault("door_stuck", box), *outcome))


def _dead_door(box: Box, opening: Opening, facts: tuple[fact.Fact, ...], parcel: "_Parcel") -> Step:
    """The parcel is still in the courier's hands; no other one is sent here."""
    box = replace(box, sides=box.sides | {Side.OUT_OF_SERVICE})
    aborted = fact.DepositAborted(**_of(box, opening), **parcel, reason="door_stuck")
    return Step(box, (*facts, aborted, _fault("door_stuck", box)))


def _back(box: Box, opening: Opening) -> Box:
    """As before the opening. A parcel that was to be loaded is not in the box."""
    box = replace(box, state=opening.before, opening=None)
    if opening.before is State.VACANT:
        return replace(box, occupancy=None, order=None, parcel=None)
    return box


def _unclear(box: Box, opening: Opening) -> Step:
    """Nobody saw whether the door opened. What was there, or was to be there, is kept in mind."""
    if opening.before is State.VACANT and opening.purpose is not Purpose.LOAD:
        box = _back(box, opening)
        return Step(box, (fact.OpeningEnded(**_of(box, opening)), *_command_ended(opening, "unknown", "")))
    after, facts = _to_be_checked(box, opening, "door not seen")
    return Step(after, (*facts, *_command_ended(opening, "unknown", "")))


def _to_be_checked(box: Box, opening: Opening, reason: str) -> tuple[Box, tuple[fact.Fact, ...]]:
    box = replace(box, state=State.CHECKING, opening=None)
    need = fact.CheckNeeded(**_of(box, opening), reason=reason)
    return box, (need, _fault("compartment_unclear", box))


def _left_open(box: Box, now: float, rules: Rules) -> Step:
    if not box.door.is_open or box.door.told_left_open or now < box.door.since + rules.left_open_alarm_s:
        return Step(box)
    box = replace(box, door=replace(box.door, told_left_open=True))
    told = fact.DoorLeftOpen(box=now_of(box), open_ms=round((now - box.door.since) * 1000))
    return Step(box, (told, _fault("door_left_open", box)))


# --- restart ------------------------------------------------------------------------------------------


def restarted(box: Box, *, same_boot: bool) -> Step:
    """The controller starts and finds this box in its store. Doors are unknown until they are read."""
    box = replace(box, door=Door())
    opening = box.opening
    if opening is None or opening.seen_open:
        return Step(box if same_boot else replace(box, rest_until=0.0))
    started = opening.first_pulse if same_boot else float("-inf")
    opening = replace(opening, ambiguous=True, intended=None, sent_at=None, first_pulse=started)
    box = replace(box, opening=opening, rest_until=box.rest_until if same_boot else 0.0)
    return Step(box, (fact.OpeningAmbiguous(**_of(box, opening)),))


# --- facts --------------------------------------------------------------------------------------------


def now_of(box: Box) -> fact.BoxNow:
    """The box as an event tells it."""
    return fact.BoxNow(
        label=box.label, state=box.state.value, door=door_now(box), sides=_sides(box),
        occupancy=box.occupancy, order=box.order, parcel=box.parcel, verified=box.verified,
    )  # fmt: skip


def _sides(box: Box) -> tuple[fact.SideState, ...]:
    return tuple(sorted(side.value for side in box.sides))


def door_now(box: Box) -> fact.DoorState:
    """What to call the door right now; a pulse under way hides the switch."""
    opening = box.opening
    if opening is not None and opening.intended is not None and not opening.seen_open:
        return "pulsing"
    return box.door.state.value


class _InOpening(TypedDict):
    box: fact.BoxNow
    opening: int
    purpose: fact.OpeningPurpose
    proof: fact.Proof


def _of(box: Box, opening: Opening) -> _InOpening:
    return {
        "box": now_of(box),
        "opening": opening.number,
        "purpose": opening.purpose.value,
        "proof": opening.proof,
    }


class _Parcel(TypedDict):
    occupancy: str
    order: str
    parcel: str


def _parcel_in(box: Box) -> _Parcel:
    assert box.occupancy is not None
    assert box.order is not None
    assert box.parcel is not None
    return {"occupancy": box.occupancy, "order": box.order, "parcel": box.parcel}


def _fault(code: str, box: Box) -> fact.FaultRaised:
    return fact.FaultRaised(fault=code, subject=box.label)


Outcome = Literal["succeeded", "failed", "rejected", "unknown"]


def _command_ended(opening: Opening, outcome: Outcome, reason: str) -> tuple[fact.Fact, ...]:
    if opening.command is None:
        return ()
    return (fact.CommandEnded(command=opening.command, outcome=outcome, reason=reason),)
