"""What is said, message by message. Bodies are JSON; how they are proven is in ``signing.py``.

Field names are short where they travel often. Times are integers of milliseconds: ``*_ms`` since 1970 by
the clock of the speaker, ``mono_ms`` since the boot of the cabinet's computer.
"""

import hashlib
import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    ValidationError,
    model_validator,
)

from config.contract import signing

LARGEST_BATCH_EVENTS = 500
LARGEST_BATCH_BYTES = 64 * 1024
LARGEST_EVENT_BYTES = 16 * 1024

Epoch = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
"""Random 64 bit, minted when the cabinet's database is created."""
Id64 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
"""A random 64-bit identity made by the cloud: order, parcel, badge, command."""
OccupancyId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}-[1-9][0-9]{0,14}$")]
"""``{epoch}-{n}``: one stay of one parcel in one compartment, never used again."""
BoxSize = Literal["S", "M", "L", "XL"]
ZoneClass = Literal["ambient", "chilled", "frozen"]
Label = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{0,7}$")]


class BadMessage(ValueError):
    """A body outside the contract; says which field and why."""


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def body(self) -> bytes:
        """The exact bytes that are signed and sent."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()

    @classmethod
    def read(cls, body: bytes) -> "Any":
        """The message in a body; ``BadMessage`` names the field and the reason."""
        try:
            return cls.model_validate_json(body)
        except (ValidationError, RecursionError) as error:
            raise BadMessage(f"{cls.__name__}: {_first(error)}") from error


def _first(error: ValidationError | RecursionError) -> str:
    if not isinstance(error, ValidationError):
        return "nested too deeply"
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}"


class Clock(StrEnum):
    """How far the cabinet's wall clock can be trusted."""

    TRUSTED = "trusted"  # set by the network, and in step with the cloud
    FLOOR = "floor"  # no later than the truth: the last time known
    UNKNOWN = "unknown"  # says nothing


class Session(_Said):
    """One connection of one cabinet: later is a greater ``n`` within an epoch."""

    epoch: Epoch
    n: int = Field(ge=1)


# --- from the cabinet ---------------------------------------------------------------------------------


class Status(_Said):
    """Birth, heartbeat (both ``online``) or last will (``offline``, of the session that ended)."""

    session: Session
    state: Literal["online", "offline"]
    software: str = Field(max_length=40)
    map_version: str = Field(max_length=64)
    clock: Clock
    contract: int = Field(default=1, ge=1)


class Sync(_Said):
    """'How late is it, and how far have you got?' The nonce comes back in the ack."""

    session: Session
    nonce: Id64


class BatchHead(_Said):
    """First line of a batch body; the events follow, a line each, in sequence from ``first``."""

    session: Session
    nonce: Id64
    epoch: Epoch
    first: int = Field(ge=1)
    count: int = Field(ge=1, le=LARGEST_BATCH_EVENTS)
    chain: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    lost_from: int | None = Field(
        default=None, ge=1, description="the events from here to first - 1 are kept nowhere any more"
    )


class Batch(BaseModel):
    """A contiguous run of events of one epoch. ``lines`` are the exact bytes that the chain covers."""

    model_config = ConfigDict(frozen=True)
    head: BatchHead
    lines: tuple[bytes, ...]

    def body(self) -> bytes:
        return b"\n".join((self.head.body(), *self.lines))

    @classmethod
    def read(cls, body: bytes) -> "Batch":
        """The batch in a body; ``BadMessage`` when its head is off. The lines are not looked at."""
        first, *lines = body.split(b"\n")
        head: BatchHead = BatchHead.read(first)
        if len(lines) != head.count:
            raise BadMessage(f"Batch: count says {head.count} events, {len(lines)} lines follow")
        return cls(head=head, lines=tuple(lines))

    def chain_after(self) -> str:
        """The chain's head after the last event."""
        return chain_over(self.head.chain, self.lines)


