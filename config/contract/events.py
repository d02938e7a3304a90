"""What happened at a cabinet, in the past tense. Each event is written with the change that it tells of.

An event travels as one line of JSON with the attribute names of CloudEvents 1.0, plus ``epoch seq boot
mono_ms clock``. The key is (cabinet, epoch, seq); ``seq`` has no gaps. Order is (epoch, seq), never time.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from config.contract.messages import BadMessage, BoxSize, Clock, Epoch, Id64, Label, OccupancyId, ZoneClass

SideState = Literal["overdue", "cold_hold", "quarantine", "out_of_service", "forced", "unproven"]
CompartmentState = Literal["unknown", "vacant", "reserved", "loading", "occupied", "collecting", "checking"]
DoorState = Literal["unknown", "closed", "pulsing", "open", "ajar", "stuck", "forced", "sensor_fault"]


MOST_BOXES = 40
"""So many compartments fit into one event of ``LARGEST_EVENT_BYTES``."""
MOST_USED = 600
"""And so many parcels by their number."""


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    type: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type = cls.__name__


class BoxNow(_Fact):
    """A compartment after the event: the cloud's row for it is replaced by this."""

    label: Label
    state: CompartmentState
    door: DoorState
    sides: tuple[SideState, ...] = ()
    occupancy: OccupancyId | None = None
    order: Id64 | None = None
    parcel: Id64 | None = None
    verified: bool = Field(default=True, description="false: called vacant without having been seen empty")


class _AtBox(_Fact):
    box: BoxNow


Proof = Literal["code", "code_tail", "qr", "phone", "remote", "badge", "inside", "officers", "none"]
OpeningPurpose = Literal["load", "collect", "remove", "service", "emergency"]


class _InOpening(_AtBox):
    opening: int = Field(ge=1, description="counts up within an epoch")
    purpose: OpeningPurpose
    proof: Proof


class Booted(_Fact):
    """The controller has started and read its store."""

    software: str
    map_version: str
    reason: Literal["start", "crash", "power"]
    boxes: tuple[BoxNow, ...] = Field(max_length=MOST_BOXES)


class Surveyed(_Fact):
    """More compartments as they were found at start, where one event cannot hold them all."""

    boxes: tuple[BoxNow, ...] = Field(max_length=MOST_BOXES)


EpochReason = Literal["restored", "lost", "fork"]


class EpochBegan(_Fact):
    """First event of an epoch that follows another one: numbers begin again.

    What the cloud did not have of the epoch before follows under new numbers, then a ``Baseline``.
    """

    reason: EpochReason = Field(
        description="restored: the records are older than they were; lost: they are gone; fork: two speak"
    )
    before: Epoch = Field(description="the epoch that ended")
    last: int = Field(ge=0, description="the last event of it that this controller has")
    reached: int = Field(default=0, ge=0, description="it had come at least so far; what is between is lost")


class OpeningStarted(_InOpening):
    """Somebody entitled asked for a door; nothing has moved yet."""

    command: Id64 | None = None
    badge: Id64 | None = None


class PulseIntended(_InOpening):
    """The next thing that happens is pulse ``pulse`` of this opening; committed before it."""

    pulse: int = Field(ge=1)


class PulseWithheld(_InOpening):
    """The pulse was not sent: between intent and wire a reason came up."""

    pulse: int
    reason: str


class DoorOpened(_InOpening):
    """The switch went from closed to open after a pulse of this opening."""

    pulse: int
    after_pulse_ms: int


class DoorClosed(_AtBox):
    """The switch went from open to closed."""

    open_ms: int | None = Field(default=None, description="how long it was open, where known")


class DoorForced(_AtBox):
    """The switch went to open and no opening was under way."""


class DoorLeftOpen(_AtBox):
    """Open for longer than the alarm time."""

    open_ms: int


class OpeningFailed(_InOpening):
    """All pulses were used and the door was not seen open."""

    pulses: int


class OpeningAmbiguous(_InOpening):
    """The controller stopped between pulse and switch: the door may have opened meanwhile."""


class OpeningEnded(_InOpening):
    """The opening ended without goods changing hands: asked for and abandoned, service, emergency."""


class _WithParcel(_InOpening):
    """``box`` is how it is afterwards; the parcel that the event is about is named beside it."""

    occupancy: OccupancyId
    order: Id64
    parcel: Id64


