"""How a cabinet gets its identity: a one-time token from the operator, exchanged by its first start."""

import os
import secrets
from dataclasses import dataclass
from typing import Any

import structlog

from cloud.broker import Login
from cloud.cabinet_keys import KeyRing
from cloud.keys import SigningKeys
from cloud.moment import now_ms
from cloud.problems import Refused
from cloud.store import Store, cabinets
from cloud.store.schema import DEFAULT_TENANT
from cloud.vault import KEY_BYTES, Vault, hash_of, new_secret
from config.cabinet import Cabinet
from config.contract.topics import shard_of

TOKEN_PREFIX = "tge_"
TOKEN_VALID_MS = 24 * 3600 * 1000

log = structlog.get_logger("enrolment")


async def enrol(store: Store, cabinet: Cabinet, valid_ms: int = TOKEN_VALID_MS) -> str:
    """Add the cabinet (or what its file newly says of it) and return a token that works once."""
    token = TOKEN_PREFIX + new_secret()
    now = now_ms()
    row = {"tenant": DEFAULT_TENANT, "cabinet": cabinet.id, "created_ms": now, "expires_ms": now + valid_ms}
    async with store.writing() as db:
        await cabinets.put_cabinet(db, _cabinet_row(cabinet, now))
        await cabinets.add_token(db, {"token_hash": hash_of(token), **row})
    return token


def _cabinet_row(cabinet: Cabinet, now: int) -> dict[str, Any]:
    about = cabinet.cabinet
    return {
        "id": about.id,
        "tenant": DEFAULT_TENANT,
        "number": about.number,
        "name_zh": about.name_zh,
        "name_en": about.name_en,
        "address": about.address,
        "phone": about.phone,
        "shard": shard_of(about.id),
        "map": cabinet.map(),
        "map_version": cabinet.map_version(),
        "salt": secrets.token_hex(16),
        "settings": {},
        "created_ms": now,
    }


@dataclass(frozen=True, slots=True)
class Identity:
    """All that ``identity.toml`` of an edge holds."""

    cabinet: str
    broker_login: str
    broker_password: str
    root_public: bytes
    cabinet_key: bytes


class Enrolment:
    """Exchanges tokens, and says which logins the broker has to know."""

    def __init__(self, store: Store, vault: Vault, keys: SigningKeys, ring: KeyRing) -> None:
        self._store = store
        self._vault = vault
        self._keys = keys
        self._ring = ring

    async def exchange(self, token: str) -> Identity:
        """A new identity for the token's cabinet, which makes any earlier one void; works once."""
        password, key = new_secret(), os.urandom(KEY_BYTES)
        now = now_ms()
        async with self._store.writing() as db:
            cabinet = await cabinets.use_token(db, hash_of(token), now)
            if cabinet is None:
                raise Refused(403, "bad_token", "this enrolment token is unknown, used or expired")
            await cabinets.change_cabinet(
                db,
                cabinet,
                key_sealed=self._vault.seal(key, f"cabinet key {cabinet}"),
                broker_login=cabinet,
                broker_password_sealed=self._vault.seal(password.encode(), f"broker password {cabinet}"),
                enrolled_ms=now,
            )
        self._ring.forget(cabinet)
        log.info("cabinet enrolled", cabinet=cabinet)
        return Identity(cabinet, cabinet, password, self._keys.root.public, key)

    async def logins(self) -> list[Login]:
        """One per enrolled cabinet."""
        async with self._store.reading() as db:
            rows = await cabinets.all_cabinets(db)
        return [
            Login(row["broker_login"], self._open_password(row), row["id"])
            for row in rows
            if row["broker_login"] is not None
        ]

    def _open_password(self, row: dict[str, Any]) -> str:
        return self._vault.open(row["broker_password_sealed"], f"broker password {row['id']}").decode()
