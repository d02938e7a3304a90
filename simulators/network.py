"""The network between cabinets and cloud: a TCP hop that can be cut, stall, be slow and repeat."""

import asyncio
import contextlib
import math
import time

CHUNK = 65536
UNDER_WAY = 64
FEW_BYTES = 64


class Network:
    """Passes connections on to ``target``. Cut: all closed. Stalled: open, and nothing gets through.

    ``delay_s``: everything arrives so much later. ``bytes_s``: no more than so many bytes a second pass
    each way, a few at a time. ``repeats``: connections made from now on carry MQTT, and each PUBLISH comes so
    many times more, marked as repeated.
    """

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.bytes_s = math.inf
        self.repeats = 0
        self.knocks: list[float] = []
        """When somebody connected (monotonic seconds), also while it was cut."""
        self.target = ("127.0.0.1", 0)
        self.is_cut = False
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._passing: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Listen on a free loopback port; which one."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """The cable is out: all connections end, new ones end at once."""
        self.is_cut = True
        for writer in self._passing:
            writer.transport.abort()

    def stall(self) -> None:
        """Half-open: everything stays connected and no byte arrives."""
        self._flowing.clear()

    def heal(self) -> None:
        """Everything passes again, at once and once."""
        self.is_cut = False
        self.delay_s, self.bytes_s, self.repeats = 0.0, math.inf, 0
        self._flowing.set()

    async def stop(self) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.knocks.append(time.monotonic())
        self._tasks.add(task)
        self._passing.add(writer)
        try:
            if not self.is_cut:
                await self._pass(reader, writer)
        except OSError:
            pass  # the other side is not there: whoever connected sees the end of the connection
        finally:
            self._passing.discard(writer)
            self._tasks.discard(task)
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection(*self.target)
        self._passing.add(there)
        ways = [
            asyncio.create_task(self._flow(reader, there)),
            asyncio.create_task(self._flow(there_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._passing.discard(there)
            there.transport.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _flow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One way; ends when either end does."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(UNDER_WAY)
        delivering = asyncio.create_task(self._deliver(under_way, writer))
        packets = Packets() if self.repeats else None
        now = asyncio.get_running_loop().time
        try:
            with contextlib.suppress(ConnectionError):
                while (data := await reader.read(CHUNK)) and not delivering.done():
                    said = data if packets is None else packets.repeated(data, self.repeats)
                    await under_way.put((now() + self.delay_s, said))
                await under_way.put((now() + self.delay_s, b""))
                await delivering
        finally:
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)

    async def _deliver(
        self, under_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        while True:
            due, data = await under_way.get()
            if not data:
                return
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            while data:
                await self._flowing.wait()
                piece = data if self.bytes_s == math.inf else data[:FEW_BYTES]
                data = data[len(piece) :]
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(len(piece) / self.bytes_s)


class Packets:
    """Finds the MQTT packets in a stream (MQTT 3.1.1, section 2.2)."""

    def __init__(self) -> None:
        self._held = b""

    def repeated(self, data: bytes, times: int) -> bytes:
        """All packets that are whole by now, each PUBLISH at QoS 1 so many times more with its DUP flag."""
        self._held += data
        said = b""
        while (length := _packet_length(self._held)) is not None:
            packet, self._held = self._held[:length], self._held[length:]
            is_publish = packet[0] & 0xF6 == 0x32
            said += packet + (bytes([packet[0] | 0x08]) + packet[1:]) * times * is_publish
        return said


def _packet_length(held: bytes) -> int | None:
    """Of the packet that the bytes begin with; None while it is not whole."""
    length = 0
    for at, byte in enumerate(held[1:5]):
        length |= (byte & 0x7F) << 7 * at
        if byte < 0x80:
            whole = 2 + at + length
            return whole if len(held) >= whole else None
    return None
