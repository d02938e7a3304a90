"""What time it is, and how far that can be believed.

Everything inside the cabinet runs on the monotonic clock; a restart of the program does not set it back, a
reboot does. Time in the cloud is reckoned on the boot clock, which counts suspended time too. The wall clock
is told in events and decides nothing about openings. How late it can be in the cloud is bounded from the last
``sync``, so that a broker which delays only makes the cabinet stricter.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from config.contract.messages import Clock as Trust

DRIFT = 1.001
"""A quartz is off by 100 ppm at most; ten times that is allowed for."""
IN_STEP_MS = 2000
SLEPT_S = 0.05
"""The boot clock has gone on for so much longer than the monotonic one: the computer was suspended."""


def boot_seconds() -> float:
    """Seconds since boot; a reboot starts anew, a restart of the program does not."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def boot_identity() -> str:
    """Differs after every boot of this computer."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:36]
    except OSError:
        return f"boot-{int(time.time() - time.monotonic())}"


@dataclass(frozen=True, slots=True)
class Computer:
    """What a computer knows of time; by default the one that this program runs on."""

    monotonic: Callable[[], float] = time.monotonic
    """Seconds; the clock of the event loop."""
    boot_seconds: Callable[[], float] = boot_seconds
    wall: Callable[[], float] = time.time
    """Seconds since 1970, right or wrong."""
    boot_identity: Callable[[], str] = boot_identity


@dataclass(frozen=True, slots=True)
class Synced:
    """The cloud said ``cloud_ms`` in answer to a question asked at ``asked_at`` (boot seconds)."""

    asked_at: float
    cloud_ms: int


@dataclass(frozen=True, slots=True)
class Stamp:
    """When something was recorded."""

    boot: str
    mono_ms: int
    time: str
    clock: Trust


class Clock:
    """The cabinet's clocks. ``floor_ms`` is a time that has certainly passed (cloud milliseconds)."""

    def __init__(
        self, floor_ms: int = 0, served_ms: int | None = None, computer: Computer | None = None
    ) -> None:
        self._computer = computer if computer is not None else Computer()
        self.boot = self._computer.boot_identity()
        self.floor_ms = floor_ms
        self._served_ms = int(self._computer.wall() * 1000) if served_ms is None else served_ms
        self._serves_since = self.now()
        self._slept = self.boot_seconds() - self.now()
        self._woke_at = self.now()
        self._synced: Synced | None = None

    def now(self) -> float:
        """Seconds of the clock that openings, doors and wires run on."""
        return self._computer.monotonic()

    def boot_seconds(self) -> float:
        """Seconds since boot, suspended time included."""
        return self._computer.boot_seconds()

    def synced(self, asked_at: float, cloud_ms: int) -> None:
        """An ack answered a sync of this session; the earliest bound is kept when answers overtake."""
        fresh = Synced(asked_at, cloud_ms)
        if self._synced is None or fresh.asked_at >= self._synced.asked_at:
            self._synced = fresh
        self.raise_floor(cloud_ms)

    def forget_sync(self) -> None:
        """A new session starts without a time of its own."""
        self._synced = None

    def raise_floor(self, cloud_ms: int) -> None:
        self.floor_ms = max(self.floor_ms, cloud_ms)

    def sync_age(self) -> float:
        """Seconds since the last sync was asked for; infinite when there was none in this session."""
        return float("inf") if self._synced is None else self.boot_seconds() - self._synced.asked_at

    def latest_cloud_ms(self) -> float:
        """The cloud's clock shows at most this; infinite without a sync."""
        if self._synced is None:
            return float("inf")
        return self._synced.cloud_ms + (self.boot_seconds() - self._synced.asked_at) * 1000 * DRIFT

    def moment_of(self, cloud_ms: int) -> float:
        """The moment of ``now()`` at which the cloud may first show ``cloud_ms``, if nothing sleeps."""
        self.woke_at()
        return self.now() + (cloud_ms - self.latest_cloud_ms()) / 1000 / DRIFT

    def woke_at(self) -> float:
        """When, by ``now()``, it was found that the computer had slept; ``now()`` stands still meanwhile."""
        slept = self.boot_seconds() - self.now()  # too little at most, when something comes in between
        if slept > self._slept + SLEPT_S:
            self._woke_at = self.now()
        self._slept = max(self._slept, slept)
        return self._woke_at

    def served_ms(self) -> int:
        """Counts the time in which this cabinet ran, over all restarts; no wall clock moves it.

        It begins at the wall time of the first start. Time without power does not count.
        """
        return self._served_ms + int((self.now() - self._serves_since) * 1000)

    def kept(self) -> dict[str, str]:
        """What of the clock is to be durable, by its key in the store."""
        return {"floor_ms": str(self.floor_ms), "served_ms": str(self.served_ms())}

    def best_ms(self) -> int:
        """The best guess of cloud time, for expiry: never before the floor."""
        guess = self._computer.wall() * 1000 if self._synced is None else self.latest_cloud_ms()
        return max(self.floor_ms, int(guess))

    def trust(self) -> Trust:
        if self._synced is not None:
            off = abs(self._computer.wall() * 1000 - self.latest_cloud_ms())
            return Trust.TRUSTED if off < IN_STEP_MS else Trust.FLOOR
        if self.floor_ms and self._computer.wall() * 1000 >= self.floor_ms:
            return Trust.FLOOR
        return Trust.UNKNOWN

    def stamp(self) -> Stamp:
        now = datetime.fromtimestamp(self._computer.wall(), UTC)
        wall = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return Stamp(self.boot, int(self.now() * 1000), wall, self.trust())
