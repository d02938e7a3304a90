"""An event loop whose timers are exact enough for bytes on a wire."""

import asyncio
import selectors


def punctual_loop() -> asyncio.AbstractEventLoop:
    """The default selector rounds waits up to a millisecond: eleven bytes at 115200 baud."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())