class ParcelDeposited(_WithParcel):
    """A loading opening was seen open and closed: the parcel lies in the compartment."""


class DepositAborted(_WithParcel):
    """The courier took the parcel back, or the door never opened: the parcel is not in the compartment."""

    reason: Literal["door_stuck", "courier", "unopened", "does_not_fit", "not_empty"]


class DepositAnswered(_AtBox):
    """The switch alone could not tell, or told wrongly: whoever loaded said what lies in the compartment.

    ``is_in``: the parcel lies there and can be collected. All others: it does not; ``not_empty``: something
    else does, or it is dirty.
    """

    occupancy: OccupancyId
    order: Id64
    parcel: Id64
    answer: Literal["is_in", "not_in", "does_not_fit", "not_empty"]
    badge: Id64 | None = Field(default=None, description="absent: a resident who handed something in")


class ParcelCollected(_WithParcel):
    """A collecting opening was seen open and closed: the resident has the goods, the right is used."""

    in_doubt: bool = Field(
        default=False,
        description="nobody had said that it was put in: perhaps there was nothing to take; no right is used",
    )


class LeftBehind(_InOpening):
    """The door was shut and its light beam sees something still: the compartment is given to nobody."""

    occupancy: OccupancyId | None = None
    order: Id64 | None = Field(default=None, description="whose visit it was; what lies there may be theirs")
    parcel: Id64 | None = Field(default=None, description="absent: its goods had been collected before")
    again: bool = Field(description="the same right opens the door once more")


class SeenInside(_AtBox):
    """Behind a shut door, with nobody let in, the light beam says what the records do not.

    Something lies in a compartment that was called vacant; or a parcel is not seen any more (``goods`` is
    false), or is seen again. A parcel that is not seen is collected as ever.
    """

    goods: bool


class ParcelRemoved(_WithParcel):
    """Somebody entitled took out what was not fetched in time; it is not in the cabinet any more."""

    badge: Id64 | None = None


class CabinetFull(_Fact):
    """No compartment is free that takes this parcel: it is still with whoever brought it."""

    order: Id64
    parcel: Id64
    size: BoxSize
    zone: ZoneClass
    free: dict[str, int] = Field(description="free compartments of that zone by size")


class WiringChanged(_AtBox):
    """The door hangs on another board, channel or switch than before: it opens for a technician only."""


class WiringProven(_AtBox):
    """A technician has seen that it is this door which opens."""

    badge: Id64


class CheckNeeded(_InOpening):
    """What lies in the compartment is not known; a person has to look."""

    reason: str


class Exposure(_Fact):
    """How warm goods were, as far as it is known. Minutes, and kelvin above the limit times minutes."""

    warm_min: float = Field(ge=0, description="above the limit, or nobody knows")
    degree_min: float = Field(ge=0, description="of what was measured")
    blind_min: float = Field(ge=0, description="of warm_min: nobody measured")
    gaps: int = Field(default=0, ge=0, description="times without power, of unknown length, on top")


ColdHoldReason = Literal["too_warm", "not_back", "no_reading", "power_gap", "records_restored"]


class ColdHoldBegan(_AtBox):
    """Goods in a cold zone were, or may have been, warm for too long; only a person there ends it."""

    zone: str = Field(max_length=32)
    reason: ColdHoldReason
    limit_celsius: float
    celsius: float | None = Field(default=None, description="the last reading")
    exposure: Exposure | None = Field(default=None, description="of the goods in this compartment")


class ColdHoldEnded(_AtBox):
    """A person at the cabinet has looked and lets what lies there go."""

    zone: str = Field(max_length=32)
    badge: Id64
    exposure: Exposure | None = None


class ExposureRecorded(Exposure):
    """Goods have left a cold zone; this is what they were exposed to in it."""

    zone: str = Field(max_length=32)
    label: Label
    occupancy: OccupancyId
    order: Id64 | None = None
    parcel: Id64 | None = None
    limit_celsius: float


class AccessRefused(_Fact):
    """A code, token or badge that did not open anything."""

    proof: Proof
    reason: str
    wrong_in_window: int = 0


class CodeReplaced(_Fact):
    """A newer QR was shown than the cloud had told of: older codes and QR of the order are void here."""

    order: Id64
    generation: int = Field(ge=1, le=255)


