"""A TCP proxy that can be slow, lose connections, or swallow everything (a black hole), changed while it runs."""

import asyncio
import contextlib
import random
from dataclasses import dataclass, field

CHUNK_BYTES = 16_384


@dataclass
class Weather:
    """What happens to bytes on their way."""

    delay_seconds: float = 0.0  # each way, each piece; a half more or less by chance
    loss: float = 0.0  # the chance, for each piece, that its connection is reset instead
    is_black: bool = False  # what comes is swallowed, nothing is closed, new connections are taken and never answered


@dataclass
class Proxy:
    """Listens on a free port of 127.0.0.1 and passes on to `port`."""

    port: int
    seed: int
    weather: Weather = field(default_factory=Weather)
    resets: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> int:
        """Its own port."""
        self._rng = random.Random(self.seed)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        at: int = self._server.sockets[0].getsockname()[1]
        return at

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._swallowed()
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pass(reader, there_writer))
                    group.create_task(self._pass(there_reader, writer))
            finally:
                there_writer.close()
        except (OSError, ExceptionGroup):
            pass  # whatever ended it, both sides are closed below
        finally:
            self._tasks.discard(task)
            with contextlib.suppress(OSError):
                writer.close()

    async def _swallowed(self) -> None:
        """Nothing, unless all is black: then wait for its end, and lose the connection that missed something."""
        if self.weather.is_black:
            while self.weather.is_black:
                await asyncio.sleep(0.1)
            raise ConnectionResetError

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(CHUNK_BYTES):
            await self._swallowed()
            if self.weather.loss and self._rng.random() < self.weather.loss:
                self.resets += 1
                writer.transport.abort()
                raise ConnectionResetError
            if self.weather.delay_seconds:
                await asyncio.sleep(self.weather.delay_seconds * self._rng.uniform(0.5, 1.5))
            writer.write(piece)
            await writer.drain()
        raise ConnectionResetError  # one side has closed: the other is closed, too
