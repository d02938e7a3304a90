"""The keys that the cloud shares with each cabinet, opened once and kept in memory."""

from dataclasses import dataclass

from cloud.store import Store, cabinets
from cloud.vault import Vault
from config.contract.signing import CabinetKeys


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A cabinet that may speak, and whose it is."""

    tenant: str
    keys: CabinetKeys


class KeyRing:
    """Knows every enrolled cabinet; ``forget`` one when its key has changed."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._known: dict[str, Enrolled] = {}

    async def of(self, cabinet: str) -> Enrolled | None:
        """None for a cabinet that is not enrolled."""
        known = self._known.get(cabinet)
        if known is not None:
            return known
        async with self._store.reading() as db:
            row = await cabinets.cabinet(db, cabinet)
        if row is None or row["key_sealed"] is None:
            return None
        key = self._vault.open(row["key_sealed"], f"cabinet key {cabinet}")
        self._known[cabinet] = Enrolled(row["tenant"], CabinetKeys.derive(cabinet, key))
        return self._known[cabinet]

    def forget(self, cabinet: str) -> None:
        self._known.pop(cabinet, None)
