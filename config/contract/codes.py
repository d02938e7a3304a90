"""What people carry: pickup codes, pickup QR and badges, parcel labels, and the cabinet's own QR.

A **pickup code** is 8 digits; a cabinet keeps only its scrypt digest, and one of the code together with the
last 4 digits of the phone, for when a code alone is not enough. A **token** (pickup QR, badge) is
94 bytes in base32 without padding, 151 characters, all of them in the alphanumeric alphabet of QR:

    version purpose kid generation   1 byte each
    cabinet                          8   first bytes of SHA-256 of the cabinet id
    holder                           8   order (pickup) or badge
    right                            2   which right of the order, or what a badge may do
    iat exp                          4   seconds since 1970, big-endian
    signature                       64   Ed25519 over ``tg1|token|`` and the 30 bytes before
"""

import base64
import hashlib
import secrets
import struct
import unicodedata
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from config.contract.signing import SigningKey, signature_holds

CODE_DIGITS = 8
TAIL_DIGITS = 4
TOKEN_BYTES = 94
TOKEN_CHARACTERS = 151
LABEL_PREFIX = "TGP1-"
SITE_PREFIX = "TGC1-"
CARD_PREFIX = "CARD:"
CARD_DIGITS = 10

_BODY = struct.Struct(">BBBB8s8sHII")
_SIGNED = b"tg1|token|"
ANY_CABINET = bytes(8)


class BadCode(ValueError):
    """Text that is not a code of ours; says what is wrong with its form (never whether it is valid)."""


def new_pickup_code() -> str:
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def new_pin() -> str:
    return f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}d}"


def typed_digits(text: str) -> str:
    """The digits a person meant: full-width digits, spaces and dashes are as good; else ``BadCode``."""
    digits = "".join(ch for ch in unicodedata.normalize("NFKC", text) if ch not in " -\t\r\n")
    if not (digits.isascii() and digits.isdigit()):
        raise BadCode("something else than digits")
    return digits


def typed_code(text: str) -> str:
    """The 8 digits of a code; else ``BadCode``."""
    digits = typed_digits(text)
    if len(digits) != CODE_DIGITS:
        raise BadCode(f"a pickup code has {CODE_DIGITS} digits")
    return digits


def typed_code_and_tail(text: str) -> tuple[str, str]:
    """A code, and the last digits of the phone where they were typed after it; else ``BadCode``."""
    digits = typed_digits(text)
    if len(digits) not in (CODE_DIGITS, CODE_DIGITS + TAIL_DIGITS):
        raise BadCode(f"a pickup code has {CODE_DIGITS} digits, {TAIL_DIGITS} more with those of the phone")
    return digits[:CODE_DIGITS], digits[CODE_DIGITS:]


def typed_pin(text: str) -> str:
    """The 6 digits of a badge's PIN; else ``BadCode``."""
    digits = typed_digits(text)
    if len(digits) != PIN_DIGITS:
        raise BadCode(f"a PIN has {PIN_DIGITS} digits")
    return digits


def pin_digest(badge: str, pin: str, salt: bytes, log2_n: int = 14) -> bytes:
    """As ``code_digest``; bound to the badge, so that equal PINs do not look equal."""
    return code_digest(f"{badge}:{pin}", salt, log2_n)


def phone_tail(phone: str) -> str:
    """The last digits of a telephone number; ``BadCode`` when it has fewer."""
    digits = "".join(ch for ch in unicodedata.normalize("NFKC", phone) if ch.isascii() and ch.isdigit())
    if len(digits) < TAIL_DIGITS:
        raise BadCode(f"a telephone number has at least {TAIL_DIGITS} digits")
    return digits[-TAIL_DIGITS:]


def code_digest(code: str, salt: bytes, log2_n: int = 14) -> bytes:
    """scrypt with r=8, p=1 and the cabinet's own salt; 32 bytes. About 50 ms at log2_n=14."""
    return hashlib.scrypt(code.encode(), salt=salt, n=1 << log2_n, r=8, p=1, maxmem=1 << 30, dklen=32)


class Purpose(IntEnum):
    PICKUP = 1
    BADGE = 2


class BadgeRight(IntFlag):
    """What a badge may do. What touches other people's goods needs a PIN beside a badge that lives long."""

    LOAD = 1
    REMOVE = 2
    SERVICE = 4


SHORT_BADGE_S = 12 * 3600
"""A badge that is good for no longer needs no PIN."""
PIN_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Token:
    """What a pickup QR or a badge says; ``kid`` names the key that signed it."""

    purpose: Purpose
    kid: int
    generation: int
    cabinet: bytes
    holder: str
    right: int
    iat: int
    exp: int

    def body(self) -> bytes:
        return _BODY.pack(
            1, self.purpose, self.kid, self.generation, self.cabinet,
            bytes.fromhex(self.holder), self.right, self.iat, self.exp,
        )  # fmt: skip

    def signed(self, key: SigningKey) -> str:
        """The text for the QR, 151 characters."""
        body = self.body()
        return base64.b32encode(body + key.private.sign(_SIGNED + body)).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class ReadToken:
    """A token as it was read; nothing in it is to be believed before ``holds`` says so."""

    token: Token
    signature: bytes

    def holds(self, public: bytes) -> bool:
        return signature_holds(public, _SIGNED + self.token.body(), self.signature)


def cabinet_hash(cabinet: str) -> bytes:
    return hashlib.sha256(cabinet.encode()).digest()[:8]


def read_token(text: str) -> ReadToken:
    """What a scanned token says, unverified; ``BadCode`` when it is not one."""
    clean = text.strip().upper()
    if len(clean) != TOKEN_CHARACTERS:
        raise BadCode(f"a token has {TOKEN_CHARACTERS} characters, not {len(clean)}")
    try:
        raw = base64.b32decode(clean + "=")
    except ValueError as error:
        raise BadCode("a token is written in base32") from error
    if base64.b32encode(raw).decode().rstrip("=") != clean:
        raise BadCode("a token ends in bits that mean nothing")
    version, purpose, kid, generation, cabinet, holder, right, iat, exp = _BODY.unpack(raw[: _BODY.size])
    if version != 1:
        raise BadCode(f"a token of version {version}; this side reads version 1")
    if purpose not in set(Purpose):
        raise BadCode(f"a token for purpose {purpose}, which is not known here")
    token = Token(Purpose(purpose), kid, generation, cabinet, holder.hex(), right, iat, exp)
    return ReadToken(token, raw[_BODY.size :])


def parcel_label(parcel: str) -> str:
    """The text of the QR on a parcel."""
    return f"{LABEL_PREFIX}{parcel.upper()}"


def read_parcel_label(text: str) -> str:
    """The parcel's id; ``BadCode`` when the text is not a label of ours."""
    clean = text.strip().upper()
    if not clean.startswith(LABEL_PREFIX):
        raise BadCode("not a parcel label of ours")
    parcel = clean[len(LABEL_PREFIX) :].lower()
    if len(parcel) != 16 or any(ch not in "0123456789abcdef" for ch in parcel):
        raise BadCode("a parcel label of ours, but its number is damaged")
    return parcel


def card_text(number: str) -> str:
    """The text by which a reader tells a 125 kHz card: none of a code, a token or a label."""
    return f"{CARD_PREFIX}{number.upper()}"


def is_card(text: str) -> bool:
    """Whether a reader told a card, or a QR spells one; no number of a card opens anything."""
    return text.strip().upper().startswith(CARD_PREFIX)
