"""What a compartment is, what may be asked of it, and what comes of a step."""

from dataclasses import dataclass, field
from enum import StrEnum

from config.contract import events as fact
from controller.beams import Beam
from controller.doors import Door


class State(StrEnum):
    UNKNOWN = "unknown"
    VACANT = "vacant"  # seen empty, or flagged unverified
    LOADING = "loading"  # a courier is putting a parcel in
    OCCUPIED = "occupied"  # a parcel lies here
    COLLECTING = "collecting"  # its owner was let in, or who removes what nobody fetched
    CHECKING = "checking"  # nobody knows what lies here, or whose it is; a person has to look


class Side(StrEnum):
    """Conditions beside the state; any of them keeps new parcels out."""

    OVERDUE = "overdue"
    COLD_HOLD = "cold_hold"
    QUARANTINE = "quarantine"
    OUT_OF_SERVICE = "out_of_service"
    FORCED = "forced"
    UNPROVEN = "unproven"  # wired anew: nobody has seen yet that its own lock moves its own door


class Purpose(StrEnum):
    LOAD = "load"
    COLLECT = "collect"
    REMOVE = "remove"
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
    blind: bool = False
    """Nobody read the switch after one of its pulses: the door may have been opened and shut again."""
    opened_at: float | None = None
    ambiguous: bool = False
    not_after: float | None = None
    """No pulse after this (a command's or an order's deadline); None for people who stand there."""
    command: str | None = None
    badge: str | None = None

    @property
    def seen_open(self) -> bool:
        return self.opened_at is not None


@dataclass(frozen=True, slots=True)
class Left:
    """What was collected from here last: its owner may look once more."""

    occupancy: str
    order: str
    at: float
    reopened: int = 0


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
    awaits_word: bool = False
    """A loading nobody saw, or saw properly: whoever loaded says whether the parcel is in."""
    left: Left | None = None
    opening: Opening | None = None
    rest_until: float = 0.0
    door: Door = field(default_factory=Door)
    beam: Beam = field(default_factory=Beam)

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
    again: bool = False
    """Wants to look once more into a compartment whose goods were collected."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """To be carried out once the step is committed."""

    label: str
    opening: int
    pulse: int
    occupancy: str | None
    not_after: float
    emergency: bool = False
    """Somebody is inside: nothing holds it back."""


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
