"""Who said it, and that nobody changed it.

A message on the wire is a *head line* and a *body*: one line of JSON, a newline, then the exact bytes that
were signed. Signatures and MACs cover ``tg1|purpose|cabinet|`` and those bytes, never re-serialised JSON.

* The cabinet key (32 bytes, known to one cabinet and the cloud) gives, by HKDF-SHA256, a MAC key for
  everything that is not a document or a command, and a sealing key for documents (AES-256-GCM).
* Ed25519: the root signs the ``keys`` document; the keys named there sign documents, commands and tokens.
"""

import base64
import functools
import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

LARGEST_HEAD = 1024
NONCE_BYTES = 12


class BadProof(ValueError):
    """A message that nobody entitled has said, or that was changed; the reason is for the log."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first line of a message. ``proof`` is a MAC (hex) or a signature (base64)."""

    purpose: str
    proof: str
    kid: str = ""
    nonce: str = ""
    v: int = 1

    def line(self) -> bytes:
        fields = {
            "v": self.v,
            "purpose": self.purpose,
            "kid": self.kid,
            "nonce": self.nonce,
            "proof": self.proof,
        }
        return json.dumps({k: v for k, v in fields.items() if v != ""}, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class CabinetKeys:
    """What the cabinet key yields for one cabinet."""

    cabinet: str
    mac: bytes
    seal: bytes

    @classmethod
    def derive(cls, cabinet: str, cabinet_key: bytes) -> "CabinetKeys":
        return cls(
            cabinet, _hkdf(cabinet_key, f"tg1|mac|{cabinet}"), _hkdf(cabinet_key, f"tg1|seal|{cabinet}")
        )


def _hkdf(key: bytes, info: str) -> bytes:
    if len(key) != 32:
        raise ValueError(f"a cabinet key has 32 bytes, not {len(key)}")
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info.encode()).derive(key)


def covered(purpose: str, cabinet: str, body: bytes) -> bytes:
    """The bytes that a proof is over."""
    return f"tg1|{purpose}|{cabinet}|".encode() + body


def mac(keys: CabinetKeys, purpose: str, body: bytes) -> bytes:
    """The whole message: head line with an HMAC-SHA256 over the body, then the body."""
    proof = hmac.new(keys.mac, covered(purpose, keys.cabinet, body), hashlib.sha256).hexdigest()
    return Head(purpose, proof).line() + b"\n" + body


def check_mac(keys: CabinetKeys, purpose: str, message: bytes) -> bytes:
    """The body of a message whose MAC holds; else ``BadProof``."""
    head, body = split(message, purpose)
    expected = hmac.new(keys.mac, covered(purpose, keys.cabinet, body), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), head.proof.encode()):
        raise BadProof(f"{purpose} of {keys.cabinet}: the MAC does not fit")
    return body


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private Ed25519 key with its name."""

    kid: str
    private: Ed25519PrivateKey

    @classmethod
    def generate(cls, kid: str) -> "SigningKey":
        return cls(kid, Ed25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, kid: str, raw: bytes) -> "SigningKey":
        return cls(kid, Ed25519PrivateKey.from_private_bytes(raw))

    def to_bytes(self) -> bytes:
        return self.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign(key: SigningKey, purpose: str, cabinet: str, body: bytes) -> bytes:
    """The whole message: head line with an Ed25519 signature over the body, then the body."""
    proof = base64.b64encode(key.private.sign(covered(purpose, cabinet, body))).decode()
    return Head(purpose, proof, kid=key.kid).line() + b"\n" + body


def check_signature(public_keys: dict[str, bytes], purpose: str, cabinet: str, message: bytes) -> bytes:
    """The body of a message signed for this cabinet by one of these keys; else ``BadProof``."""
    head, body = split(message, purpose)
    public = public_keys.get(head.kid)
    if public is None:
        raise BadProof(f"{purpose} for {cabinet}: signed by {head.kid!r}, which is not a key in force")
    if not signature_holds(public, covered(purpose, cabinet, body), _unbase64(head.proof, purpose)):
        raise BadProof(f"{purpose} for {cabinet}: the signature of {head.kid!r} does not fit")
    return body


@functools.lru_cache(maxsize=64)
def _public_key(raw: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(raw)


def signature_holds(public: bytes, signed: bytes, signature: bytes) -> bool:
    try:
        _public_key(public).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def seal(keys: CabinetKeys, purpose: str, message: bytes) -> bytes:
    """Only this cabinet can read it: head line with a nonce, then AES-256-GCM of the message in base64."""
    nonce = os.urandom(NONCE_BYTES)
    box = AESGCM(keys.seal).encrypt(nonce, message, covered(purpose, keys.cabinet, b""))
    head = Head(purpose, "sealed", nonce=base64.b64encode(nonce).decode())
    return head.line() + b"\n" + base64.b64encode(box)


def unseal(keys: CabinetKeys, purpose: str, sealed: bytes) -> bytes:
    """The message inside; ``BadProof`` when it was sealed for another cabinet or changed."""
    head, box = split(sealed, purpose)
    nonce = _unbase64(head.nonce, purpose)
    if len(nonce) != NONCE_BYTES:
        raise BadProof(f"{purpose} for {keys.cabinet}: the nonce has {len(nonce)} bytes, not {NONCE_BYTES}")
    try:
        sealed_for = covered(purpose, keys.cabinet, b"")
        raw = _unbase64(box.decode("ascii", "replace"), purpose)
        return AESGCM(keys.seal).decrypt(nonce, raw, sealed_for)
    except InvalidTag as error:
        raise BadProof(f"{purpose} for {keys.cabinet}: sealed for somebody else, or changed") from error


def split(message: bytes, purpose: str) -> tuple[Head, bytes]:
    """Head and body; ``BadProof`` when there is no head, or it is for another purpose or version."""
    line, newline, body = message.partition(b"\n")
    if not newline or len(line) > LARGEST_HEAD:
        raise BadProof(f"{purpose}: no head line within the first {LARGEST_HEAD} bytes")
    try:
        raw: Any = json.loads(line)
        head = Head(**raw)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadProof(f"{purpose}: the head line is not the contract's JSON") from error
    if not all(isinstance(text, str) for text in (head.purpose, head.proof, head.kid, head.nonce)):
        raise BadProof(f"{purpose}: the head line holds something else than text")
    if head.v != 1:
        raise BadProof(f"{purpose}: contract {head.v!r}, this side speaks 1")
    if head.purpose != purpose:
        raise BadProof(f"{purpose}: the head says it is for {head.purpose!r}")
    return head, body


def _unbase64(text: str, purpose: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise BadProof(f"{purpose}: not base64") from error


CHAIN_START = "0" * 64


def chain(head: str, event: bytes) -> str:
    """The hash-chain head after this event's exact bytes; hex, 64 characters."""
    return hashlib.sha256(bytes.fromhex(head) + event).hexdigest()
