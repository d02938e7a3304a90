"""Codes and tokens: who may have which order's goods, or may load. Grants or refuses, opens nothing.

A code is looked up by its scrypt digest, computed off the event loop. ``tries.py`` says what wrong tries
cost. After sixty in a day, while codes are guessed all over the fleet, and always for sensitive goods, the
code needs the last four digits of the phone beside it, which are looked up by a digest of both together.
Tokens (pickup QR, badges) are checked against the keys in force and work while the keypad is locked.
"""

import asyncio
import base64
from collections.abc import Iterable, Mapping
from dataclasses import replace

from config.contract import codes, labels
from config.contract.codes import BadgeRight
from config.contract.events import AccessRefused, Fact, FaultRaised, Proof
from config.contract.messages import CabinetSettings, ExpectedParcel, Grants, Keys, Parcels
from controller.access.kept import Kept
from controller.access.rights import BadgeGranted, Denied, Granted
from controller.access.tries import (
    ALARM_AT,
    CODE,
    DAY_MS,
    STRONG,
    TAIL_AFTER,
    Tries,
    after_right,
    after_wrong,
    wait_ms,
)
from controller.clock import Clock

__all__ = ["Access", "BadgeGranted", "Denied", "Granted", "Kept", "Tries", "after_wrong", "wait_ms"]

FREE_TRIES, WINDOW_MS = CODE.free, CODE.window_ms
ALL_RIGHTS = sum(BadgeRight)


