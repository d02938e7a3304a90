"""The keys that the cloud signs with: the root, and one key in force per purpose.

The root signs only the ``keys`` document. Private halves are files of the vault, public halves rows.
"""

import base64
from typing import Any, Literal

from cloud.moment import now_ms
from cloud.store import Store, access
from cloud.vault import Vault
from config.contract.messages import KeyInForce
from config.contract.signing import SigningKey

ROOT = "root"
Purpose = Literal["desired", "commands", "token"]
PURPOSES: tuple[Purpose, ...] = ("desired", "commands", "token")
VALID_MS = 400 * 24 * 3600 * 1000
EARLIER_MS = 24 * 3600 * 1000
"""A cabinet whose clock is a little behind must not refuse a fresh key."""


class SigningKeys:
    """Loaded at start. ``kid`` of a purpose key is a number from 1 to 255, as tokens have one byte for it."""

    def __init__(self, root: SigningKey, keys: dict[Purpose, SigningKey], rows: list[dict[str, Any]]) -> None:
        self.root = root
        self._keys = keys
        self._rows = rows

    def signer(self, purpose: Purpose) -> SigningKey:
        return self._keys[purpose]

    def in_force(self) -> list[KeyInForce]:
        """What the ``keys`` document says."""
        names = ("kid", "purpose", "public", "not_before_ms", "not_after_ms")
        return [KeyInForce(**{name: row[name] for name in names}) for row in self._rows if row["kid"] != ROOT]


async def load_keys(store: Store, vault: Vault) -> SigningKeys:
    """The signing keys of this data folder; made at its first start."""
    async with store.writing() as db:
        rows = await access.all_signing_keys(db)
        if not rows:
            made = [(ROOT, ROOT), *((str(at), purpose) for at, purpose in enumerate(PURPOSES, 1))]
            for kid, purpose in made:
                await access.add_signing_key(db, _row(vault.new_signing_key(kid), purpose))
            rows = await access.all_signing_keys(db)
    latest = {row["purpose"]: row["kid"] for row in sorted(rows, key=lambda row: row["not_before_ms"])}
    keys: dict[Purpose, SigningKey] = {purpose: vault.signing_key(latest[purpose]) for purpose in PURPOSES}
    return SigningKeys(vault.signing_key(ROOT), keys, rows)


def _row(key: SigningKey, purpose: str) -> dict[str, Any]:
    now = now_ms()
    return {
        "kid": key.kid,
        "purpose": purpose,
        "public": base64.b64encode(key.public).decode(),
        "not_before_ms": now - EARLIER_MS,
        "not_after_ms": now + VALID_MS,
    }
