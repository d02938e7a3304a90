"""Who is signed in with a browser: a signed cookie that stands for an API key and ends with it."""

import hmac

from cloud.auth import ApiKeys, Caller, Scope
from cloud.moment import now_ms
from cloud.problems import Refused
from cloud.vault import Vault, hash_of

LASTS_S = 12 * 3600
"""A working day; then one signs in again."""
_CONTEXT = "browser session"


class Sessions:
    """Begins and checks sessions. A cookie names the key by its hash; only the vault can make one."""

    def __init__(self, vault: Vault, api_keys: ApiKeys) -> None:
        self._vault = vault
        self._api_keys = api_keys

    async def begin(self, api_key: str, scope: Scope) -> str:
        """The cookie's value; ``Refused`` when the key is not in force or has not this scope."""
        await self._api_keys.caller(f"Bearer {api_key}", scope)
        return self._signed(f"{hash_of(api_key)}.{now_ms() + LASTS_S * 1000}")

    async def caller(self, cookie: str, scope: Scope) -> Caller | None:
        """Whose session this is; None when it is over, forged, or its key is void or lacks the scope."""
        told, _, _ = cookie.rpartition(".")
        if not hmac.compare_digest(self._signed(told).encode(), cookie.encode()):
            return None
        key_hash, _, until = told.partition(".")
        if int(until) < now_ms():
            return None
        try:
            return await self._api_keys.caller_by_hash(key_hash, scope)
        except Refused:
            return None

    def _signed(self, told: str) -> str:
        return f"{told}.{self._vault.lookup(told, _CONTEXT)}"
