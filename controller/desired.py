"""Documents from the cloud that must become true: unsealed, verified, never going back, kept as signed."""

import base64
from collections.abc import Callable
from typing import Any

import structlog

from config.contract.events import DocumentApplied
from config.contract.messages import (
    Applied,
    BadMessage,
    Desired,
    DocumentName,
    KeyInForce,
    Keys,
    digest_of,
)
from config.contract.signing import BadProof, CabinetKeys, check_signature, split, unseal
from controller.cabinet import Cabinet
from controller.clock import Clock
from controller.store import Change, Document, Store

log = structlog.get_logger(__name__)

ROOT_KID = "root"
Use = Callable[[Any], None]


class Documents:
    """The documents in force, and who is told when one changes."""

    def __init__(
        self,
        cabinet_id: str,
        root_public: bytes,
        sealing: CabinetKeys,
        cabinet: Cabinet,
        store: Store,
        clock: Clock,
    ) -> None:
        self._id = cabinet_id
        self._root = {ROOT_KID: root_public}
        self._sealing = sealing
        self._cabinet = cabinet
        self._store = store
        self._clock = clock
        self._keys: tuple[KeyInForce, ...] = ()
        self._uses: dict[DocumentName, Use] = {}
        self._in_force: dict[DocumentName, Applied] = {}
        self.reported: dict[str, Applied] = {}
        self._waiting: bytes | None = None
        """Settings that came while somebody was at a door."""

    def use(self, name: DocumentName, use: Use) -> None:
        """Be given this document whenever it changes, and at start."""
        self._uses[name] = use

    def public_keys(self, purpose: str) -> dict[str, bytes]:
        """The keys that may sign this now; validity counts against the best known time."""
        now = self._clock.best_ms()
        return {
            key.kid: base64.b64decode(key.public)
            for key in self._keys
            if key.purpose == purpose and key.not_before_ms <= now < key.not_after_ms
        }

    async def load(self) -> None:
        """Put in force what the store holds; every signature is checked again."""
        kept = await self._store.documents()
        for name in (DocumentName.KEYS, *(n for n in DocumentName if n is not DocumentName.KEYS)):
            document = kept.get(name)
            if document is None:
                continue
            if document.version < self._least(name):
                log.error("a kept document is older than one that was in force", document=name)
                continue
            try:
                self._put_in_force(self._verified(document.message), document.hash)
            except (BadProof, BadMessage) as error:
                log.error("a kept document does not hold", document=name, error=str(error))

    def ask_again(self) -> None:
        """A new epoch has begun: what is in force stays so until the cloud has sent it for that epoch."""
        self.reported.clear()

    async def take(self, sealed: bytes) -> None:
        """A document has arrived. ``BadProof`` and ``BadMessage`` say why it was not even looked at."""
        message = unseal(self._sealing, "desired", sealed)
        desired = self._verified(message)
        refusal = self._refusal(desired)
        if refusal:
            self._refused(desired, refusal)
            return
        hashed = digest_of(desired.content)
        current = self.reported.get(desired.name)
        if current is not None and current.version == desired.version and current.hash == hashed:
            return
        if desired.name is DocumentName.SETTINGS and self._cabinet.is_visited():
            self._waiting = sealed
            return
        document = Document(desired.name, desired.version, hashed, message)
        told = DocumentApplied(name=desired.name.value, version=desired.version)
        await self._cabinet.record(Change(document=document, facts=(told,)))
        self._put_in_force(desired, hashed)

    async def catch_up(self) -> None:
        """Take the settings that waited, once nobody is at a door. They are checked again from the start."""
        if self._waiting is None or self._cabinet.is_visited():
            return
        waiting, self._waiting = self._waiting, None
        try:
            await self.take(waiting)
        except (BadProof, BadMessage) as error:
            log.warning("settings that waited do not hold any more", error=str(error))

    def _verified(self, message: bytes) -> Desired:
        """Signed by the root for ``keys``, by a key in force for the rest, and for this cabinet."""
        purpose = "keys" if b'"purpose":"keys"' in message.partition(b"\n")[0] else "desired"
        head, _ = split(message, purpose)
        trusted = self._root if purpose == "keys" else self.public_keys("desired")
        body = check_signature(trusted, head.purpose, self._id, message)
        desired: Desired = Desired.read(body)
        if (desired.name is DocumentName.KEYS) != (purpose == "keys"):
            raise BadProof(f"{desired.name} document signed for {purpose}")
        if desired.cabinet != self._id:
            raise BadProof(f"{desired.name} document for {desired.cabinet}")
        return desired

    def _refusal(self, desired: Desired) -> str:
        if desired.epoch != self._store.epoch:
            return f"made for epoch {desired.epoch}"
        if desired.version < self._least(desired.name):
            return f"version {desired.version} is older than {self._least(desired.name)}"
        current = self._in_force.get(desired.name)
        same = current is not None and desired.version == current.version
        if same and current is not None and digest_of(desired.content) != current.hash:
            return f"version {desired.version} already has other content"
        try:
            desired.document()
        except BadMessage as error:
            return str(error)
        return ""

    def _least(self, name: DocumentName) -> int:
        """Versions never go back, even when the store does."""
        return self._store.least_versions.get(name, 0)

    def _refused(self, desired: Desired, reason: str) -> None:
        log.warning("document refused", document=desired.name, version=desired.version, reason=reason)
        current = self.reported.get(desired.name, Applied(version=0))
        self.reported[desired.name] = current.model_copy(
            update={"refused": reason[:300], "refused_version": desired.version}
        )

    def _put_in_force(self, desired: Desired, hashed: str) -> None:
        content = desired.document()
        if isinstance(content, Keys):
            self._keys = content.keys
        self._in_force[desired.name] = Applied(version=desired.version, hash=hashed)
        if desired.epoch == self._store.epoch:
            self.reported[desired.name] = self._in_force[desired.name]
        use = self._uses.get(desired.name)
        if use is not None:
            use(content)
