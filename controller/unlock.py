"""Carries out committed pulses: one coil at a time per supply, and a last look before the bytes go out."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from controller.cabinet import RESTS, Cabinet
from controller.clock import Clock
from controller.store import StoreFailing
from controller.visit import Pulse, Pulsed, Purpose
from firmware_bridge.errors import BridgeError
from firmware_bridge.ports import LockBoard, PulseAnswer

log = structlog.get_logger(__name__)

REST_TO_PULSE = 3
"""A coil rests at least three times as long as it was energised."""
MINUTE_S = 60.0
AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Lock:
    """Where a door's lock is wired."""

    board: LockBoard
    channel: int
    supply: str


class Unlocker:
    """Takes pulses in the order of their commits, but for coils that rest; a supply feeds one at a time.

    ``rests`` is for ``Cabinet.guard``: a coil gets no more than ``pulses_a_minute``, whoever asks.
    """

    def __init__(
        self, locks: Mapping[str, Lock], cabinet: Cabinet, clock: Clock, pulses_a_minute: int = 3
    ) -> None:
        self._locks = locks
        self._cabinet = cabinet
        self._clock = clock
        self._supplies = {lock.supply: asyncio.Lock() for lock in locks.values()}
        self._resting: dict[str, float] = {}
        self._energised = {label: deque[float](maxlen=pulses_a_minute) for label in locks}
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, pulse: Pulse) -> None:
        task = asyncio.get_running_loop().create_task(self._carry_out(pulse), name=f"unlock {pulse.label}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def rests(self, label: str, purpose: Purpose) -> str:
        """``RESTS`` while one more pulse would make the coil too warm; whoever is inside does not wait."""
        lately = self._energised[label]
        if purpose is Purpose.EMERGENCY or len(lately) < (lately.maxlen or 0):
            return ""
        return RESTS if self._clock.now() - lately[0] < MINUTE_S else ""

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("pulse not carried out", task=task.get_name(), error=repr(task.exception()))

    async def _carry_out(self, pulse: Pulse) -> None:
        lock = self._locks[pulse.label]
        await self._let_rest(pulse.label)  # the other coils of this supply need not wait for that
        async with self._supplies[lock.supply]:
            await self._let_rest(pulse.label)
            withheld: list[str] = []
            sent_at = await self._send(lock, pulse, withheld)
            if not withheld:
                self._energised[pulse.label].append(sent_at)
                await self._cabinet.pulsed(pulse.label, Pulsed(pulse.opening, pulse.pulse, sent_at))
                await self._coil_off(lock, pulse.label)
        if withheld:
            await self._tell_withheld(pulse, withheld[-1])

    async def _tell_withheld(self, pulse: Pulse, reason: str) -> None:
        """An opening waits for this; a disk that fails now may work again."""
        done = Pulsed(pulse.opening, pulse.pulse, None, reason)
        while True:
            try:
                return await self._cabinet.pulsed(pulse.label, done)
            except StoreFailing as error:
                log.error("a withheld pulse is not recorded yet", label=pulse.label, error=str(error))
                await asyncio.sleep(AGAIN_S)

    async def _let_rest(self, label: str) -> None:
        wait = self._resting.get(label, 0.0) - self._clock.now()
        if wait > 0:
            await asyncio.sleep(wait)

    async def _send(self, lock: Lock, pulse: Pulse, withheld: list[str]) -> float:
        """When the bytes went out; the latest they can have, where that is not known."""

        def permit() -> bool:
            reason = self._reason_to_withhold(pulse)
            if reason:
                withheld.append(reason)
            return not reason

        try:
            answer = await lock.board.open(lock.channel, permit)
        except BridgeError as error:
            log.error("lock board", label=pulse.label, error=str(error))
            return self._clock.now()
        if answer.answer not in (PulseAnswer.ACCEPTED, PulseAnswer.NEVER_ANSWERS):
            log.warning("pulse", label=pulse.label, answer=answer.answer)
        return answer.sent_at if answer.sent_at is not None else self._clock.now()

    def _reason_to_withhold(self, pulse: Pulse) -> str:
        """The last statement before the write: is this still the opening, the occupancy and the time?"""
        box = self._cabinet.boxes[pulse.label]
        if pulse.emergency:
            return ""
        if box.opening is None or (box.opening.number, box.opening.pulses) != (pulse.opening, pulse.pulse):
            return "superseded"
        if box.occupancy != pulse.occupancy:
            return "other_occupancy"
        if barred := self._cabinet.barred(pulse.label, box.opening.purpose):
            return barred
        has_slept = self._clock.woke_at() > box.opening.first_pulse
        if has_slept and box.opening.not_after is not None:
            return "late"
        return "late" if self._clock.counting_sleep() >= pulse.not_after else ""

    async def _coil_off(self, lock: Lock, label: str) -> None:
        """The supply is free again when the board has let go of the coil."""
        pulse_seconds = lock.board.pulse_seconds
        self._resting[label] = self._clock.now() + pulse_seconds * (1 + REST_TO_PULSE)
        await asyncio.sleep(pulse_seconds)
