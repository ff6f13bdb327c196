"""Who waits in one process is woken by a commit in another, also when the connection between them was cut."""

import asyncio
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
from shared.service import Role, Running, _add_wakes
from shared.wakes import Wakes

SOON = 0.8  # less than any second look


async def test_a_wake_is_heard_elsewhere_and_still_is_when_both_were_cut_off(
    kernel_dsn: str, superuser: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    here, there = Wakes(kernel_dsn, source="wakes-here"), Wakes(kernel_dsn, source="wakes-there")
    woken, others = asyncio.Event(), asyncio.Event()
    there.hear("news", woken.set)
    there.hear("other_news", others.set)
    tell = here.teller("news")
    jobs = [asyncio.create_task(wakes.run_forever()) for wakes in (here, there)]
    for event in (woken, others):  # what was told before it listened is not known: it wakes once
        await asyncio.wait_for(event.wait(), 5)
        event.clear()

    tell()
    await asyncio.wait_for(woken.wait(), SOON)
    woken.clear()
    await superuser.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'wakes-%-wakes'"
    )
    await asyncio.wait_for(woken.wait(), 5)  # it hears again, and may have missed something
    woken.clear()
    await asyncio.sleep(1.2)  # so does the other
    tell()
    await asyncio.wait_for(woken.wait(), SOON)

    assert others.is_set(), "woken once more after the cut"
    for job in jobs:
        job.cancel()
    await asyncio.wait(jobs)


async def test_a_wake_that_could_not_be_told_is_told_when_there_is_a_connection_again(
    kernel_dsn: str, superuser: "asyncpg.Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = Wakes(kernel_dsn, source="wakes-here"), Wakes(kernel_dsn, source="hears")
    woken = asyncio.Event()
    there.hear("news", woken.set)
    jobs = [asyncio.create_task(wakes.run_forever()) for wakes in (here, there)]
    await asyncio.wait_for(woken.wait(), 5)
    await asyncio.sleep(0.3)
    woken.clear()

    await superuser.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wakes-here-wakes'"
    )
    here.teller("news")()

    await asyncio.wait_for(woken.wait(), 5)
    for job in jobs:
        job.cancel()
    await asyncio.wait(jobs)


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

    async def process(*roles: Role) -> tuple[Database, CallsOut, Running]:
        db = await Database.connect(kernel_dsn, source="kernel", size=2)
        calls = CallsOut(db, {purpose: Purpose(make, nothing, nothing)})
        settings = SimpleNamespace(database_url=SecretStr(kernel_dsn))
        running = Running(settings, db, cast(FastAPI, None), frozenset(roles))
        running.background("worker", calls.run_forever)
        _add_wakes(running)
        return db, calls, running

    asking, _, http = await process("http")
    making, _, worker = await process("worker", "relay")
    jobs = [asyncio.ensure_future(job()) for _, job in (*http.jobs, *worker.jobs)]
    await asyncio.sleep(0.5)  # all have looked, and wait

    async with asking.transaction() as conn:
        await request(conn, purpose, "one", {})
    await asyncio.wait_for(made.wait(), SOON)

    for job in jobs:
        job.cancel()
    await asyncio.wait(jobs)
    await asking.close()
    await making.close()


def test_one_process_for_all_needs_no_connection_for_it() -> None:
    db = cast(Database, SimpleNamespace(source="kernel", wakers={"calls": [lambda: None]}))
    settings = SimpleNamespace(database_url=SecretStr("postgres://"))
    running = Running(settings, db, cast(FastAPI, None), frozenset({"http", "worker", "relay"}))

    _add_wakes(running)

    assert not running.jobs
