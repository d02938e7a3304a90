"""The stream to the screen: panels as they come, and the state of the start page when it changes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from controller.kiosk.panels import Panel

LOOK_AGAIN_S = 0.5
STILL_HERE_S = 10.0
LARGEST_BACKLOG = 100


class Live:
    """Tells every open screen. Belongs to the event loop."""

    def __init__(self, state: Callable[[], dict[str, Any]]) -> None:
        self._state = state
        self._screens: set[asyncio.Queue[Panel | None]] = set()

    def show(self, panel: Panel | None) -> None:
        """A screen that does not keep up loses its oldest panel."""
        if panel is None:
            return
        for screen in self._screens:
            if screen.full():
                screen.get_nowait()
            screen.put_nowait(panel)

    def close(self) -> None:
        """The kiosk stops: every stream ends."""
        for screen in self._screens:
            if screen.full():
                screen.get_nowait()
            screen.put_nowait(None)

    async def stream(self) -> AsyncIterator[str]:
        """Server-sent events for one screen: ``state`` and ``panel``."""
        screen: asyncio.Queue[Panel | None] = asyncio.Queue(LARGEST_BACKLOG)
        self._screens.add(screen)
        clock = asyncio.get_running_loop().time
        last, told_at = "", clock()
        try:
            while True:
                if (now := json.dumps(self._state())) != last:
                    last, told_at = now, clock()
                    yield f"event: state\ndata: {now}\n\n"
                elif clock() - told_at > STILL_HERE_S:
                    told_at = clock()
                    yield ": still here\n\n"
                try:
                    panel = await asyncio.wait_for(screen.get(), LOOK_AGAIN_S)
                except TimeoutError:
                    continue
                if panel is None:
                    return
                yield f"event: panel\ndata: {json.dumps(panel.as_json(), ensure_ascii=False)}\n\n"
        finally:
            self._screens.discard(screen)
