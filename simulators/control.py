"""How people, tests and demos reach a served cabinet: one JSON object a line over loopback TCP.

Request ``{"do": verb, …}``; answer ``{"ok": true, "answer": …}`` or ``{"ok": false, "error": sentence}``.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Self

Verbs = dict[str, Callable[..., Awaitable[Any]]]


class ControlRefused(Exception):
    """The simulation could not do what was asked; the sentence says why."""


async def serve_control(verbs: Verbs, refusal: type[Exception]) -> asyncio.Server:
    """Answer requests on a free loopback port; a ``refusal`` is answered with its sentence."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await _answer(verbs, line, refusal)).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass  # whoever asked has gone
        finally:
            writer.close()

    return await asyncio.start_server(connected, "127.0.0.1", 0)


async def _answer(verbs: Verbs, line: bytes, refusal: type[Exception]) -> dict[str, Any]:
    try:
        request = json.loads(line)
        verb = verbs[request.pop("do")]
    except (ValueError, KeyError, AttributeError, TypeError):
        return {"ok": False, "error": f'expected {{"do": one of {", ".join(sorted(verbs))}, …}}'}
    try:
        return {"ok": True, "answer": await verb(**request)}
    except (refusal, TypeError, ValueError) as error:
        return {"ok": False, "error": str(error)}


class Control:
    """The asking side, as in ``async with Control(address) as control: await control.do("truth")``."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._turn = asyncio.Lock()
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        host, _, port = self.address.rpartition(":")
        self._reader, self._writer = await asyncio.open_connection(host, int(port), limit=2**24)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def do(self, verb: str, **how: Any) -> Any:
        """Have something done; its answer. ``ControlRefused`` with the reason."""
        async with self._turn:
            self._writer.write(json.dumps({"do": verb, **how}).encode() + b"\n")
            await self._writer.drain()
            line = await self._reader.readline()
        if not line:
            raise ControlRefused(f"the simulation at {self.address} has gone")
        told = json.loads(line)
        if not told["ok"]:
            raise ControlRefused(told["error"])
        return told["answer"]
