"""One serial line, one owner.

``Line`` lets one exchange at a time onto a wire that several boards share: unlocks before polls, nothing that
moves a lock is ever repeated, and after a time-out the line stays quiet until a late answer has been heard
and thrown away. It does not know what the bytes mean.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

from firmware_bridge.errors import BadFrame, BoardSilent, PortError, PortGone
from firmware_bridge.line.turns import Priority, Turns
from firmware_bridge.line.wire import Direction, End, Plug, Trace, Wire
from firmware_bridge.ports import Permit

__all__ = [
    "LONGEST_ANSWER_BYTES", "Direction", "End", "Exchange", "Heard", "Line", "Plug", "Priority", "Refused",
    "Take", "Trace", "Wire",
]  # fmt: skip

T = TypeVar("T")

ANSWER_ENDS_AFTER_SECONDS = 0.02
"""Bytes of one answer follow each other faster than this, USB adapters included."""
LONGEST_ANSWER_BYTES = 16
BAD_ANSWERS_BEFORE_REOPENING = 2
"""Some USB adapters stay out of step until their port is closed and opened again."""
SPEED_DOUBTED_AFTER = 2
"""So much garbage on a wire on which nobody has ever answered is named as what it mostly is."""
BACK_OFF = (1, 3, 10)
"""A board that failed n times running is left alone for this many times what asking it cost: a dead one gets
less than a tenth of the bus at any speed, and one that comes back is heard within some 3 s."""


class Heard(Enum):
    """What may come that is neither an answer nor noise."""

    UNASKED = "unasked"
    """Whole frames that boards send by themselves, and nothing else."""


Take = Callable[[bytes, bool], T | Heard | None]
"""Finds the answer in the bytes so far; the flag says that the line has fallen silent behind them."""


@dataclass(frozen=True, slots=True)
class Exchange(Generic[T]):
    """What became of one request. ``answer`` is None when none came."""

    answer: T | None = None
    sent_at: float | None = None
    """None when nothing was sent."""
    answered_at: float | None = None
    received: bytes = b""
    """Nothing where boards only spoke by themselves, or the adapter sent our own bytes back."""
    withheld: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that says no, and the board's own code for why."""

    code: int


@dataclass(slots=True)
class _Listening(Generic[T]):
    """The bytes that came back for the request that is on the wire now."""

    request: bytes
    take: Take[T]
    found: asyncio.Future[T | None]
    received: bytearray = field(default_factory=bytearray)
    mirrors: bool = False
    """The request would pass for its own answer."""
    is_unasked: bool = False
    heard_at: float = 0.0
    falls_silent: asyncio.TimerHandle | None = None

    @property
    def replied(self) -> bytes:
        """What came and is neither what boards send by themselves nor the adapter's echo alone."""
        return b"" if self.is_unasked or self.received == self.request else bytes(self.received)

    def stop(self) -> None:
        if self.falls_silent is not None:
            self.falls_silent.cancel()


@dataclass(slots=True)
class _Silence:
    failures: int = 0
    ask_again_at: float = 0.0


