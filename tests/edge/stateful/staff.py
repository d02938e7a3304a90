"""Who works at the stand: couriers who take out what nobody fetched, and technicians.

They are honest: they take only the parcel that a door was opened to remove, and end a hold only standing
there. What they show gives a right only if it truly does: a good badge that was not revoked, and its PIN.
"""

import asyncio

from config.contract import codes
from config.contract.codes import BadgeRight
from tests.edge.stateful.office import PIN, STAFF, Office, StaffBadge
from tests.edge.stateful.people import HANDS_SECONDS, People
from tests.edge.stateful.stand import COLD_ZONE, Stand

SESSION_S = 180.0 + 5.0
"""Whoever does nothing for so long has left; what was scanned needs a moment until it is known."""
PIN_WITHIN_S = 60.0 + 5.0
DAY_S, YEARS_S = 8 * 3600, 2 * 365 * 86_400
NEVER = float("-inf")


class Staff:
    """Badges, PINs and hands of those who work here."""

    def __init__(self, stand: Stand, people: People, office: Office) -> None:
        self._stand, self._people, self._office = stand, people, office
        self._awaits_pin: dict[str, float] = {}
        self._removes_until = self._serves_until = NEVER

    # --- who they are

    def scan(self, who: str, kind: str) -> None:
        badge, now = STAFF[who], self._stand.now
        lasts = YEARS_S if badge.is_static else DAY_S
        self._people.show(codes.Purpose.BADGE, badge.id, kind, right=badge.right, lasts=lasts)
        if kind != "good" or self._office.is_void("badge", badge.id):
            return
        if badge.is_static:
            self._awaits_pin[who] = now + PIN_WITHIN_S
        else:
            self._admit(badge)

    def type_pin(self, is_right: bool) -> None:
        now = self._stand.now
        for who, until in self._awaits_pin.items():
            if is_right and now <= until and not self._office.is_void("badge", STAFF[who].id):
                self._admit(STAFF[who])
        self._people.type_text(PIN if is_right else "000000")

    def _admit(self, badge: StaffBadge) -> None:
        if badge.right & BadgeRight.SERVICE:
            self._serves_until = self._stand.now + SESSION_S
        else:
            self._removes_until = self._stand.now + SESSION_S

    # --- what nobody fetched

    def remove(self) -> None:
        now = self._stand.now
        if now <= self._removes_until:
            self._stand.rights.removing = now
            self._removes_until = now + SESSION_S
        self._people.say_word("remove", "")

    async def take_out(self) -> None:
        """The parcel that a door was opened to remove, and it is not fetched by that."""
        for label in self._stand.hands.labels():
            opening = self._stand.ledger.latest(label)
            if opening.purpose != "remove":
                continue
            await asyncio.sleep(HANDS_SECONDS)
            here = [goods.name for goods in self._stand.place.goods(label)]
            if opening.parcel in here and self._stand.hands.pull(label):
                self._stand.hands.take(label, opening.parcel)
                self._stand.parcels[opening.parcel].box = None
                self._stand.story.trace(self._stand.place.id, f"{opening.parcel} is removed from {label}")
                await asyncio.sleep(HANDS_SECONDS)

    # --- technicians

    def open(self, label: str) -> None:
        """The number of a door on the keypad; to anybody else it is no code."""
        if self._is_serving():
            self._stand.rights.serviced[label] = self._stand.now
        self._people.type_text(label)

    def release(self) -> None:
        """Somebody has looked at the goods of the cold zone."""
        if self._is_serving():
            self._stand.rights.released = self._stand.now
        self._people.say_word("release", COLD_ZONE)

    def _is_serving(self) -> bool:
        now = self._stand.now
        if now > self._serves_until:
            return False
        self._serves_until = now + SESSION_S
        return True
