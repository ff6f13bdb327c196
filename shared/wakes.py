"""Wakes from process to process: a commit here, and who waits for it there.

A wake is only a hint, told by NOTIFY after the commit (in the writer's own transaction it would make all commits of the
database wait for each other) and not more often than a hint is worth. Whoever waits looks again after a while all the
same.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import asyncpg
import structlog

from shared import sql
from shared.db import TRANSIENT, connect_alone
from shared.pace import news_within
from shared.sql import Row

log = structlog.get_logger()
queries = sql.load(__file__, "kernel.sql")

Wake: TypeAlias = Callable[[], None]

TELL_SECONDS = 0.005  # between two times
CHECK_SECONDS = 30.0  # until a connection that has nothing to say is tried


def channel_of(name: str) -> str:
    """Where wakes of this name are told."""
    return f"lumbung_{name}"


class Wakes:
    """What this process tells others and hears from them, by the names that `Connection.wakes` holds."""

    def __init__(self, dsn: str, *, source: str) -> None:
        self._dsn = dsn
        self._source = source
        self._heard: list[tuple[str, Wake]] = []
        self._to_tell: set[str] = set()
        self._news = asyncio.Event()
        self.is_used = False

    def hear(self, name: str, wake: Wake) -> None:
        """Call `wake` when another process tells `name`, or may have told it while we could not hear."""
        self.is_used = True
        self._heard.append((name, wake))

    def teller(self, name: str) -> Wake:
        """What tells `name` to the other processes; called after the commit."""
        self.is_used = True
        return partial(self._tell, name)

    def _tell(self, name: str) -> None:
        self._to_tell.add(name)
        self._news.set()

    async def run_forever(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                conn = await connect_alone(self._dsn, name=f"{self._source}-wakes")
                try:
                    await self._run(conn)
                finally:
                    conn.terminate()
            except TRANSIENT as error:
                log.info("wakes_interrupted", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(1)

    async def _run(self, conn: "asyncpg.Connection[Row]") -> None:
        conn.add_termination_listener(lambda _: self._news.set())
        for name, wake in self._heard:
            await conn.add_listener(channel_of(name), lambda *_, wake=wake: wake())
            wake()
        while True:
            await news_within(self._news, CHECK_SECONDS)
            self._news.clear()
            told, self._to_tell = self._to_tell, set()
            try:
                if told:
                    await conn.execute("; ".join(f"NOTIFY {channel_of(name)}" for name in told))
                else:
                    await queries.try_connection.value(conn)
            except TRANSIENT:
                self._to_tell |= told  # nobody heard it
                self._news.set()
                raise
            await asyncio.sleep(TELL_SECONDS)