class Access:
    """The rights that are in force at this cabinet. ``kept`` is to be durable before anybody is answered."""

    def __init__(self, cabinet: str, clock: Clock, kept: Kept) -> None:
        self._cabinet = cabinet
        self._clock = clock
        self.kept = kept
        self._parcels = Parcels(salt="0" * 32, parcels=())
        self.parcels: Mapping[str, ExpectedParcel] = {}
        """All expected or loaded parcels, by id."""
        self._tokens: dict[int, list[bytes]] = {}
        self._grants: Grants | None = None
        self._guessed_elsewhere = False

    @property
    def tries(self) -> Tries:
        """Wrong tries with a code alone."""
        return self.kept.code

    @tries.setter
    def tries(self, tries: Tries) -> None:
        self.kept = self.kept.with_code(tries)

    @property
    def asks_for_tail(self) -> bool:
        """So many codes were guessed today, here or all over the fleet, that a code alone is not enough."""
        return self._guessed_elsewhere or self.tries.within(DAY_MS, self._clock.served_ms()) >= TAIL_AFTER

    @property
    def is_guessed_at(self) -> bool:
        """So many wrong codes of a kind came within the last day that it is an alarm."""
        now_ms = self._clock.served_ms()
        return any(tries.within(DAY_MS, now_ms) >= ALARM_AT for tries in (self.kept.code, self.kept.strong))

    # --- documents

    def use_parcels(self, parcels: Parcels) -> None:
        self._parcels = parcels
        self.parcels = {parcel.parcel: parcel for parcel in parcels.parcels}
        told = {p.order for p in parcels.parcels if p.generation >= self.kept.generation(p.order)}
        self.kept = self.kept.without(told)

    def use_keys(self, keys: Keys) -> None:
        self._tokens = {}
        for key in keys.keys:
            if key.purpose == "token":
                self._tokens.setdefault(int(key.kid), []).append(base64.b64decode(key.public))

    def use_settings(self, settings: CabinetSettings) -> None:
        self._guessed_elsewhere = settings.codes_guessed

    def use_grants(self, grants: Grants) -> None:
        self._grants = grants

    # --- codes

    async def by_code(self, text: str) -> Granted | Denied:
        """A typed code, alone or with the phone's last digits. Wrong and expired look alike."""
        try:
            code, tail = codes.typed_code_and_tail(text)
        except codes.BadCode:
            return Denied("not_valid")
        if tail:
            return await self._by_code_and_tail(code + tail)
        if self.asks_for_tail:
            return Denied("tail_wanted")
        locked = wait_ms(self.tries, self._clock.served_ms())
        if locked:
            return Denied("wait", wait_ms=locked)
        return await self._by_code_alone(code)

    async def _by_code_alone(self, code: str) -> Granted | Denied:
        digest = await self._digest(code)
        order = self._order_of(parcel for parcel in self._parcels.parcels if parcel.digest == digest)
        if order is None:
            return self.wrong_code()
        return Denied("tail_wanted") if self._is_sensitive(order) else Granted(order, "code")

    async def _by_code_and_tail(self, both: str) -> Granted | Denied:
        locked = wait_ms(self.kept.strong, self._clock.served_ms(), STRONG)
        if locked:
            return Denied("wait", wait_ms=locked)
        digest = await self._digest(both)
        order = self._order_of(parcel for parcel in self._parcels.parcels if parcel.strong_digest == digest)
        return Granted(order, "code_tail") if order is not None else self.wrong_code(strong=True)

    async def _digest(self, digits: str) -> str:
        parcels = self._parcels
        salt = bytes.fromhex(parcels.salt)
        return (await asyncio.to_thread(codes.code_digest, digits, salt, parcels.scrypt_log2_n)).hex()

    def _order_of(self, matching: Iterable[ExpectedParcel]) -> str | None:
        now_ms = self._clock.best_ms()
        return next((p.order for p in matching if p.expires_ms > now_ms and self._is_newest(p)), None)

    def _is_newest(self, parcel: ExpectedParcel) -> bool:
        return parcel.generation >= self.kept.generation(parcel.order)

    def _is_sensitive(self, order: str) -> bool:
        return any(parcel.sensitive for parcel in self._parcels.parcels if parcel.order == order)

    def wrong_code(self, *, strong: bool = False) -> Denied:
        """Counts one: no code of this cabinet, or one whose goods have gone."""
        now_ms = self._clock.served_ms()
        if strong:
            self.kept = self.kept.with_strong(after_wrong(self.kept.strong, now_ms, STRONG))
            tries, pace = self.kept.strong, STRONG
        else:
            self.tries = after_wrong(self.tries, now_ms)
            tries, pace = self.tries, CODE
        count = tries.within(pace.window_ms, now_ms)
        proof: Proof = "code_tail" if strong else "code"
        facts: tuple[Fact, ...] = (AccessRefused(proof=proof, reason="not_valid", wrong_in_window=count),)
        if tries.within(DAY_MS, now_ms) == ALARM_AT:
            facts = (*facts, FaultRaised(fault="guessing", subject="keypad"))
        return Denied("not_valid", facts, wait_ms(tries, now_ms, pace))

    def right_code(self, grant: Granted) -> None:
        """A door opens to it: the doubling of the waits ends."""
        if grant.proof == "code":
            self.tries = after_right(self.tries)
        elif grant.proof == "code_tail":
            self.kept = self.kept.with_strong(after_right(self.kept.strong))

    # --- tokens

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
        grants = self._grants
        if grants is None or token.holder in grants.revoked_badges:
            return self._denied(token, "bad_badge")
        rights = BadgeRight(token.right & ALL_RIGHTS)
        now = rights if token.exp - token.iat <= codes.SHORT_BADGE_S else rights & BadgeRight.LOAD
        has_pin = any(pin.badge == token.holder for pin in grants.pins)
        with_pin = rights & ~now if has_pin else BadgeRight(0)
        if not now | with_pin:
            return self._denied(token, "bad_badge")
        return BadgeGranted(token.holder, token.exp * 1000, now, with_pin)

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

    async def by_pin(self, badge: BadgeGranted, pin: str) -> BadgeGranted | Denied:
        """The badge that was just scanned with its PIN: all that it is for."""
        grants, now_ms = self._grants, self._clock.served_ms()
        locked = wait_ms(self.kept.pin, now_ms, STRONG)
        if locked:
            return Denied("wait", wait_ms=locked)
        if grants is None or badge.badge in grants.revoked_badges:
            return Denied("bad_badge", (AccessRefused(proof="badge", reason="bad_badge"),))
        salt, log2_n = bytes.fromhex(grants.salt), grants.scrypt_log2_n
        digest = (await asyncio.to_thread(codes.pin_digest, badge.badge, pin, salt, log2_n)).hex()
        if any((known.badge, known.digest) == (badge.badge, digest) for known in grants.pins):
            self.kept = self.kept.with_pin(after_right(self.kept.pin))
            return replace(badge, right=badge.right | badge.with_pin, with_pin=BadgeRight(0))
        tries = after_wrong(self.kept.pin, now_ms, STRONG)
        self.kept = self.kept.with_pin(tries)
        count = tries.within(DAY_MS, now_ms)
        facts: tuple[Fact, ...] = (AccessRefused(proof="badge", reason="bad_pin", wrong_in_window=count),)
        return Denied("bad_pin", facts, wait_ms(tries, now_ms, STRONG))

    def _pickup(self, token: codes.Token) -> Granted | Denied:
        own = [parcel for parcel in self._parcels.parcels if parcel.order == token.holder]
        newest = max(self.kept.generation(token.holder), *(parcel.generation for parcel in own), 0)
        taken_back = any(token.right in parcel.void_rights for parcel in own)
        if token.generation < newest or taken_back:
            return self._denied(token, "not_valid")
        if token.generation > newest:  # the cloud has made new ones: whatever was there before is void
            self.kept = self.kept.with_generation(token.holder, token.generation)
        return Denied("tail_wanted") if self._is_sensitive(token.holder) else Granted(token.holder, "qr")

    def _denied(self, token: codes.Token, reason: str) -> Denied:
        proof: Proof = "badge" if token.purpose is codes.Purpose.BADGE else "qr"
        return Denied(reason, (AccessRefused(proof=proof, reason=reason),))
