"""The hop between cabinets and cloud: passes, is cut, is stalled, heals."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from simulators.network import Network, Packets

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


async def test_a_delay_makes_everything_later_and_changes_no_order(line: Line) -> None:
    line.network.delay_s = 0.1
    reader, writer = await line.connect()
    began = asyncio.get_running_loop().time()
    for n in range(20):
        writer.write(f"{n:03d} ".encode())
        await asyncio.sleep(0.005)
    came = await asyncio.wait_for(reader.readexactly(80), 2)
    assert came == b"".join(f"{n:03d} ".encode() for n in range(20))
    assert 0.2 < asyncio.get_running_loop().time() - began < 1.5, "one delay each way, not one for each piece"


async def test_a_trickle_passes_a_few_bytes_at_a_time(line: Line) -> None:
    line.network.bytes_s = 1000
    reader, writer = await line.connect()
    began = asyncio.get_running_loop().time()
    writer.write(bytes(range(250)))
    assert await asyncio.wait_for(reader.readexactly(250), 3) == bytes(range(250))
    assert asyncio.get_running_loop().time() - began > 0.15


CONNECT, PUBACK = b"\x10\x02ab", b"\x40\x02\0\x01"
ONCE, AGAIN = b"\x32\x07\0\x01t\0\x01hi", b"\x3a\x07\0\x01t\0\x01hi"
AT_MOST_ONCE = b"\x30\x05\0\x01thi"


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_publish_at_qos_1_is_repeated_and_marked_however_the_bytes_come(size: int) -> None:
    stream, packets = CONNECT + ONCE + AT_MOST_ONCE + PUBACK + ONCE, Packets()
    said = b"".join(packets.repeated(stream[at : at + size], 2) for at in range(0, len(stream), size))
    assert said == CONNECT + ONCE + AGAIN + AGAIN + AT_MOST_ONCE + PUBACK + ONCE + AGAIN + AGAIN


def test_a_long_packet_is_passed_on_when_it_is_whole() -> None:
    long = b"\x32\xac\x02" + bytes(300)
    packets = Packets()
    assert packets.repeated(long[:200], 1) == b""
    assert packets.repeated(long[200:], 1) == long + b"\x3a" + long[1:]


async def test_a_target_that_is_away_ends_the_connection(line: Line) -> None:
    line.network.target = ("127.0.0.1", 1)
    assert await said(await line.connect(), b"one") == ENDED
