"""A small cloud that keeps the contract: the real proofs, the real decoding and the real fold.

The service's own ingest is not used: its database runs on threads, which no virtual clock can order. What is
written here once more is the cursor (contiguous, chained, acknowledged after the commit) and who is sent
which document; both are tested against the real service elsewhere.
"""

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cloud.cabinet_keys import Enrolled
from cloud.fold import Picture, Place
from cloud.ingest import decode
from cloud.ingest.proof import read
from config.contract import codes
from config.contract.messages import (
    Ack,
    BadMessage,
    Batch,
    Desired,
    DocumentName,
    ExpectedParcel,
    Grants,
    KeyInForce,
    Keys,
    OpenDoor,
    Parcels,
    Presence,
    Reported,
    Session,
    Status,
    Sync,
    chain_over,
)
from config.contract.signing import CHAIN_START, BadProof, CabinetKeys, SigningKey, mac, seal, sign
from config.contract.topics import Leaf
from controller.identity import Identity
from simulators.scenario.history import Archive, Lines

FAR_MS = 4_000_000_000_000
LOG2_N = 10
"""The cheapest digest that the contract allows; nobody guesses here."""
SAY_AGAIN_SECONDS = 5.0
COMMAND_SECONDS = 10.0
DAY_MS = 86_400_000


class CloudDisagrees(Exception):
    """Something reached the cloud that no cabinet should ever say."""


@dataclass(slots=True)
class Epoch:
    """One history of one cabinet, as far as the cloud has it."""

    ordinal: int
    lines: Lines
    through: int = 0
    chain: str = CHAIN_START