def chain_over(head: str, lines: Iterable[bytes]) -> str:
    for line in lines:
        head = signing.chain(head, line)
    return head


class Applied(_Said):
    """What became of one document: applied at this version, or refused and why."""

    version: int = Field(ge=0)
    hash: str = Field(default="", max_length=64)
    refused: str = Field(default="", max_length=300)
    refused_version: int | None = None


class Reported(_Said):
    """Which documents are in force at the cabinet, and the map that a planner uses."""

    session: Session
    documents: dict[str, Applied]
    map_version: str = Field(max_length=64)
    map: dict[str, Any]


class Telemetry(_Said):
    """Samples that may be dropped: ``{"doors.rs485.busy": 0.12, …}``."""

    session: Session
    at_ms: int
    samples: dict[str, float]


# --- from the cloud -----------------------------------------------------------------------------------


class Ack(_Said):
    """Answers a sync or a batch, after the cloud's commit; the cabinet prunes only by this."""

    session: Session
    nonce: Id64
    epoch: Epoch
    through: int = Field(ge=0)
    chain: str = Field(default="", max_length=64, description="the cloud's chain head after ``through``")
    cloud_time_ms: int = Field(ge=0)
    verdict: Literal["ok", "fork"] = "ok"


class Presence(_Said):
    """Proof that a phone is in front of the cabinet: what its screen showed, read back."""

    nonce: Id64
    number: int = Field(ge=0, le=99)


class OpenDoor(_Said):
    """Open one door, now. Good for one session and one occupancy (or an expected vacancy)."""

    id: Id64
    kind: Literal["open_door"] = "open_door"
    cabinet: str
    session: Session
    deadline_ms: int = Field(ge=0, description="by the cloud's clock")
    compartment: Label
    occupancy: OccupancyId | None = Field(
        default=None, description="absent: expects the compartment to be vacant"
    )
    purpose: Literal["collect", "service"]
    again: bool = Field(
        default=False, description="once more, where this occupancy was collected a moment ago"
    )
    presence: Presence | None = Field(default=None, description="absent: nobody is known to stand there")
    reason: str = Field(default="", max_length=120)


class OfficerSignature(_Said):
    """An officer's signature. Who that is says the cabinet file, by the key; ``name`` is for people."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    key: str = Field(max_length=44, description="public, base64")
    signature: str = Field(
        max_length=88, description="Ed25519 over tg1|open_all|cabinet| and the order, base64"
    )


class SignedOrder(_Said):
    """An order to open every door, and who has signed it; see ``officers.py``."""

    order: str = Field(max_length=1000, description="the exact text that was signed: OpenAllOrder in JSON")
    signatures: tuple[OfficerSignature, ...] = Field(min_length=1, max_length=2)


class OpenAll(_Said):
    """Open every door of the cabinet, now, because two of its officers have ordered it."""

    id: Id64
    kind: Literal["open_all"] = "open_all"
    cabinet: str
    session: Session
    deadline_ms: int = Field(ge=0, description="by the cloud's clock")
    signed: SignedOrder


class Command(RootModel[Annotated[OpenDoor | OpenAll, Field(discriminator="kind")]]):
    """Whatever the cloud may ask for on the commands topic; ``root`` is the message itself."""

    @classmethod
    def read(cls, body: bytes) -> "OpenDoor | OpenAll":
        """The command in a body; ``BadMessage`` names the field and the reason."""
        try:
            return cls.model_validate_json(body).root
        except (ValidationError, RecursionError) as error:
            raise BadMessage(f"{cls.__name__}: {_first(error)}") from error


class DocumentName(StrEnum):
    KEYS = "keys"
    GRANTS = "grants"
    PARCELS = "parcels"
    SETTINGS = "settings"


class KeyInForce(_Said):
    """A public key, what it may sign, and from when to when (cloud time)."""

    kid: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}$")]
    purpose: Literal["desired", "commands", "token"]
    public: str = Field(description="Ed25519, base64")
    not_before_ms: int
    not_after_ms: int


class Keys(_Said):
    """Signed by the root; every other signature is checked against it."""

    keys: tuple[KeyInForce, ...]


class ExpectedParcel(_Said):
    """A parcel that lies, or is to lie, in this cabinet."""

    parcel: Id64
    order: Id64
    size: BoxSize
    zone: ZoneClass
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="scrypt of the code"
    )
    strong_digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None, description="scrypt of the code followed by the last 4 digits of the phone"
    )
    sensitive: bool = Field(default=False, description="handed out to code and phone digits only")
    low: bool = Field(default=False, description="put it behind a low door if there is one")
    void_rights: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = Field(
        default=(), max_length=20, description="rights to collect that were shared and taken back"
    )
    generation: int = Field(default=0, ge=0, le=255, description="codes and QR of older ones are void")
    expires_ms: int


class Parcels(_Said):
    """All parcels of this cabinet, with the salt and cost of their code digests."""

    salt: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    scrypt_log2_n: int = Field(default=14, ge=10, le=20)
    parcels: tuple[ExpectedParcel, ...]


class BadgePin(_Said):
    """What a badge's PIN is checked against: scrypt of badge and PIN, never the PIN."""

    badge: Id64
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Grants(_Said):
    """Badges that are void before their time, and the PINs of those that need one."""

    revoked_badges: tuple[Id64, ...] = ()
    salt: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")] = "0" * 32
    scrypt_log2_n: int = Field(default=14, ge=10, le=20)
    pins: tuple[BadgePin, ...] = ()


