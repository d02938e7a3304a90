"""What a message has to show before it is taken in: a MAC that fits and a body of the contract."""

from dataclasses import dataclass
from typing import Any

from cloud.cabinet_keys import Enrolled
from config.contract.messages import (
    LARGEST_BATCH_BYTES,
    BadMessage,
    Batch,
    Reported,
    Session,
    Status,
    Sync,
    Telemetry,
)
from config.contract.signing import LARGEST_HEAD, check_mac
from config.contract.topics import Leaf

LARGEST_MESSAGE = LARGEST_BATCH_BYTES + 2 * LARGEST_HEAD

Body = Status | Sync | Batch | Reported | Telemetry
READERS: dict[Leaf, type[Any]] = {
    Leaf.STATUS: Status,
    Leaf.SYNC: Sync,
    Leaf.EVENTS: Batch,
    Leaf.REPORTED: Reported,
    Leaf.TELEMETRY: Telemetry,
}


@dataclass(frozen=True, slots=True)
class Proven:
    """A message that its cabinet has said, whole and readable."""

    cabinet: str
    who: Enrolled
    leaf: Leaf
    body: Body
    retained: bool

    @property
    def session(self) -> Session:
        return self.body.head.session if isinstance(self.body, Batch) else self.body.session

    @property
    def epochs(self) -> set[str]:
        named = {self.session.epoch}
        return named | {self.body.head.epoch} if isinstance(self.body, Batch) else named

    @property
    def size(self) -> int:
        return self.body.head.count if isinstance(self.body, Batch) else 1


def read(leaf: Leaf, who: Enrolled, payload: bytes) -> Body:
    """The message in a payload; ``BadProof`` or ``BadMessage`` when it is not one."""
    reader = READERS.get(leaf)
    if reader is None:
        raise BadMessage(f"{leaf}: cabinets do not say that")
    if len(payload) > LARGEST_MESSAGE:
        raise BadMessage(f"{leaf}: {len(payload)} bytes, at most {LARGEST_MESSAGE} are allowed")
    body: Body = reader.read(check_mac(who.keys, leaf, payload))
    return body
