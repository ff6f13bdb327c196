"""Handlers that lock rows: declared locks are taken once, in one order, so that batches take turns.

The last test plants the fault: without declared locks the same two batches deadlock, and heal by being tried again.
"""

import asyncio
from collections.abc import Iterable
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.db import Connection, Database
from shared.handlers import Handlers, Lock
from shared.testing import deliver
from tests.kernel.events import CounterNamed, CounterRaised


class Group:
    """Raises counters, event by event, with a pause after the first in which the other group goes as far."""

    def __init__(self, met: asyncio.Barrier, *, is_locking: bool) -> None:
        self.met = met
        self.deadlocks = 0
        self.has_met = False
        self.taken: list[list[UUID]] = []
        locks = self.wanted if is_locking else None
        self.handlers = Handlers(f"kernel{uuid4().hex[:8]}", lock_order=(Lock("counters", self.take),))
        self.handlers.on_batch(CounterRaised, locks=locks)(self.raise_counters)
        self.handlers.on_batch(CounterNamed, locks=locks)(self.raise_named_counters)

    def wanted(self, _: Connection, events: list[CounterRaised] | list[CounterNamed]) -> dict[str, Iterable[UUID]]:
        return {"counters": [event.counter_id for event in events]}

    async def take(self, conn: Connection, ids: list[UUID]) -> None:
        self.taken.append(ids)
        await conn.fetch("SELECT 1 FROM counters WHERE counter_id = ANY($1) ORDER BY counter_id FOR UPDATE", ids)

    async def raise_counters(self, conn: Connection, events: list[CounterRaised]) -> None:
        for event in events:
            await self.raise_one(conn, event.counter_id)

    async def raise_named_counters(self, conn: Connection, events: list[CounterNamed]) -> None:
        for event in events:
            await self.raise_one(conn, event.counter_id)

    async def raise_one(self, conn: Connection, counter_id: UUID) -> None:
        try:
            await conn.execute("UPDATE counters SET number = number + 1 WHERE counter_id = $1", counter_id)
        except asyncpg.DeadlockDetectedError:
            self.deadlocks += 1
            raise
        if not self.has_met:
            self.has_met = True
            try:
                async with asyncio.timeout(0.3):
                    await self.met.wait()
            except (TimeoutError, asyncio.BrokenBarrierError):
                return  # the other waits for our locks


async def numbers(db: Database, ids: list[UUID]) -> list[int]:
    async with db.reading() as conn:
        rows = await conn.fetch("SELECT number FROM counters WHERE counter_id = ANY($1)", ids)
    return [row["number"] for row in rows]


async def cross(db: Database, *, is_locking: bool) -> tuple[Group, Group, list[UUID]]:
    """Two groups get the same two counters in opposite orders, through two handlers each, at the same time."""
    met = asyncio.Barrier(2)
    one, other = Group(met, is_locking=is_locking), Group(met, is_locking=is_locking)
    a, b = sorted([uuid4(), uuid4()])
    async with db.transaction() as conn:
        await conn.execute("INSERT INTO counters (counter_id) VALUES ($1), ($2)", a, b)

    await asyncio.gather(
        deliver(db, one.handlers, CounterRaised(counter_id=a, number=1), CounterNamed(counter_id=b, number=1)),
        deliver(db, other.handlers, CounterRaised(counter_id=b, number=2), CounterNamed(counter_id=a, number=2)),
    )
    return one, other, [a, b]


async def test_batches_over_the_same_rows_in_opposite_orders_take_turns(kernel_db: Database) -> None:
    one, other, ids = await cross(kernel_db, is_locking=True)

    assert one.deadlocks == other.deadlocks == 0
    assert one.taken == other.taken == [ids], "once per batch, for all its handlers, sorted"
    assert await numbers(kernel_db, ids) == [2, 2]


async def test_without_declared_locks_they_deadlock_and_heal(kernel_db: Database) -> None:
    one, other, ids = await cross(kernel_db, is_locking=False)

    assert one.deadlocks + other.deadlocks >= 1
    assert await numbers(kernel_db, ids) == [2, 2]


async def test_a_lock_that_the_group_does_not_know_is_a_mistake(kernel_db: Database) -> None:
    handlers = Handlers(f"kernel{uuid4().hex[:8]}")
    delivered = CounterRaised(counter_id=uuid4(), number=1)

    @handlers.on(CounterRaised, locks=lambda _, events: {"nothing": [event.counter_id for event in events]})
    async def raise_counter(conn: Connection, event: CounterRaised) -> None:
        """Never called."""

    await deliver(kernel_db, handlers, delivered)

    async with kernel_db.reading() as conn:
        reason = await conn.fetchval("SELECT reason FROM dead_letters WHERE handler_group = $1", handlers.group)
    assert "has no lock named ['nothing']" in reason


@pytest.mark.parametrize("is_async", [True, False])
async def test_locks_may_be_named_with_a_look_at_the_database(kernel_db: Database, is_async: bool) -> None:
    group = Group(asyncio.Barrier(1), is_locking=False)
    counter_id = uuid4()

    async def look(conn: Connection, events: list[CounterRaised]) -> dict[str, Iterable[UUID]]:
        assert await conn.fetchval("SELECT 1") == 1
        return {"counters": {event.counter_id for event in events}}

    handlers = Handlers(f"kernel{uuid4().hex[:8]}", lock_order=group.handlers.lock_order)
    handlers.on_batch(CounterRaised, locks=look if is_async else group.wanted)(group.raise_counters)
    await deliver(kernel_db, handlers, CounterRaised(counter_id=counter_id, number=1))

    assert group.taken == [[counter_id]]