class Line:
    """The owner of one wire with boards on it."""

    def __init__(self, wire: Wire, *, quiet_seconds: float | None = None) -> None:
        self.wire = wire
        self.echoes: bool | None = None
        """Whether the adapter sends our own bytes back to us; learned from polls, None until then."""
        self._quiet_seconds = wire.byte_seconds / 2 if quiet_seconds is None else quiet_seconds
        self._turns = Turns()
        self._listening: _Listening[object] | None = None
        self._silent: dict[str, _Silence] = {}
        self._bad_answers = 0
        self._has_answered = False
        self._unlike_frames = 0
        wire.heard = self._heard
        wire.lost = self._lost

    @property
    def address(self) -> str:
        return self.wire.address

    def keep_free(self) -> None:
        """Somebody is about to be let in: no poll begins before the unlock is sent, for a moment at most."""
        self._turns.keep_free()

    async def ask(
        self,
        request: bytes,
        take: Take[T],
        *,
        board: str,
        reply_seconds: float,
        urgent: bool = False,
        longest_answer: int = LONGEST_ANSWER_BYTES,
    ) -> Exchange[T]:
        """One question that moves nothing, answered. ``BoardSilent``, ``BadFrame``, ``PortError``.

        A board that keeps failing is not asked more often than it may cost the others; ``BoardSilent``
        is then raised at once and says when to come back. An ``urgent`` question goes before the polls and
        is asked in any case.
        """
        silence = self._silent.setdefault(board, _Silence())
        wait = silence.ask_again_at - asyncio.get_running_loop().time()
        if wait > 0 and not urgent:
            raise BoardSilent(self.address, board, wait)
        priority = Priority.UNLOCK if urgent else Priority.POLL
        on_wire = self._longest_on_wire(request, longest_answer)
        done = await self._exchange(request, take, priority, on_wire, reply_seconds, None)
        if done.answer is not None:
            silence.failures, silence.ask_again_at = 0, 0.0
            return done
        pause = self._leave_alone(silence, on_wire + 2 * reply_seconds)
        if done.received:
            raise BadFrame(self.address, board, done.received, self._doubt(request, done.received))
        raise BoardSilent(self.address, board, pause)

    async def command(
        self,
        request: bytes,
        take: Take[T],
        *,
        board: str,
        reply_seconds: float,
        permit: Permit,
        is_answered: bool = True,
    ) -> Exchange[T]:
        """One request that moves something, sent at most once and before every waiting poll.

        Nothing is sent when ``permit`` says no. ``PortError`` when the port was already gone. A gateway's
        connection is cut when no answer comes, so that no cable that is put back delivers the request then;
        where a board never answers (``is_answered`` is false), the time-out of the connection does that.
        """
        on_wire = self._longest_on_wire(request, LONGEST_ANSWER_BYTES)
        done = await self._exchange(request, take, Priority.UNLOCK, on_wire, reply_seconds, permit)
        if done.sent_at is not None:
            # Somebody stands at this board now: its doors are worth asking for again.
            self._silent.setdefault(board, _Silence()).ask_again_at = 0.0
            if done.answer is None and is_answered and self.wire.is_remote:
                self.wire.reopen("an opening was not answered")
        return done

    async def _exchange(
        self,
        request: bytes,
        take: Take[T],
        priority: Priority,
        on_wire: float,
        reply_seconds: float,
        permit: Permit | None,
    ) -> Exchange[T]:
        await self._turns.take(priority)
        loop = asyncio.get_running_loop()
        quiet_since: float | None = None
        stay_quiet = 0.0
        listening: _Listening[T] = _Listening(request, take, loop.create_future())
        try:
            self.wire.drain()
            if not self.wire.is_open:
                raise self.wire.fault or PortGone(self.address, "it is closed")
            self._listening = listening  # type: ignore[assignment]
            sent_at = loop.time()
            stay_quiet = reply_seconds
            if permit is not None and not permit():
                stay_quiet = 0.0
                return Exchange(withheld=True)
            try:
                self.wire.write(request)
            except PortError:
                if permit is None:
                    raise
                return Exchange(sent_at=sent_at)  # a part of it may have left
            listening.mirrors = take(request, True) not in (None, Heard.UNASKED)
            no_answer_at = sent_at + on_wire + reply_seconds
            answer = await self._answer(listening, no_answer_at, permit is None)
            if answer is not None:
                quiet_since, stay_quiet = listening.heard_at, self._quiet_seconds
            return Exchange(answer, sent_at, self.wire.last_received_at, listening.replied)
        finally:
            self._listening = None
            listening.stop()
            self._turns.give_back((quiet_since or loop.time()) + stay_quiet)

    async def _answer(self, listening: _Listening[T], deadline: float, is_poll: bool) -> T | None:
        loop = asyncio.get_running_loop()
        bell = loop.call_at(deadline, _give_up, listening.found)
        try:
            answer = await listening.found
        except PortError:
            if is_poll:
                raise
            return None
        finally:
            bell.cancel()
        if answer is not None:
            self._bad_answers, self._has_answered = 0, True
        elif listening.replied:
            self._count_bad_answer()
        if is_poll:
            self._learn_echo(listening, answered=answer is not None)
        return answer

    def _heard(self, data: bytes) -> None:
        listening = self._listening
        if listening is None or listening.found.done():
            return
        listening.received += data
        listening.heard_at = asyncio.get_running_loop().time()
        if not self._look(listening, silent=False) and listening.falls_silent is None:
            self._await_silence(listening)

    def _await_silence(self, listening: _Listening[object]) -> None:
        loop = asyncio.get_running_loop()
        silent_at = listening.heard_at + ANSWER_ENDS_AFTER_SECONDS
        if loop.time() < silent_at:  # one timer for all bytes of an answer: they come one by one
            listening.falls_silent = loop.call_at(silent_at, self._await_silence, listening)
        else:
            listening.falls_silent = None
            self._look(listening, silent=True)

    def _look(self, listening: _Listening[object], silent: bool) -> bool:
        if listening.found.done():
            return True
        listening.is_unasked = False
        for heard in self._without_echo(listening):
            answer = listening.take(heard, silent)
            if answer is Heard.UNASKED:
                listening.is_unasked = True
            elif answer is not None:
                listening.found.set_result(answer)
                return True
        return False

    def _without_echo(self, listening: _Listening[object]) -> tuple[bytes, ...]:
        """Where the answer may stand. The acknowledgement of an unlock can look exactly like its echo."""
        received = bytes(listening.received)
        _, own, after = received.partition(listening.request)
        if not listening.mirrors:
            return (after, received) if own else (received,)
        return (after,) if self.echoes else (received,)

    def _learn_echo(self, listening: _Listening[T], *, answered: bool) -> None:
        if listening.mirrors:
            return  # its answer looks like its echo, and tells nothing
        if listening.request in bytes(listening.received):
            self.echoes = True
        elif answered:
            self.echoes = False

    def _lost(self, error: PortError) -> None:
        if self._listening is not None and not self._listening.found.done():
            self._listening.found.set_exception(error)

    def _doubt(self, request: bytes, received: bytes) -> str:
        """What these bytes look like. Frames, damaged ones too, begin with the byte that the request does."""
        heard = received.removeprefix(request)
        if self._has_answered or not heard or request[:1] in heard:
            return ""
        self._unlike_frames += 1
        if self._unlike_frames < SPEED_DOUBTED_AFTER:
            return ""
        here = "in its gateway" if self.wire.is_remote else f"here, {self.wire.baud} baud"
        return f"nothing else has come yet: this looks like a wrong speed ({here}) or a disturbed wire"

    def _count_bad_answer(self) -> None:
        self._bad_answers += 1
        if self._bad_answers >= BAD_ANSWERS_BEFORE_REOPENING:
            self._bad_answers = 0
            self.wire.reopen("it kept sending what is no answer")

    def _longest_on_wire(self, request: bytes, longest_answer: int) -> float:
        return (len(request) + longest_answer) * self.wire.byte_seconds

    def _leave_alone(self, silence: _Silence, cost_seconds: float) -> float:
        """``cost_seconds``: what asking kept the wire from others. For how long nobody asks this board."""
        silence.failures = min(silence.failures + 1, len(BACK_OFF))
        pause = cost_seconds * BACK_OFF[silence.failures - 1]
        silence.ask_again_at = asyncio.get_running_loop().time() + pause
        return pause


def _give_up(found: "asyncio.Future[T | None]") -> None:
    if not found.done():
        found.set_result(None)