class CabinetSettings(_Said):
    """What an operator may set from afar; bounds keep people and goods safe."""

    left_open_alarm_s: int = Field(default=60, ge=10, le=600)
    left_open_block_s: int = Field(default=120, ge=30, le=1800)
    reservation_min: int = Field(default=15, ge=1, le=120)
    remote_opens_per_minute: int = Field(default=3, ge=0, le=3)
    remote_opens_per_hour: int = Field(default=20, ge=0, le=20)
    doors_at_once: int = Field(
        default=1, ge=1, le=8, description="doors that stand open for loading at a time"
    )
    safe_mode_ended: int = Field(
        default=0, ge=0, le=1_000_000, description="raised by an operator: safe mode ends at once"
    )
    phone: str = Field(
        default="", max_length=30, description="operator's telephone; empty: the cabinet file's"
    )
    codes_guessed: bool = Field(
        default=False, description="codes are guessed all over the fleet: they need the phone's last digits"
    )
    closed_for: Literal["nothing", "new", "all"] = Field(
        default="nothing", description="new: nothing is put in, pickups go on; all: pickups stop, too"
    )
    closed_because: str = Field(
        default="", max_length=120, description="shown at the cabinet; wanted where pickups stop"
    )

    @model_validator(mode="after")
    def _says_why(self) -> "CabinetSettings":
        if self.closed_for == "all" and not self.closed_because.strip():
            raise ValueError("closed_because: pickups stop only with a reason")
        return self


DOCUMENTS: dict[DocumentName, type[_Said]] = {
    DocumentName.KEYS: Keys,
    DocumentName.GRANTS: Grants,
    DocumentName.PARCELS: Parcels,
    DocumentName.SETTINGS: CabinetSettings,
}


class Desired(_Said):
    """One document of one version for one epoch of one cabinet. Versions never go back."""

    cabinet: str
    name: DocumentName
    version: int = Field(ge=1)
    epoch: Epoch
    content: dict[str, Any]

    def document(self) -> Any:
        """The typed content; ``BadMessage`` names the field and the reason."""
        try:
            return DOCUMENTS[self.name].model_validate(self.content)
        except ValidationError as error:
            raise BadMessage(f"{self.name} document: {_first(error)}") from error


def digest_of(content: dict[str, Any]) -> str:
    """What ``reported`` says of a document so that both sides know they mean the same."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
