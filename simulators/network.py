"""The network between cabinets and cloud: a TCP hop that can be cut or stalled."""

import asyncio
import contextlib

CHUNK = 65536


class Network:
    """Passes connections on to ``target``. Cut: all closed. Stalled: open, and nothing gets through."""

    def __init__(self) -> None:
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
        """Everything passes again."""
        self.is_cut = False
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
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