class CourierArrived(_Fact):
    badge: Id64


class CourierLeft(_Fact):
    badge: Id64
    deposited: int


class InsideCalled(_Fact):
    """'Someone is inside' was pressed."""

    first_door: Label | None = None


class OpenAllOrdered(_Fact):
    """Two officers have ordered every door open; each door tells for itself how it came out."""

    order: Id64
    reason: str = Field(max_length=120, description="theirs")
    officers: tuple[str, str] = Field(description="as the cabinet file names those who have signed")
    command: Id64


class CommandEnded(_Fact):
    """What became of a command from the cloud."""

    command: Id64
    outcome: Literal["succeeded", "failed", "rejected", "unknown"]
    reason: str = ""


class FaultRaised(_Fact):
    """A fault of the table in ``faults.py`` began."""

    fault: str
    subject: str
    detail: str = ""


class FaultCleared(_Fact):
    fault: str
    subject: str


class DocumentApplied(_Fact):
    name: str
    version: int


class LostRange(_Fact):
    """The cloud asked for events that this cabinet does not keep any more; a ``Baseline`` follows."""

    first: int = Field(ge=1)
    last: int = Field(ge=1)


class Baseline(_Fact):
    """One of ``parts`` that together say how everything is now, whatever was told before."""

    part: int = Field(ge=1)
    parts: int = Field(ge=1)
    boxes: tuple[BoxNow, ...] = Field(default=(), max_length=MOST_BOXES)
    used: tuple[Id64, ...] = Field(
        default=(), max_length=MOST_USED, description="parcels whose right to be collected was used"
    )
    openings: int = Field(ge=0, description="the number of the last opening")
    occupancies: int = Field(ge=0, description="the number of the last occupancy")


Fact = _Fact
EVENT_TYPES: dict[str, type[_Fact]] = {
    model.__name__: model
    for model in (
        Booted, Surveyed, EpochBegan, OpeningStarted, PulseIntended, PulseWithheld, DoorOpened, DoorClosed,
        DoorForced, DoorLeftOpen, OpeningFailed, OpeningAmbiguous, OpeningEnded, ParcelDeposited,
        DepositAborted, DepositAnswered, ParcelCollected, ParcelRemoved, CabinetFull, CheckNeeded,
        LeftBehind, SeenInside, WiringChanged, WiringProven, ColdHoldBegan, ColdHoldEnded, ExposureRecorded,
        AccessRefused, CodeReplaced, CourierArrived, CourierLeft, InsideCalled, OpenAllOrdered, CommandEnded,
        FaultRaised, FaultCleared, DocumentApplied, LostRange, Baseline,
    )
}  # fmt: skip


class Event(BaseModel):
    """The envelope. ``data`` is the fact of that type."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    specversion: Literal["1.0"] = "1.0"
    id: Annotated[str, StringConstraints(max_length=40)] = Field(description="{epoch}-{seq}")
    source: str = Field(max_length=64, description="/cabinets/{id}")
    type: str = Field(max_length=40)
    time: str = Field(max_length=32, description="RFC 3339, by the cabinet's clock; see clock")
    subject: str = Field(
        default="", max_length=40, description="label of the compartment, where there is one"
    )
    data: dict[str, Any]
    epoch: Epoch
    seq: int = Field(ge=1)
    boot: str = Field(max_length=40)
    mono_ms: int = Field(ge=0)
    clock: Clock

    def line(self) -> bytes:
        """The exact bytes that are kept, chained and sent; holds no newline."""
        return self.model_dump_json().encode()

    @classmethod
    def read(cls, line: bytes) -> "Event":
        try:
            return cls.model_validate_json(line)
        except (ValidationError, RecursionError) as error:
            raise BadMessage(f"event: {error}") from error

    def fact(self) -> _Fact:
        """The typed fact; ``BadMessage`` for a type this side does not know or a field that does not fit."""
        model = EVENT_TYPES.get(self.type)
        if model is None:
            raise BadMessage(f"event {self.id}: type {self.type!r} is not in this version of the contract")
        try:
            return model.model_validate(self.data)
        except (ValidationError, RecursionError) as error:
            raise BadMessage(f"event {self.id}: {error}") from error