@dataclass(slots=True)
class Known:
    """What the cloud knows of one cabinet and wants of it."""

    who: Enrolled
    key: bytes
    salt: bytes
    epochs: dict[str, Epoch] = field(default_factory=dict)
    session: Session | None = None
    online: bool = False
    parcels: dict[str, ExpectedParcel] = field(default_factory=dict)
    wanted: dict[DocumentName, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    applied: dict[str, int] = field(default_factory=dict)
    said_at: dict[DocumentName, float] = field(default_factory=dict)


class Cloud:
    """Plans parcels, hears events, sends documents and commands. ``now`` is the loop's clock."""

    def __init__(
        self,
        say: Callable[[str, Leaf, bytes], None],
        now: Callable[[], float],
        now_ms: Callable[[], int],
        chance: random.Random,
        complain: Callable[[str, str], None],
    ) -> None:
        self._say, self._now, self._chance, self._complain = say, now, chance, complain
        self.now_ms = now_ms
        made = (SigningKey.from_bytes(kid, chance.randbytes(32)) for kid in ("root", "1", "2", "3"))
        self._root, self._desired, self._commands, self.token = made
        self.picture = Picture()
        self.cabinets: dict[str, Known] = {}
        self.is_stopped = False
        self._archive = Archive()

    def enrol(self, cabinet: str) -> Identity:
        """All that ties a computer to this cabinet."""
        key, salt = self._chance.randbytes(32), self._chance.randbytes(16)
        self.cabinets[cabinet] = Known(Enrolled("simulated", CabinetKeys.derive(cabinet, key)), key, salt)
        self._want(cabinet, DocumentName.KEYS, self._keys())
        self._want(cabinet, DocumentName.GRANTS, Grants())
        self._want_parcels(cabinet)
        root, own = base64.b64encode(self._root.public).decode(), base64.b64encode(key).decode()
        return Identity(cabinet, "http://cloud.invalid", "mqtt://cloud.invalid:1", cabinet, "", root, own)

    # --- what people are given

    def badge(self, cabinet: str) -> str:
        """A courier's badge for today."""
        now = self.now_ms() // 1000
        where, right = codes.cabinet_hash(cabinet), codes.BadgeRight.LOAD
        token = codes.Token(codes.Purpose.BADGE, 3, 0, where, "00000000000000aa", right, now, now + 86_400)
        return token.signed(self.token)

    def pickup_qr(self, cabinet: str, order: str) -> str:
        now, where = self.now_ms() // 1000, codes.cabinet_hash(cabinet)
        token = codes.Token(codes.Purpose.PICKUP, 3, 0, where, order, 0, now, now + 14 * 86_400)
        return token.signed(self.token)

    def expect(
        self, cabinet: str, sizes: list[Any], code: str, zone: str = "ambient"
    ) -> tuple[str, list[str]]:
        """A new order: one code for parcels of these sizes. Order and parcel ids."""
        known = self.cabinets[cabinet]
        order = self._chance.randbytes(8).hex()
        digest = codes.code_digest(code, known.salt, LOG2_N).hex()
        ids = [self._chance.randbytes(8).hex() for _ in sizes]
        for parcel, size in zip(ids, sizes, strict=True):
            known.parcels[parcel] = ExpectedParcel(
                parcel=parcel, order=order, size=size, zone=zone, digest=digest,
                expires_ms=self.now_ms() + 14 * DAY_MS,
            )  # fmt: skip
        self._want_parcels(cabinet)
        return order, ids

    def withdraw(self, cabinet: str, parcels: list[str]) -> None:
        """These parcels never came, or are done with."""
        for parcel in parcels:
            self.cabinets[cabinet].parcels.pop(parcel, None)
        self._want_parcels(cabinet)

    def open_by_phone(self, cabinet: str, order: str, presence: Presence | None) -> bool:
        """A resident's phone asks; false when the cloud cannot help right now."""
        known = self.cabinets[cabinet]
        there = [
            row
            for (where, _), row in self.picture.compartments.items()
            if where == cabinet and row["order_id"] == order and row["state"] in ("occupied", "collecting")
        ]
        if self.is_stopped or known.session is None or not known.online or not there:
            return False
        command = OpenDoor(
            id=self._chance.randbytes(8).hex(), cabinet=cabinet, session=known.session,
            deadline_ms=self.now_ms() + int(COMMAND_SECONDS * 1000), compartment=there[0]["label"],
            occupancy=there[0]["occupancy"], purpose="collect", presence=presence,
        )  # fmt: skip
        self._say(cabinet, Leaf.COMMANDS, sign(self._commands, "commands", cabinet, command.body()))
        return True

    # --- what cabinets say

    def hear(self, cabinet: str, leaf: Leaf, payload: bytes) -> None:
        """A message has arrived; while the cloud is stopped nobody is there to hear it."""
        if self.is_stopped:
            return
        known = self.cabinets[cabinet]
        try:
            self._take(cabinet, known, read(leaf, known.who, payload))
        except (BadProof, BadMessage, CloudDisagrees) as error:
            self._complain(cabinet, f"the cloud cannot take {leaf}: {error}")

    def _take(self, cabinet: str, known: Known, body: Any) -> None:
        match body:
            case Status():
                self._see(known, body)
                self._send_documents(cabinet, known)
            case Sync():
                self._ack(known, body.session, body.nonce, self._epoch(known, body.session.epoch))
            case Reported():
                known.applied = {name: told.version for name, told in body.documents.items()}
                self._send_documents(cabinet, known)
            case Batch():
                self._take_batch(cabinet, known, body)

    def _see(self, known: Known, status: Status) -> None:
        known_n = known.session.n if known.session is not None else 0
        if status.session.n < known_n:
            return
        known.session, known.online = status.session, status.state == "online"

    def _epoch(self, known: Known, epoch: str) -> Epoch:
        if epoch not in known.epochs:
            known.epochs[epoch] = Epoch(len(known.epochs) + 1, Lines(self._archive))
        return known.epochs[epoch]

    def _take_batch(self, cabinet: str, known: Known, batch: Batch) -> None:
        head, history = batch.head, self._epoch(known, batch.head.epoch)
        if head.first > history.through + 1:
            self._ack(known, head.session, head.nonce, history)
            return
        again = min(history.through + 1 - head.first, head.count)
        if list(batch.lines[:again]) != history.lines[head.first - 1 : head.first - 1 + again]:
            raise CloudDisagrees(f"another history of epoch {head.epoch} from {head.first}")
        if again < head.count:
            if chain_over(head.chain, batch.lines[:again]) != history.chain:
                raise CloudDisagrees(f"the chain of epoch {head.epoch} breaks at {history.through}")
            for line in batch.lines[again:]:
                self._append(cabinet, head.epoch, history, line)
        self._ack(known, head.session, head.nonce, history)

    def _append(self, cabinet: str, epoch: str, history: Epoch, line: bytes) -> None:
        history.through += 1
        history.lines.append(line)
        history.chain = chain_over(history.chain, [line])
        _, fact = decode(line, cabinet, epoch, history.through)
        # The time of an event is not folded here: a run that replays has no other order than the numbers.
        place = Place("simulated", cabinet, history.ordinal, history.through, history.through)
        self.picture.apply(place, fact)

    def _ack(self, known: Known, session: Session, nonce: str, history: Epoch) -> None:
        ack = Ack(
            session=session, nonce=nonce, epoch=session.epoch, through=history.through,
            cloud_time_ms=self.now_ms(),
        )  # fmt: skip
        keys = known.who.keys
        self._say(keys.cabinet, Leaf.ACK, mac(keys, Leaf.ACK, ack.body()))

    # --- documents

    def _keys(self) -> Keys:
        named = ((self._desired, "desired"), (self._commands, "commands"), (self.token, "token"))
        return Keys(keys=tuple(_in_force(key, purpose) for key, purpose in named))

    def _want_parcels(self, cabinet: str) -> None:
        known = self.cabinets[cabinet]
        parcels = tuple(known.parcels.values())
        self._want(
            cabinet,
            DocumentName.PARCELS,
            Parcels(salt=known.salt.hex(), scrypt_log2_n=LOG2_N, parcels=parcels),
        )

    def _want(self, cabinet: str, name: DocumentName, content: Any) -> None:
        known = self.cabinets[cabinet]
        version = known.wanted[name][0] + 1 if name in known.wanted else 1
        known.wanted[name] = (version, content.model_dump(mode="json"))
        known.said_at.pop(name, None)
        if known.session is not None and known.online and not self.is_stopped:
            self._send(cabinet, known, name)

    def _send_documents(self, cabinet: str, known: Known) -> None:
        """Whatever the cabinet does not say it has; the keys first, because they prove the rest."""
        if known.session is None or not known.online:
            return
        for name, (version, _) in known.wanted.items():
            if known.applied.get(name, 0) == version:
                continue
            if self._now() - known.said_at.get(name, float("-inf")) >= SAY_AGAIN_SECONDS:
                self._send(cabinet, known, name)

    def _send(self, cabinet: str, known: Known, name: DocumentName) -> None:
        assert known.session is not None
        known.said_at[name] = self._now()
        version, content = known.wanted[name]
        body = Desired(
            cabinet=cabinet, name=name, version=version, epoch=known.session.epoch, content=content
        ).body()
        root = name is DocumentName.KEYS
        signed = sign(self._root if root else self._desired, "keys" if root else "desired", cabinet, body)
        self._say(cabinet, Leaf.DESIRED, seal(known.who.keys, "desired", signed))


def _in_force(key: SigningKey, purpose: Any) -> KeyInForce:
    public = base64.b64encode(key.public).decode()
    return KeyInForce(kid=key.kid, purpose=purpose, public=public, not_before_ms=0, not_after_ms=FAR_MS)
