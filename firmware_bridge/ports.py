"""What the rest of the product may ask of hardware, and the readings it gets back.

All times are monotonic seconds (``time.monotonic``, which is also the clock of the event loop).
Channels count from 1, as printed on the boards.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

Permit = Callable[[], bool]
"""Asked as the last statement before the bytes of an opening are written; ``False`` sends nothing."""

SETTLES_SECONDS = 0.3
"""So long after a pulse a door has sprung off its switch, and a board with a slow clock has ended it."""


class PulseAnswer(StrEnum):
    """What the board said to an opening. None of these says that a door moved."""

    ACCEPTED = "accepted"
    """The board acknowledged the command for this channel."""
    REFUSED = "refused"
    """The board understood and said no: no pulse."""
    NO_ANSWER = "no_answer"
    """Nothing came back. With ``sent_at`` set the pulse may have happened; without, nothing was sent."""
    NEVER_ANSWERS = "never_answers"
    """Sent, to a board that says nothing to openings: as ``NO_ANSWER``, and no sign of a fault."""
    WITHHELD = "withheld"
    """The permit said no; not one byte left."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """One attempt to release one lock."""

    board: str
    channel: int
    answer: PulseAnswer
    sent_at: float | None = None
    """When the bytes were written; None when none were."""
    ends_at: float | None = None
    """The coil can be energised until then; a reading asked for later was sampled after the pulse."""
    answered_at: float | None = None


@dataclass(frozen=True, slots=True)
class DoorReadings:
    """The inputs of one board, as they were at some moment between asking and answering."""

    board: str
    doors: Mapping[int, bool]
    """Channel to "this door stands open"."""
    asked_at: float
    answered_at: float
    beams: Mapping[int, bool] = field(default_factory=dict)
    """Input to "something interrupts this light beam"."""
    stays_on: str = ""
    """Which output was still on after its pulse, in a sentence; such a board opens nothing any more."""
    seen_off: bool = False
    """Whether an output was read after a pulse, and was off; most boards do not tell."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One code, as text, from a reader."""

    text: str
    at: float
    """When its last byte arrived."""
    reader: str


@dataclass(frozen=True, slots=True)
class AirReading:
    """The air at one probe."""

    thermometer: str
    celsius: float
    humidity: float | None
    """Relative, in percent; None where the device does not measure it."""
    asked_at: float


@dataclass(frozen=True, slots=True)
class WeightReading:
    """What lay on one scale."""

    scale: str
    milligrams: int
    """Net: what is more than at the last tare. Whole, so that sums of weights are exact."""
    stable: bool | None
    """Whether the load rested; None where the device does not say."""
    asked_at: float

    @property
    def grams(self) -> float:
        """For people."""
        return self.milligrams / 1000


@dataclass(frozen=True, slots=True)
class InputReadings:
    """The contacts that are wired to one card, as they were at some moment between asking and answering."""

    card: str
    disturbed: Mapping[str, bool]
    """Name of the input to "it is not as it is while nothing is the matter"."""
    asked_at: float
    answered_at: float


class Port(Protocol):
    """Where boards or a reader are plugged in: a wire, or the guard that owns the pins of this computer."""

    @property
    def is_open(self) -> bool: ...

    @property
    def fault(self) -> Exception | None:
        """Why it is not open."""
        ...

    async def open(self) -> None:
        """``PortUnavailable`` when that fails; it is then tried again until ``close``."""
        ...

    async def close(self) -> None: ...


class Thermometer(Protocol):
    """A probe in the air of a zone."""

    @property
    def name(self) -> str: ...

    async def air(self) -> AirReading:
        """``BoardSilent``, ``BadFrame``, ``BoardRefused``, ``ImpossibleReading``, ``PortError``."""
        ...


class Scale(Protocol):
    """A pan that something is put on or taken from."""

    @property
    def name(self) -> str: ...

    async def weigh(self) -> WeightReading:
        """Raises as ``Thermometer.air``; an overload is an ``ImpossibleReading``."""
        ...

    async def tare(self) -> None:
        """What lies on it counts as nothing from now on. Sent once, whatever comes back.

        Raises as ``weigh``, which it begins with; ``StillMoving`` where the load does not rest, ``WrongUse``
        where the device cannot be told. After ``BoardSilent`` or ``BadFrame`` it may have happened.
        """
        ...

    async def zero(self) -> None:
        """Nothing lies on it: that is zero from now on. As ``tare``."""
        ...


class SignalInputs(Protocol):
    """A card with contacts of the case: tamper, tilt, the button of whoever is inside."""

    @property
    def name(self) -> str: ...

    async def read(self) -> InputReadings:
        """``BoardSilent``, ``BadFrame``, ``BoardRefused``, ``PortError``."""
        ...


class Indicator(Protocol):
    """A lamp or a buzzer: an output that may stay on. No lock is within its reach."""

    @property
    def name(self) -> str: ...

    @property
    def card(self) -> str:
        """What it hangs on; a dead one has all its indicators fail."""
        ...

    async def show(self, on: bool) -> None:
        """Switch it; may be repeated. ``BoardSilent``, ``BadFrame``, ``BoardRefused``, ``PortError``."""
        ...


class LockBoard(Protocol):
    """A board that times its own pulses and reads door switches."""

    @property
    def name(self) -> str: ...

    @property
    def channels(self) -> int: ...

    @property
    def pulse_seconds(self) -> float:
        """How long the board energises a coil."""
        ...

    @property
    def reply_seconds(self) -> float:
        """The board is taken for silent when it has not answered for so long."""
        ...

    async def open(self, channel: int, permit: Permit) -> Pulse:
        """Energise one lock once; never repeated, whatever comes back. ``WrongUse``: no such channel."""
        ...

    async def doors(self) -> DoorReadings:
        """Ask for all door switches and light beams.

        ``BoardSilent``, ``BadFrame``, ``BoardRefused``, ``PortError``.
        """
        ...

    async def release(self) -> None:
        """Return when every output is off, whatever a program before us had begun. Raises as ``doors``.

        Families with outputs that can be held are told so; others are given the time of a pulse. A driver
        does it by itself before a first opening if nobody did.
        """
        ...


class CodeReader(Protocol):
    """A reader that sends codes by itself."""

    @property
    def name(self) -> str: ...

    @property
    def refused(self) -> int:
        """How many scans were no text, or too long."""
        ...

    def __aiter__(self) -> AsyncIterator[Scan]: ...
