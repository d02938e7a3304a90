"""Codes and tokens: who may have which order's goods, or may load. Grants or refuses, opens nothing.

A code is looked up by its scrypt digest, computed off the event loop. Wrong tries: five are free within ten
minutes, then 30 s doubling to 15 min; the counters are durable and only fall by time. Tokens (pickup QR,
badges) are checked against the keys in force and work while the keypad is locked.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from config.contract import codes, labels
from config.contract.codes import BadgeRight
from config.contract.events import AccessRefused, Fact, FaultRaised, Proof
from config.contract.messages import ExpectedParcel, Grants, Keys, Parcels
from controller.clock import Clock

FREE_TRIES = 5
WINDOW_MS = 600_000
FIRST_WAIT_MS = 30_000
LONGEST_WAIT_MS = 900_000
ALARM_AT = 20
SHORT_TOKEN_S = 12 * 3600
"""A badge that is good for longer opens vacant doors only."""


@dataclass(frozen=True, slots=True)
class Tries:
    """Wrong tries at the keypad. Times are milliseconds that the cabinet ran (see ``Clock.served_ms``)."""

    wrong: tuple[int, ...] = ()
    waits: int = 0
    locked_until: int = 0

    def to_json(self) -> str:
        return json.dumps({"wrong": self.wrong, "waits": self.waits, "locked_until": self.locked_until})

    @classmethod
    def from_json(cls, text: str | None) -> "Tries":
        raw = json.loads(text) if text else {}
        return cls(tuple(raw.get("wrong", ())), raw.get("waits", 0), raw.get("locked_until", 0))


def wait_ms(tries: Tries, now_ms: int) -> int:
    """How long the keypad stays locked; never longer than the longest wait."""
    return min(max(0, tries.locked_until - now_ms), LONGEST_WAIT_MS)


def after_wrong(tries: Tries, now_ms: int) -> Tries:
    """One more wrong try."""
    recent = (*(at for at in tries.wrong if now_ms - at < WINDOW_MS), now_ms)
    if len(recent) <= FREE_TRIES:
        return replace(tries, wrong=recent)
    wait = min(FIRST_WAIT_MS << min(tries.waits, 10), LONGEST_WAIT_MS)
    return Tries(recent, tries.waits + 1, now_ms + wait)


def after_right(tries: Tries) -> Tries:
    """A right code ends the doubling; the wrong tries in the window still count."""
    return replace(tries, waits=0)


@dataclass(frozen=True, slots=True)
class Granted:
    """The goods of this order may be handed out."""

    order: str
    proof: Proof


@dataclass(frozen=True, slots=True)
class BadgeGranted:
    """What the holder may do until then (cloud milliseconds)."""

    badge: str
    expires_ms: int
    right: BadgeRight = BadgeRight.LOAD


@dataclass(frozen=True, slots=True)
class Denied:
    """``reason`` is a code of the refusal table; ``facts`` are to be recorded."""

    reason: str
    facts: tuple[Fact, ...] = ()
    wait_ms: int = 0


class Access:
    """The rights that are in force at this cabinet."""

    def __init__(self, cabinet: str, clock: Clock, tries: Tries) -> None:
        self._cabinet = cabinet
        self._clock = clock
        self.tries = tries
        self._parcels = Parcels(salt="0" * 32, parcels=())
        self.parcels: Mapping[str, ExpectedParcel] = {}
        """All expected or loaded parcels, by id."""
        self._tokens: dict[int, list[bytes]] = {}
        self._revoked: frozenset[str] | None = None

    # --- documents

    def use_parcels(self, parcels: Parcels) -> None:
        self._parcels = parcels
        self.parcels = {parcel.parcel: parcel for parcel in parcels.parcels}

    def use_keys(self, keys: Keys) -> None:
        self._tokens = {}
        for key in keys.keys:
            if key.purpose == "token":
                self._tokens.setdefault(int(key.kid), []).append(base64.b64decode(key.public))

    def use_grants(self, grants: Grants) -> None:
        self._revoked = frozenset(grants.revoked_badges)

    # --- proofs

    async def by_code(self, text: str) -> Granted | Denied:
        """A typed code. Wrong, used and expired ones look alike, and take as long."""
        now_ms = self._clock.served_ms()
        locked = wait_ms(self.tries, now_ms)
        if locked:
            return Denied("wait", wait_ms=locked)
        try:
            code = codes.typed_code(text)
        except codes.BadCode:
            return Denied("not_valid")
        order = await self._order_of(code)
        if order is None:
            return self._wrong(now_ms)
        self.tries = after_right(self.tries)
        return Granted(order, "code")

    async def _order_of(self, code: str) -> str | None:
        parcels = self._parcels
        salt = bytes.fromhex(parcels.salt)
        digest = (await asyncio.to_thread(codes.code_digest, code, salt, parcels.scrypt_log2_n)).hex()
        now_ms = self._clock.best_ms()
        own = [p.order for p in parcels.parcels if p.digest == digest and p.expires_ms > now_ms]
        return own[0] if own else None

    def _wrong(self, now_ms: int) -> Denied:
        self.tries = after_wrong(self.tries, now_ms)
        count = len(self.tries.wrong)
        facts: tuple[Fact, ...] = (AccessRefused(proof="code", reason="not_valid", wrong_in_window=count),)
        if count == ALARM_AT:
            facts = (*facts, FaultRaised(fault="guessing", subject="keypad"))
        return Denied("not_valid", facts, wait_ms(self.tries, now_ms))

    def by_token(self, text: str) -> Granted | BadgeGranted | Denied:
        """A scanned pickup QR or badge; verified without any network."""
        try:
            read = codes.read_token(text)
        except codes.BadCode:
            return Denied("not_ours")
        token = read.token
        if not any(read.holds(public) for public in self._tokens.get(token.kid, ())):
            return self._denied(token, "not_valid")
        if token.cabinet != codes.cabinet_hash(self._cabinet):
            return self._denied(token, "other_cabinet")
        self._clock.raise_floor(token.iat * 1000)
        if token.exp * 1000 <= self._clock.best_ms():
            return self._denied(token, "expired")
        return self._badge(token) if token.purpose is codes.Purpose.BADGE else self._pickup(token)

    def _badge(self, token: codes.Token) -> BadgeGranted | Denied:
        # without the list of the revoked nobody can say that this badge is not on it
        if self._revoked is None or token.holder in self._revoked or not token.right & BadgeRight.LOAD:
            return self._denied(token, "bad_badge")
        is_short = token.exp - token.iat <= SHORT_TOKEN_S
        right = BadgeRight.LOAD | (token.right & BadgeRight.REMOVE if is_short else 0)
        return BadgeGranted(token.holder, token.exp * 1000, right)

    def _pickup(self, token: codes.Token) -> Granted | Denied:
        known = [p for p in self._parcels.parcels if p.order == token.holder]
        if any(token.generation < parcel.generation for parcel in known):
            return self._denied(token, "not_valid")
        return Granted(token.holder, "qr")

    def by_label(self, text: str) -> labels.ParcelLabel | Denied:
        """A signed parcel label; verified without any network. It brings a parcel in, it opens none."""
        try:
            read = labels.read_label(text)
        except codes.BadCode:
            return Denied("not_ours")
        label = read.label
        if not any(read.holds(public) for public in self._tokens.get(label.kid, ())):
            return Denied("not_valid")
        if label.cabinet != codes.cabinet_hash(self._cabinet):
            return Denied("other_cabinet")
        self._clock.raise_floor(label.iat * 1000)
        return Denied("expired") if label.exp * 1000 <= self._clock.best_ms() else label

    def _denied(self, token: codes.Token, reason: str) -> Denied:
        proof: Proof = "badge" if token.purpose is codes.Purpose.BADGE else "qr"
        return Denied(reason, (AccessRefused(proof=proof, reason=reason),))
