"""Transactions: whole or not at all, whatever is cancelled or cut, and the pool stays fit."""

import asyncio
import random
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared import outbox
from shared.db import Database
from shared.problems import OutcomeUnknown, Overloaded
from shared.sql import Row
from shared.testing import published
from tests.kernel.events import CounterRaised


async def change(db: Database, counter_id: UUID, number: int, *, pause: asyncio.Event | None = None) -> None:
    """An effect and its event."""
    async with db.transaction() as conn:
        await conn.execute(
            "INSERT INTO effects (counter_id, kind, number) VALUES ($1, 'change', $2)", counter_id, number
        )
        outbox.append(conn, CounterRaised(counter_id=counter_id, number=number))
        if pause is not None:
            await pause.wait()


async def numbers(db: Database, counter_id: UUID) -> list[int]:
    async with db.reading() as conn:
        rows = await conn.fetch("SELECT number FROM effects WHERE counter_id = $1 ORDER BY number", counter_id)
    return [row["number"] for row in rows]


async def test_effects_and_events_stay_together_when_tasks_are_cancelled_anywhere(kernel_db: Database) -> None:
    counter_id = uuid4()
    seed = random.SystemRandom().getrandbits(32)
    chance = random.Random(seed)
    tasks = []
    for number in range(300):
        task = asyncio.create_task(change(kernel_db, counter_id, number))
        asyncio.get_running_loop().call_later(chance.random() * 0.05, task.cancel)
        tasks.append(task)
        if number % 10 == 0:
            await asyncio.sleep(0)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    done = await numbers(kernel_db, counter_id)
    events = await published(kernel_db, CounterRaised, counter_id=counter_id)
    assert sorted(event.number for event in events) == done, f"seed {seed}"
    answered = [number for number, outcome in enumerate(outcomes) if outcome is None]
    assert set(answered) <= set(done), "what was answered is durable"
    await asyncio.gather(*(change(kernel_db, counter_id, 1000 + n) for n in range(40)))
    assert len(await numbers(kernel_db, counter_id)) == len(done) + 40


async def test_a_connection_cut_before_the_commit_changes_nothing(
    kernel_db: Database, superuser: "asyncpg.Connection[Row]"
) -> None:
    counter_id, woken = uuid4(), []
    kernel_db.wakers["of the test"].append(lambda: woken.append(1))

    async def cut_and_commit() -> None:
        async with kernel_db.transaction() as conn:
            conn.wakes.add("of the test")  # it may be committed all the same, and nobody else would say so
            await conn.execute("INSERT INTO effects (counter_id, kind, number) VALUES ($1, 'cut', 1)", counter_id)
            pid = await conn.fetchval("SELECT pg_backend_pid()")
            await superuser.execute("SELECT pg_terminate_backend($1, 5000)", pid)

    with pytest.raises(OutcomeUnknown):
        await cut_and_commit()

    assert woken == [1]
    assert await numbers(kernel_db, counter_id) == []
    await change(kernel_db, counter_id, 2)
    assert await numbers(kernel_db, counter_id) == [2]


class LosesConnectionsAtTheEnd:
    """A pool whose connections are lost in the moment in which they are given back."""

    def __init__(self, pool: "asyncpg.Pool[Row]") -> None:
        self.acquire = pool.acquire
        self._pool = pool

    async def release(self, raw: Any) -> None:
        asyncio.get_running_loop().call_soon(raw.terminate)
        await self._pool.release(raw)


async def test_what_is_committed_is_done_also_when_its_connection_is_lost_afterwards(kernel_db: Database) -> None:
    counter_id = uuid4()
    losing = Database(cast(Any, LosesConnectionsAtTheEnd(kernel_db.pool)), source="kernel")

    await change(losing, counter_id, 1)  # an error here would be answered with "nothing was changed"

    assert await numbers(kernel_db, counter_id) == [1]


async def test_when_no_connection_is_free_the_service_is_overloaded(kernel_dsn: str) -> None:
    small = await Database.connect(kernel_dsn, source="kernel", size=1, acquire_seconds=0.1)
    counter_id, pause = uuid4(), asyncio.Event()
    holder = asyncio.create_task(change(small, counter_id, 1, pause=pause))
    await asyncio.sleep(0)

    with pytest.raises(Overloaded):
        await change(small, counter_id, 2)
    pause.set()
    await holder

    assert await numbers(small, counter_id) == [1]
    await small.close()


async def test_jsonb_takes_and_gives_python_objects(kernel_db: Database) -> None:
    value = {"a": [1, None, "é"], "b": {"c": True}}

    async with kernel_db.reading() as conn:
        assert await conn.fetchval("SELECT $1::jsonb", value) == value
