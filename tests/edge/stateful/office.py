"""The operator's office: what it wants of the cabinet, and what it has taken back.

What was taken back opens nothing from the moment on when the cabinet has said that it knows.
"""

from dataclasses import dataclass
from typing import Any

from config.contract import codes
from config.contract.codes import BadgeRight
from config.contract.messages import BadgePin, DocumentName, Grants
from simulators.scenario.cloud import LOG2_N, Known
from simulators.scenario.people import Order
from tests.edge.stateful.stand import TAIL, Stand

PIN = "246810"


@dataclass(frozen=True, slots=True)
class StaffBadge:
    """One that ``is_static`` is good for a day, and does what it is for when its PIN was typed."""

    id: str
    right: BadgeRight
    is_static: bool


STAFF = {
    "who removes": StaffBadge("00000000000000bb", BadgeRight.LOAD | BadgeRight.REMOVE, False),
    "who removes, by PIN": StaffBadge("00000000000000cc", BadgeRight.LOAD | BadgeRight.REMOVE, True),
    "technician": StaffBadge("00000000000000dd", BadgeRight.SERVICE, False),
    "technician, by PIN": StaffBadge("00000000000000ee", BadgeRight.SERVICE, True),
}


class Office:
    """Gives rights and takes them back, in documents that the network may hold up."""

    def __init__(self, stand: Stand) -> None:
        self._stand, self._cloud, self._cabinet = stand, stand.cloud, stand.place.id
        self._known: Known = stand.cloud.cabinets[self._cabinet]
        self._void_from: dict[tuple[str, str], tuple[DocumentName, int]] = {}
        """By kind and whose it is: the version of the document that says so."""
        self._revoked: set[str] = set()
        self._tell_grants()

    def is_void(self, kind: str, whose: str) -> bool:
        """The cabinet has said that it knows."""
        if (kind, whose) not in self._void_from:
            return False
        document, version = self._void_from[kind, whose]
        return self._stand.ledger.applied.get(document, 0) >= version

    def replace_code(self, order: Order) -> str:
        """The order has another code; the code and QR before it are void."""
        code = f"{int(order.code) + 100}"
        salt = self._known.salt
        digest, strong = (codes.code_digest(digits, salt, LOG2_N).hex() for digits in (code, code + TAIL))
        for parcel in self._parcels_of(order):
            more = {"digest": digest, "strong_digest": strong, "generation": self.generation(order) + 1}
            self._known.parcels[parcel] = self._known.parcels[parcel].model_copy(update=more)
        self._tell_parcels()
        self._void_from["old", order.id] = self._version(DocumentName.PARCELS)
        return code

    def generation(self, order: Order) -> int:
        """Of the newest code and QR."""
        generations = [self._known.parcels[parcel].generation for parcel in self._parcels_of(order)[-1:]]
        return generations[0] if generations else 0

    def take_back_what_was_shared(self, order: Order) -> None:
        """Not of a return: no document tells the cabinet of it."""
        if not self._parcels_of(order):
            return
        self._change(order, void_rights=(1,))
        self._void_from["shared", order.id] = self._version(DocumentName.PARCELS)

    def wants_fetched(self, order: Order, within_days: float) -> None:
        """The parcels of this order may be removed after that."""
        until = self._stand.now_ms() + int(within_days * 86_400_000)
        self._change(order, expires_ms=until)
        for parcel in self._parcels_of(order):
            self._stand.rights.due_ms[parcel] = min(until, self._stand.rights.due_ms[parcel])

    def revoke(self, who: str) -> None:
        self._revoked.add(STAFF[who].id)
        self._tell_grants()
        self._void_from["badge", STAFF[who].id] = self._version(DocumentName.GRANTS)

    def _parcels_of(self, order: Order) -> list[str]:
        return [parcel.id for parcel in order.parcels if parcel.id in self._known.parcels]

    def _change(self, order: Order, **more: Any) -> None:
        for parcel in self._parcels_of(order):
            self._known.parcels[parcel] = self._known.parcels[parcel].model_copy(update=more)
        self._tell_parcels()

    def _tell_parcels(self) -> None:
        self._cloud._want_parcels(self._cabinet)

    def _tell_grants(self) -> None:
        salt = self._known.salt
        pins = tuple(
            BadgePin(badge=badge.id, digest=codes.pin_digest(badge.id, PIN, salt, LOG2_N).hex())
            for badge in STAFF.values()
            if badge.is_static
        )
        said = Grants(
            revoked_badges=tuple(sorted(self._revoked)), salt=salt.hex(), scrypt_log2_n=LOG2_N, pins=pins
        )
        self._cloud._want(self._cabinet, DocumentName.GRANTS, said)

    def _version(self, document: DocumentName) -> tuple[DocumentName, int]:
        return document, self._known.wanted[document][0]
