"""Secrets at rest: one master key, the private signing keys, and what is sealed in the database.

All of it lies in ``keys/`` of the data folder, each file 0600. Without the master key file a stolen copy of
the database tells no pickup code, telephone number, cabinet key or broker password.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.contract.signing import NONCE_BYTES, SigningKey

MASTER = "master.key"
KEY_BYTES = 32


class VaultProblem(Exception):
    """A key file that is missing, damaged or of another data folder; names the file."""


class Vault:
    """Seals with the master key. ``context`` names what a secret belongs to; it opens only under the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        master = _read_or_make(folder / MASTER)
        self._box = AESGCM(hashlib.sha256(b"tuangui seal" + master).digest())
        self._lookup_key = hashlib.sha256(b"tuangui lookup" + master).digest()

    def seal(self, secret: bytes, context: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._box.encrypt(nonce, secret, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """The secret; ``VaultProblem`` when it was sealed with another master key or for something else."""
        try:
            return self._box.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode())
        except InvalidTag as error:
            raise VaultProblem(
                f"{context} cannot be opened with {self._folder / MASTER}: it is of another key"
            ) from error

    def lookup(self, secret: str, context: str) -> str:
        """A keyed digest by which equal secrets can be found and nothing else can be told."""
        return hmac.new(self._lookup_key, f"{context}|{secret}".encode(), hashlib.sha256).hexdigest()

    def new_signing_key(self, kid: str) -> SigningKey:
        """The private key of that name, durable before it is returned; a file that is there is kept."""
        _write_new(self._key_file(kid), SigningKey.generate(kid).to_bytes())
        return self.signing_key(kid)

    def signing_key(self, kid: str) -> SigningKey:
        path = self._key_file(kid)
        try:
            return SigningKey.from_bytes(kid, _checked(path, path.read_bytes()))
        except OSError as error:
            raise VaultProblem(f"{path}: the signing key cannot be read: {error.strerror}") from error

    def _key_file(self, kid: str) -> Path:
        return self._folder / f"signing-{kid}.key"


def new_secret() -> str:
    """256 random bits in text that fits URLs, shells and configuration files."""
    return secrets.token_urlsafe(KEY_BYTES)


def hash_of(secret: str) -> str:
    """How a random 256-bit secret is remembered; too random to need a slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _read_or_make(path: Path) -> bytes:
    try:
        return _checked(path, path.read_bytes())
    except FileNotFoundError:
        _write_new(path, os.urandom(KEY_BYTES))
    return _checked(path, path.read_bytes())


def _checked(path: Path, raw: bytes) -> bytes:
    if len(raw) != KEY_BYTES:
        raise VaultProblem(f"{path}: a key file has {KEY_BYTES} bytes, this one {len(raw)}")
    if path.stat().st_mode & 0o077:
        raise VaultProblem(f"{path}: others can read this key; set its mode to 0600")
    return raw


def _write_new(path: Path, raw: bytes) -> None:
    """Whole or not at all, and never over a key that is there: whoever is first wins."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
