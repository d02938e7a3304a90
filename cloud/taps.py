"""One tap, one command: a picture on the cabinet's screen is good for one opening, however often it is sent.

A double tap, the back button, a second tab and a repeat on a bad network all carry the same nonce; they get
the command of the first. What is remembered here is a courtesy: after a restart the cabinet itself refuses
a nonce that was used.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

MOST = 2000

Key = tuple[str, ...]
Row = dict[str, Any]


class Taps:
    """The commands of the latest taps. Belongs to the event loop."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._asked: OrderedDict[Key, asyncio.Task[Row]] = OrderedDict()

    async def once(self, key: Key, ask: Callable[[], Coroutine[Any, Any, Row]]) -> Row:
        """What ``ask`` answered for this key, asked once. A refusal is not remembered: try again."""
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(ask())
            task.add_done_callback(lambda done: self._forget_failed(key, done))
            while len(self._asked) > self._most:
                self._asked.popitem(last=False)
        return await asyncio.shield(task)  # a phone that hangs up takes nobody's command away

    def _forget_failed(self, key: Key, task: asyncio.Task[Row]) -> None:
        if (task.cancelled() or task.exception() is not None) and self._asked.get(key) is task:
            del self._asked[key]
