"""How long goods may be warm: pure rules for the air of one zone, ``(air, what is known, now) -> air``.

No clock, no wire, no store. Times are seconds of the boot clock, which counts suspended time; the wall clock
says nothing here. All hangs on one moment, ``cold_at``: when the air was last *known* to be cold enough. So a
silent probe, a program that was down and a computer that slept count as warm without a rule of their own.

* warm for 15 min: hold;
* warm after an opening: hold when the air is not back 30 min after the last door moved. An opening excuses
  only what began with it, and openings one after the other excuse two hours at most;
* a unit that defrosts by itself may be warm for as long as it says, and 30 min more, once in so many hours;
* without power: warm for as long as the cloud's clock says it can have been; for good when nobody can say.

A hold is latched: no reading, no time and no restart ends it, only ``released``.
"""

from dataclasses import dataclass, field, replace

FRESH_S = 60.0
"""A reading older than this says nothing of the air now; an opening later than this explains nothing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a zone may be; ``celsius`` itself is still cold enough. Seconds."""

    celsius: float
    warm_s: float = 900.0
    recover_s: float = 1800.0
    excused_s: float = 7200.0
    defrost_s: float = 0.0
    """So long the zone's unit may be warm by itself; 0: it never is."""
    defrost_every_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Exposure:
    """How warm it was, and for how long."""

    warm_s: float = 0.0
    degree_s: float = 0.0
    """Kelvin above the limit times seconds, as far as it was measured."""
    blind_s: float = 0.0
    """Of ``warm_s``: nobody measured."""
    gaps: int = 0
    """Times without power of which nobody knows how long they were."""

    def __add__(self, more: "Exposure") -> "Exposure":
        return Exposure(
            self.warm_s + more.warm_s, self.degree_s + more.degree_s, self.blind_s + more.blind_s,
            self.gaps + more.gaps,
        )  # fmt: skip

    def since(self, then: "Exposure") -> "Exposure":
        """What was added since the total was ``then``."""
        return Exposure(
            self.warm_s - then.warm_s, self.degree_s - then.degree_s, self.blind_s - then.blind_s,
            max(0, self.gaps - then.gaps),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Air:
    """What is known of the air of one zone."""

    cold_at: float = 0.0
    read_at: float = 0.0
    """``total`` is counted up to here."""
    celsius: float | None = None
    """The last reading."""
    excuse_at: float | None = None
    """When a door last moved, if that explains why it is warm."""
    defrosted_at: float = 0.0
    dark: bool = True
    """There was a time without power, and its length is not known (yet)."""
    dark_from_ms: int | None = None
    """The cloud's clock showed at least this when it was last cold before the dark."""
    held: str = ""
    """Why goods are held; empty: they are not."""
    total: Exposure = Exposure()
    came: dict[str, Exposure] = field(default_factory=dict)
    """By occupancy: the total when it came."""


def first(now: float) -> Air:
    """A zone that nobody has kept before: it counts as warm until it is read."""
    return Air(cold_at=now, read_at=now, defrosted_at=now)


# --- inputs


def reading(air: Air, celsius: float, at: float, limits: Limits, *, goods: bool) -> Air:
    """The probe was read at ``at``. What was due before that comes first: a late reading saves nothing."""
    if at <= air.read_at:
        return air
    air = tick(air, at, limits, goods=goods)
    air = replace(air, total=_total(air, at, celsius, limits), read_at=at, celsius=celsius)
    in_the_dark = air.dark and goods and not air.held
    return air if celsius > limits.celsius or in_the_dark else _cold(air, at, limits)


def door_moved(air: Air, now: float, limits: Limits) -> Air:
    """A door of the zone was opened or closed."""
    explains = now - air.cold_at <= FRESH_S or _excused(air, limits)
    return replace(air, excuse_at=now) if explains and not air.dark else air


def tick(air: Air, now: float, limits: Limits, *, goods: bool) -> Air:
    """Time has passed: what is due is held. An empty zone need not be; it only takes nothing in."""
    if air.held or not goods or not is_overdue(air, now, limits):
        return air
    return replace(air, held=_reason(air, now, limits))


def rebooted(air: Air, cold_ms: int | None) -> Air:
    """The computer has started anew, so its clock too. ``cold_ms``: see ``Air.dark_from_ms``."""
    known, gaps = (air.dark_from_ms, 0) if air.dark else (cold_ms, 1)
    return replace(
        air, cold_at=0.0, read_at=0.0, celsius=None, excuse_at=None, defrosted_at=0.0, dark=True,
        dark_from_ms=known, total=air.total + Exposure(gaps=gaps),
    )  # fmt: skip


def time_known(air: Air, now: float, cloud_ms: float) -> Air:
    """The cloud's clock shows at most ``cloud_ms``: now it is known how long it was dark at most."""
    if not air.dark or air.dark_from_ms is None:
        return air
    warm_s = max(now, (cloud_ms - air.dark_from_ms) / 1000)
    gap_s = warm_s - now
    dark = Exposure(warm_s=gap_s, blind_s=gap_s, gaps=-1)
    return replace(air, cold_at=now - warm_s, dark=False, dark_from_ms=None, total=air.total + dark)


def released(air: Air, now: float, limits: Limits) -> Air | None:
    """A person at the cabinet ends the hold; None while it is still not cold: it would come back at once."""
    return None if air.dark or now - air.cold_at > FRESH_S else replace(air, held="", excuse_at=None)


def arrived(air: Air, occupancy: str, now: float, limits: Limits) -> Air:
    """Goods came in: what they are exposed to is counted from here."""
    return replace(air, came={**air.came, occupancy: exposed_until(air, now, limits)})


def left(air: Air, occupancy: str) -> Air:
    return replace(air, came={one: then for one, then in air.came.items() if one != occupancy})


# --- questions


def is_overdue(air: Air, now: float, limits: Limits) -> bool:
    """It has been warm for longer than may be."""
    return (air.dark and air.dark_from_ms is None) or now >= deadline(air, limits)


def bars(air: Air, now: float, limits: Limits) -> bool:
    """Nothing may be put in or handed out, whether a person has to come or only cold is missing."""
    return bool(air.held) or air.dark or is_overdue(air, now, limits)


def deadline(air: Air, limits: Limits) -> float:
    """When it is due unless the air is known to be cold before."""
    due = air.cold_at + limits.warm_s
    if air.excuse_at is not None and _excused(air, limits):
        due = max(due, min(air.excuse_at + limits.recover_s, air.cold_at + limits.excused_s))
    if _may_defrost(air, limits):
        due = max(due, air.cold_at + limits.defrost_s + limits.recover_s)
    return due


def exposure(air: Air, occupancy: str, now: float, limits: Limits) -> Exposure:
    """Of these goods until now; of goods nobody saw come, all that the zone has counted."""
    return exposed_until(air, now, limits).since(air.came.get(occupancy, Exposure()))


def exposed_until(air: Air, now: float, limits: Limits) -> Exposure:
    """The total up to now: a moment ago it was as it was read, later nobody knows."""
    return _total(air, now, air.celsius, limits)


# --- rules


def _cold(air: Air, at: float, limits: Limits) -> Air:
    was_defrosting = at - air.cold_at > limits.warm_s and not _excused(air, limits)
    defrosted_at = at if was_defrosting else air.defrosted_at
    return replace(air, cold_at=at, dark=False, dark_from_ms=None, defrosted_at=defrosted_at)


def _excused(air: Air, limits: Limits) -> bool:
    return air.excuse_at is not None and air.excuse_at > air.cold_at - limits.recover_s


def _may_defrost(air: Air, limits: Limits) -> bool:
    return limits.defrost_s > 0 and air.cold_at - air.defrosted_at >= limits.defrost_every_s


def _reason(air: Air, now: float, limits: Limits) -> str:
    if air.dark or air.cold_at < 0:
        return "power_gap"
    if now - air.read_at > FRESH_S:
        return "no_reading"
    return "not_back" if _excused(air, limits) else "too_warm"


def _total(air: Air, at: float, celsius: float | None, limits: Limits) -> Exposure:
    """The total at ``at``, when it is read as ``celsius``: between two readings the mean of both."""
    passed = at - air.read_at
    if passed > FRESH_S or air.celsius is None or celsius is None:
        return air.total + Exposure(warm_s=passed, blind_s=passed)
    above = [max(0.0, one - limits.celsius) for one in (air.celsius, celsius)]
    if not any(above):
        return air.total
    return air.total + Exposure(warm_s=passed, degree_s=passed * sum(above) / 2)
