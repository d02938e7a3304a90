"""The hop between cabinets and cloud: passes, is cut, is stalled, heals."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from simulators.network import Network

ENDED = b""


class Line:
    """A network to something that echoes, and connections through it."""

    def __init__(self) -> None:
        self.network = Network()
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        ends = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers.append(ends[1])
        return ends

    async def echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        while data := await reader.read(100):
            writer.write(data)

    async def close(self) -> None:
        await self.network.stop()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    line = Line()
    async with await asyncio.start_server(line.echo, "127.0.0.1", 0) as server:
        line.network.target = ("127.0.0.1", server.sockets[0].getsockname()[1])
        line.port = await line.network.start()
        yield line
        await line.close()


async def said(ends: tuple[asyncio.StreamReader, asyncio.StreamWriter], text: bytes) -> bytes:
    """What comes back; ``ENDED`` when the connection does."""
    reader, writer = ends
    writer.write(text)
    try:
        return await asyncio.wait_for(reader.read(100), 0.5)
    except ConnectionError:
        return ENDED


async def test_it_passes_both_ways(line: Line) -> None:
    assert await said(await line.connect(), b"door") == b"door"


async def test_a_cut_ends_connections_and_lets_no_new_one_through_until_it_heals(line: Line) -> None:
    ends = await line.connect()
    assert await said(ends, b"one") == b"one"
    line.network.cut()
    assert await said(ends, b"two") == ENDED
    assert await said(await line.connect(), b"three") == ENDED
    line.network.heal()
    assert await said(await line.connect(), b"four") == b"four"


async def test_a_stall_keeps_connections_open_and_passes_nothing_until_it_heals(line: Line) -> None:
    ends = await line.connect()
    assert await said(ends, b"one") == b"one"
    line.network.stall()
    with pytest.raises(TimeoutError):
        await said(ends, b"two")
    line.network.heal()
    assert await asyncio.wait_for(ends[0].read(100), 1) == b"two"


async def test_a_target_that_is_away_ends_the_connection(line: Line) -> None:
    line.network.target = ("127.0.0.1", 1)
    assert await said(await line.connect(), b"one") == ENDED
