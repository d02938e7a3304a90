"""What comes of a proof: a right, or a refusal with its reason."""

from dataclasses import dataclass

from config.contract.events import Fact, Proof


@dataclass(frozen=True, slots=True)
class Granted:
    """The goods of this order may be handed out."""

    order: str
    proof: Proof


@dataclass(frozen=True, slots=True)
class BadgeGranted:
    """The holder may load until then (cloud milliseconds)."""

    badge: str
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Denied:
    """``reason`` is a code of the refusal table; ``facts`` are to be recorded."""

    reason: str
    facts: tuple[Fact, ...] = ()
    wait_ms: int = 0
