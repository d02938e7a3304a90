"""The stream to the screen: panels as they come, and the state whenever it has changed."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sse_starlette import ServerSentEvent

from controller.clock import Clock
from controller.kiosk.panels import Panel

LOOK_AGAIN_S = 0.5
BACKLOG = 20
RETRY_MS = 1000


@dataclass(slots=True, eq=False)
class _Watcher:
    """One open page. What it has not been sent yet; the oldest panels are lost to one that sleeps."""

    panels: deque[Panel] = field(default_factory=lambda: deque(maxlen=BACKLOG))
    stirred: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class _Until:
    panel: Panel
    until: float


class Live:
    """Tells every open page. Belongs to the event loop."""

    def __init__(self, state: Callable[[], dict[str, Any]], clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._watchers: set[_Watcher] = set()
        self._shown: _Until | None = None
        self._lock: _Until | None = None
        self._closed = False

    @property
    def door(self) -> str | None:
        """The door that the screen speaks of right now."""
        shown = self._still(self._shown)
        return None if shown is None else shown.door

    def show(self, panel: Panel) -> None:
        now = self._clock.now()
        self._shown = _Until(panel, now + panel.stay_s)
        if panel.wait_s:
            self._lock = _Until(panel, now + panel.wait_s)
        for watcher in self._watchers:
            watcher.panels.append(panel)
        self.stir()

    def stir(self) -> None:
        """Something may have changed: every page looks now."""
        for watcher in self._watchers:
            watcher.stirred.set()

    def close(self) -> None:
        """The kiosk stops: every stream ends."""
        self._closed = True
        self.stir()

    async def stream(self) -> AsyncIterator[ServerSentEvent]:
        """Server-sent events ``state`` and ``panel`` for one page, beginning with what is in force."""
        watcher = _Watcher(deque(self._in_force(), maxlen=BACKLOG))
        self._watchers.add(watcher)
        last = ""
        try:
            while not self._closed:
                if (now := _json(self._state())) != last:
                    last = now
                    yield ServerSentEvent(now, event="state", retry=RETRY_MS)
                while watcher.panels:
                    yield ServerSentEvent(_json(watcher.panels.popleft().as_json()), event="panel")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(watcher.stirred.wait(), LOOK_AGAIN_S)
                watcher.stirred.clear()
        finally:
            self._watchers.discard(watcher)

    def _in_force(self) -> list[Panel]:
        """For a page that was opened or came back: a locked keypad, and what the screen last said."""
        candidates = [self._lock, self._shown] if self._lock != self._shown else [self._shown]
        return [panel for held in candidates if (panel := self._still(held)) is not None]

    def _still(self, held: _Until | None) -> Panel | None:
        """The panel with what is left of its time; None when that has passed."""
        if held is None or (left := held.until - self._clock.now()) <= 0:
            return None
        return replace(held.panel, stay_s=left, wait_s=min(left, held.panel.wait_s))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
