"""A board whose outputs belong to a guard: the controller's side of it.

The driver never holds the outputs: they belong to the guard's process, which times every pulse and ends it
also when this program is gone.
"""

import asyncio
from dataclasses import dataclass

from firmware_bridge.errors import PortError, WrongUse
from firmware_bridge.guard import ANSWER_SECONDS, Guard
from firmware_bridge.ports import DoorReadings, Permit, Pulse, PulseAnswer


@dataclass(slots=True)
class GuardedLock:
    """One board, or group of pins. ``closed_input`` is the level of an input whose door is closed."""

    name: str
    guard: Guard
    channels: int
    pulse_ms: int = 300
    closed_input: bool = True

    @property
    def pulse_seconds(self) -> float:
        return self.pulse_ms / 1000

    @property
    def reply_seconds(self) -> float:
        return ANSWER_SECONDS

    async def open(self, channel: int, permit: Permit) -> Pulse:
        """One pulse of one output, timed by the guard, asked for at most once. See ``LockBoard``."""
        if not 1 <= channel <= self.channels:
            raise WrongUse(self.name, f"there is no channel {channel}, only 1 to {self.channels}")
        asked_at = asyncio.get_running_loop().time()
        unknown = Pulse(
            self.name,
            channel,
            PulseAnswer.NO_ANSWER,
            asked_at,
            asked_at + self.reply_seconds + self.pulse_seconds,
        )
        try:
            answer = await self.guard.pulse(self.name, channel, self.pulse_ms, permit)
        except PortError:
            return unknown
        if answer is None or answer.word == "withheld":
            return Pulse(self.name, channel, PulseAnswer.WITHHELD)
        if answer.word == "failed":
            return unknown
        at = asyncio.get_running_loop().time()
        if answer.word == "refused":
            return Pulse(self.name, channel, PulseAnswer.REFUSED, asked_at, at, at)
        return Pulse(self.name, channel, PulseAnswer.ACCEPTED, asked_at, at + self.pulse_seconds, at)

    async def doors(self) -> DoorReadings:
        """All door switches. See ``LockBoard``."""
        asked_at = asyncio.get_running_loop().time()
        levels = await self.guard.doors(self.name)
        doors = {channel: level != self.closed_input for channel, level in levels.items()}
        return DoorReadings(self.name, doors, asked_at, asyncio.get_running_loop().time())

    async def release(self) -> None:
        """All outputs off. See ``LockBoard``."""
        await self.guard.release(self.name)
