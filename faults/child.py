"""A service as the stack runs it, with what a test took away from it or put in its way: `python -m faults.child PLAN`.

The plan is JSON: `service` and its `options`; `die`: a point and how often it is passed before the process dies there
by SIGKILL; `without`: protections that are taken away; `kafka_port`: where Kafka's port is really reached. The services
hold no test code: all of it is put over the kernel from here.
"""

import asyncio
import json
import os
import runpy
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import aiokafka.conn
import asyncpg.transaction
from aiokafka import TopicPartition

from shared import db, dead_letters, kafka, problems, worker
from shared.db import Connection, Database
from shared.kafka import Consumer, Polled, Producer, Record
from shared.worker import Runner


class Death:
    """Dies at a point when it was passed often enough."""

    def __init__(self, point: str, after: int) -> None:
        self._point = point
        self._left = after

    def passes(self, point: str) -> None:
        """This point is passed now."""
        if point == self._point:
            self._left -= 1
            if self._left <= 0:
                os.write(2, f"faults: dies at {point}\n".encode())
                os.kill(os.getpid(), signal.SIGKILL)


def _put(where: Any, **values: Any) -> None:
    """Put these in the place of what is there: this is what the file is for."""
    for name, value in values.items():
        setattr(where, name, value)


def install_death(death: Death) -> None:
    """Watch the points of delivery."""
    commit = asyncpg.transaction.Transaction.commit
    send = Producer.send
    commit_offsets = Consumer.commit
    process = Runner.process

    async def mortal_process(self: Runner, deliveries: Any) -> None:
        if deliveries:
            death.passes("before_handler")
        await process(self, deliveries)

    async def mortal_commit(self: Any) -> None:
        death.passes("before_commit")
        await commit(self)
        death.passes("after_commit")

    async def mortal_send(self: Producer, records: list[Record]) -> None:
        await send(self, records)
        if records:
            death.passes("after_send")

    async def mortal_offsets(self: Consumer, offsets: dict[TopicPartition, int]) -> None:
        death.passes("after_handler")
        await commit_offsets(self, offsets)

    _put(asyncpg.transaction.Transaction, commit=mortal_commit)
    _put(Runner, process=mortal_process)
    _put(Producer, send=mortal_send)
    _put(Consumer, commit=mortal_offsets)


def _forgive_no_longer(*errors: type[Exception]) -> None:
    """These are no passing trouble any more: not to requests, not to the worker, not to who tries again."""

    def less(kinds: Any) -> Any:
        return tuple(kind for kind in kinds if kind not in errors)

    _put(db, TRANSIENT=less(db.TRANSIENT))
    _put(dead_letters, TRANSIENT=db.TRANSIENT)  # it took the name when it was loaded, and so did the worker
    _put(worker, TRY_AGAIN=less(worker.TRY_AGAIN), LOST=less(worker.LOST))


def without_offsets_after_handlers() -> None:
    """Offsets are committed as soon as records came."""
    poll = Consumer.poll
    commit = Consumer.commit

    async def greedy(self: Consumer, *, wait_seconds: float, most: int) -> Polled:
        polled = await poll(self, wait_seconds=wait_seconds, most=most)
        if polled.offsets:
            await commit(self, polled.offsets)
        return polled

    _put(Consumer, poll=greedy)


def without_commits_before_answers() -> None:
    """Who waits for a transaction goes on before it is committed."""
    transaction = Database.transaction
    under_way = set()

    async def late(manager: AbstractAsyncContextManager[Connection]) -> None:
        await asyncio.sleep(0.1)
        await manager.__aexit__(None, None, None)

    @asynccontextmanager
    async def hasty(self: Database, isolation: Any = "read_committed") -> AsyncIterator[Connection]:
        manager = transaction(self, isolation)
        conn = await manager.__aenter__()
        try:
            yield conn
        except BaseException as error:
            await manager.__aexit__(type(error), error, error.__traceback__)
            raise
        task = asyncio.create_task(late(manager))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    _put(Database, transaction=hasty)


def without_events_in_the_transaction() -> None:
    """What happened is committed first, and then, by itself, that it is to be told."""
    transaction = Database.transaction

    @asynccontextmanager
    async def in_two(self: Database, isolation: Any = "read_committed") -> AsyncIterator[Connection]:
        async with transaction(self, isolation) as conn:
            yield conn
            events, conn.events = conn.events, []
        if events:
            async with transaction(self) as conn:
                conn.events = events

    _put(Database, transaction=in_two)


def without_acknowledged_sends() -> None:
    """The relay believes that what it gave away has arrived; it leaves a moment later."""
    send = Producer.send
    under_way = set()

    async def late(producer: Producer, records: list[Record]) -> None:
        await asyncio.sleep(1.0)
        await send(producer, records)

    async def careless(self: Producer, records: list[Record]) -> None:
        if records:
            task = asyncio.create_task(late(self, records))
            under_way.add(task)
            task.add_done_callback(under_way.discard)

    _put(Producer, send=careless)


def without_patience_for_the_database() -> None:
    """A lost connection is an error like any other: nobody waits for the database, nobody says 503."""
    _forgive_no_longer(*db.CONNECTION_LOST, problems.OutcomeUnknown)
    _put(db, CONNECTION_LOST=())


def without_time_limits() -> None:
    """The database is waited for however long it takes."""
    _put(db.Database, connect=partial(db.Database.connect, acquire_seconds=3600, command_seconds=3600))


def without_waiting_for_room() -> None:
    """A full disk is an error like any other, of an event as of a request."""
    _forgive_no_longer(asyncpg.DiskFullError)


def without_monotonic_time() -> None:
    """Durations are measured by the wall clock."""
    _put(time, monotonic=time.time)


TAKEN_AWAY = {
    "offsets_after_handlers": without_offsets_after_handlers,
    "commits_before_answers": without_commits_before_answers,
    "events_in_the_transaction": without_events_in_the_transaction,
    "acknowledged_sends": without_acknowledged_sends,
    "patience_for_the_database": without_patience_for_the_database,
    "time_limits": without_time_limits,
    "waiting_for_room": without_waiting_for_room,
    "monotonic_time": without_monotonic_time,
}


def reach_kafka_at(real: str, port: int) -> None:
    """Whatever port Kafka announces, it is reached at `port` (a proxy of the test)."""
    create = aiokafka.conn.create_conn
    announced = int(real.rpartition(":")[2])

    async def through_proxy(host: str, at: int, *args: Any, **options: Any) -> Any:
        return await create(host, port if at == announced else at, *args, **options)

    aiokafka.conn.create_conn = through_proxy
    aiokafka.client.create_conn = through_proxy


def main(plan: dict[str, Any]) -> None:
    """Put it over the kernel, then be the service."""
    for name in plan.get("without", ()):
        TAKEN_AWAY[name]()
    if plan.get("die"):
        install_death(Death(**plan["die"]))
    if plan.get("kafka_port"):
        reach_kafka_at(os.environ["LUMBUNG_KAFKA_BOOTSTRAP"], plan["kafka_port"])
    assert kafka.Producer is Producer
    sys.argv = [plan["service"], *plan.get("options", ())]
    runpy.run_module(f"services.{plan['service']}.main", run_name="__main__")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
