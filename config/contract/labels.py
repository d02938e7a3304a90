"""The QR on a parcel, signed by the cloud: a cabinet that has never heard of the parcel knows what to do.

100 bytes in base32, 160 characters after the prefix ``TGP2-``, all in the alphanumeric alphabet of QR:

    version purpose kid          1 byte each
    size and zone                1   size * 16 + zone, in the order of ``SIZES`` and ``ZONES``
    cabinet                      8   first bytes of SHA-256 of the cabinet id
    order parcel                 8 each
    iat exp                      4 each, seconds since 1970, big-endian
    signature                   64   Ed25519 over ``tg1|label|`` and the 36 bytes before

A label brings a parcel in and gets nothing out. ``DELIVERY`` needs a courier's badge beside it; ``HAND_IN``
is the right of whoever holds it to put this one parcel in: a return, laundry, something for a neighbour.
The plain label ``TGP1-`` names a parcel that the cabinet has been told of; see ``codes``.
"""

import base64
import struct
from dataclasses import dataclass
from enum import IntEnum

from config.contract.codes import BadCode
from config.contract.messages import BoxSize, ZoneClass
from config.contract.signing import SigningKey, signature_holds

SIGNED_LABEL_PREFIX = "TGP2-"
LABEL_CHARACTERS = 165
SIZES: tuple[BoxSize, ...] = ("S", "M", "L", "XL")
ZONES: tuple[ZoneClass, ...] = ("ambient", "chilled", "frozen")

_BODY = struct.Struct(">BBBB8s8s8sII")
_SIGNED = b"tg1|label|"


class LabelPurpose(IntEnum):
    DELIVERY = 1
    HAND_IN = 2


@dataclass(frozen=True, slots=True)
class ParcelLabel:
    """What a signed label says; ``kid`` names the key that signed it."""

    purpose: LabelPurpose
    kid: int
    cabinet: bytes
    order: str
    parcel: str
    size: BoxSize
    zone: ZoneClass
    iat: int
    exp: int

    def body(self) -> bytes:
        kind = SIZES.index(self.size) * 16 + ZONES.index(self.zone)
        return _BODY.pack(
            1, self.purpose, self.kid, kind, self.cabinet,
            bytes.fromhex(self.order), bytes.fromhex(self.parcel), self.iat, self.exp,
        )  # fmt: skip

    def signed(self, key: SigningKey) -> str:
        """The text for the QR, 165 characters."""
        body = self.body()
        return SIGNED_LABEL_PREFIX + base64.b32encode(body + key.private.sign(_SIGNED + body)).decode()


@dataclass(frozen=True, slots=True)
class ReadLabel:
    """A label as it was read; nothing in it is to be believed before ``holds`` says so."""

    label: ParcelLabel
    signature: bytes

    def holds(self, public: bytes) -> bool:
        return signature_holds(public, _SIGNED + self.label.body(), self.signature)


def is_signed(text: str) -> bool:
    """Does this text say that it is a signed label?"""
    return text.strip().upper().startswith(SIGNED_LABEL_PREFIX)


def read_label(text: str) -> ReadLabel:
    """What a signed label says, unverified; ``BadCode`` when it is not one."""
    clean = text.strip().upper()
    if not is_signed(clean) or len(clean) != LABEL_CHARACTERS:
        raise BadCode(f"a signed label has {LABEL_CHARACTERS} characters, not {len(clean)}")
    try:
        raw = base64.b32decode(clean[len(SIGNED_LABEL_PREFIX) :])
    except ValueError as error:
        raise BadCode("a signed label is written in base32") from error
    version, purpose, kid, kind, cabinet, order, parcel, iat, exp = _BODY.unpack(raw[: _BODY.size])
    if version != 1:
        raise BadCode(f"a label of version {version}; this side reads version 1")
    if purpose not in set(LabelPurpose):
        raise BadCode(f"a label for purpose {purpose}, which is not known here")
    size, zone = divmod(kind, 16)
    if size >= len(SIZES) or zone >= len(ZONES):
        raise BadCode(f"a label for size {size} and zone {zone}, which are not known here")
    label = ParcelLabel(
        LabelPurpose(purpose), kid, cabinet, order.hex(), parcel.hex(), SIZES[size], ZONES[zone], iat, exp
    )
    return ReadLabel(label, raw[_BODY.size :])
