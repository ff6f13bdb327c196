"""Who waits in one process is woken by a commit in another, also when the connection between them was cut."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import asyncpg
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from shared import calls_out
from shared.calls_out import CallOut, CallsOut, Purpose, request
from shared.db import Connection, Database
from shared.service import Role, Running
from shared.wakes import Wakes

SOON = 5.0  # nothing here looks by itself


@asynccontextmanager
async def going(*jobs: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """They run meanwhile."""
    tasks = [asyncio.ensure_future(job()) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def woken(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), SOON)
    event.clear()


async def test_a_wake_is_heard_elsewhere_and_still_is_when_both_were_cut_off(
    kernel_dsn: str, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    here, there = Wakes(kernel_dsn, source="wakes-here"), Wakes(kernel_dsn, source="wakes-there")
    news, others = asyncio.Event(), asyncio.Event()
    there.hear("news", news.set)
    there.hear("other_news", others.set)
    tell = here.teller("news")
    async with going(here.run_forever, there.run_forever):
        await woken(news)  # what was told before it listened is not known: it wakes once
        await woken(others)

        tell()
        await woken(news)
        assert not others.is_set()
        cut = await superuser.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'wakes-%-wakes'"
        )
        await woken(news)  # it hears again, and may have missed something
        await woken(others)
        tell()
        await woken(news)

    assert len(cut) == 2


async def test_a_wake_that_could_not_be_told_is_told_when_there_is_a_connection_again(
    kernel_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = Wakes(kernel_dsn, source="wakes-here"), Wakes(kernel_dsn, source="wakes-there")
    news = asyncio.Event()
    there.hear("news", news.set)
    execute, tries = asyncpg.Connection.execute, []

    async def failing_once(conn: Any, query: str, *arguments: Any, **options: Any) -> str:
        if query.startswith("NOTIFY"):
            tries.append(query)
            if len(tries) == 1:
                raise asyncpg.ConnectionDoesNotExistError("cut")
        return await execute(conn, query, *arguments, **options)

    monkeypatch.setattr(asyncpg.Connection, "execute", failing_once)
    async with going(here.run_forever, there.run_forever):
        await woken(news)

        here.teller("news")()

        await woken(news)
    assert tries == ["NOTIFY lumbung_news"] * 2


async def test_a_call_that_one_process_asks_for_is_made_by_another_at_once(
    kernel_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_out, "POLL_SECONDS", 3600.0)
    purpose = f"test-{uuid4().hex[:8]}"
    made = asyncio.Event()

    async def make(call: CallOut) -> None:
        made.set()

    async def nothing(conn: Connection, *_: Any) -> None:
        pass

    async def process(*roles: Role) -> Running:
        db = await Database.connect(kernel_dsn, source="kernel", size=2)
        running = running_of(db, kernel_dsn, *roles)
        calls = CallsOut(db, {purpose: Purpose(make, nothing, nothing)})
        running.wake_worker("calls", calls.wake)
        running.background("worker", calls.run_forever)
        return running

    asking, making = await process("http"), await process("worker", "relay")
    jobs = [job for _, job in (*asking.jobs, *making.jobs)]
    async with going(*jobs, asking.wakes.run_forever, making.wakes.run_forever):
        await asyncio.sleep(1)  # all have looked, and wait

        async with asking.db.transaction() as conn:
            await request(conn, purpose, "one", {})
        await woken(made)

    await asking.db.close()
    await making.db.close()


@pytest.mark.parametrize(
    ("roles", "needs_a_connection"),
    [
        (("http", "worker", "relay"), False),
        (("http",), True),
        (("worker",), True),
        (("worker", "relay"), True),
        (("relay",), False),
    ],
)
def test_only_who_is_apart_needs_a_connection(roles: tuple[Role, ...], needs_a_connection: bool) -> None:
    db = Database(cast(Any, None), source="kernel")
    running = running_of(db, "postgres://", *roles)
    news = asyncio.Event()

    running.wake_worker("calls", news.set)

    assert news.set in db.wakers["calls"]
    assert running.wakes.is_used == needs_a_connection


def running_of(db: Database, dsn: str, *roles: Role) -> Running:
    return Running(SimpleNamespace(database_url=SecretStr(dsn)), db, cast(FastAPI, None), frozenset(roles))
