"""API keys: who asks, and what they may."""

import time
from dataclasses import dataclass
from enum import StrEnum

from cloud.moment import now_ms
from cloud.problems import Refused
from cloud.store import Store, access
from cloud.store.schema import DEFAULT_TENANT
from cloud.vault import hash_of, new_secret

PREFIX = "tg_"
REMEMBER_S = 5
"""A revoked key is refused after this at the latest."""


class Scope(StrEnum):
    """What a key may do."""

    READ = "read"  # look at cabinets, events, orders and commands
    ORDERS = "orders"  # take orders; the answer holds pickup codes
    COURIER = "courier"  # make and revoke badges
    OPERATOR = "operator"  # open doors from afar, change a cabinet's settings


@dataclass(frozen=True, slots=True)
class Caller:
    """An API key in force."""

    tenant: str
    name: str
    scopes: frozenset[Scope]


class ApiKeys:
    """Checks keys; remembers a good one for a few seconds."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[float, Caller]] = {}

    async def caller(self, authorization: str | None, *scopes: Scope) -> Caller:
        """Who holds this key; ``Refused`` 401 without one, 403 when it may none of that."""
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key.startswith(PREFIX):
            raise Refused(401, "no_api_key", "send an API key: Authorization: Bearer tg_…")
        return await self.caller_by_hash(hash_of(key), *scopes)

    async def caller_by_hash(self, key_hash: str, *scopes: Scope) -> Caller:
        """``caller`` for those who remember a key by its hash only."""
        caller = await self._caller_of(key_hash)
        if not caller.scopes & set(scopes):
            wanted = " or ".join(scopes)
            raise Refused(
                403, "scope_missing", f"key {caller.name!r} has no scope {wanted}", scopes=list(scopes)
            )
        return caller

    async def _caller_of(self, key_hash: str) -> Caller:
        until, caller = self._known.get(key_hash, (0.0, None))
        if caller is not None and time.monotonic() < until:
            return caller
        async with self._store.reading() as db:
            row = await access.api_key(db, key_hash)
        if row is None:
            self._known.pop(key_hash, None)
            raise Refused(401, "bad_api_key", "this API key is not in force")
        scopes = frozenset(Scope(scope) for scope in row["scopes"].split())
        caller = Caller(row["tenant"], row["name"], scopes)
        self._known[key_hash] = (time.monotonic() + REMEMBER_S, caller)
        return caller


async def create_api_key(store: Store, name: str, scopes: list[Scope]) -> str:
    """A new key, told once; ``Refused`` 409 when the name is taken."""
    key = PREFIX + new_secret()
    row = {
        "hash": hash_of(key),
        "tenant": DEFAULT_TENANT,
        "name": name,
        "scopes": " ".join(sorted(set(scopes))),
        "created_ms": now_ms(),
    }
    async with store.writing() as db:
        if any(other["name"] == name for other in await access.all_api_keys(db)):
            raise Refused(409, "name_taken", f"there is already a key named {name!r}")
        await access.add_api_key(db, row)
    return key
