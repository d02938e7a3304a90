"""What comes of a proof: a right, or a refusal with its reason."""

from dataclasses import dataclass

from config.contract.codes import BadgeRight
from config.contract.events import Fact, Proof


@dataclass(frozen=True, slots=True)
class Granted:
    """The goods of this order may be handed out."""

    order: str
    proof: Proof


@dataclass(frozen=True, slots=True)
class BadgeGranted:
    """What the holder may do until then (cloud milliseconds)."""

    badge: str
    expires_ms: int
    rights: BadgeRight
    with_pin: BadgeRight
    """What the badge is for besides, once its PIN has been typed."""


@dataclass(frozen=True, slots=True)
class Denied:
    """``reason`` is a code of the refusal table; ``facts`` are to be recorded."""

    reason: str
    facts: tuple[Fact, ...] = ()
    wait_ms: int = 0
