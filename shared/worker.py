"""The worker: what a poll returned becomes one transaction, and offsets move after it.

A batch is recorded in the inbox, planned into calls, its rows locked once in one order, its handlers called, its events
appended; then it commits, and offsets follow a little later. Killed anywhere, the batch comes again: the inbox knows.
A transient failure (connection, deadlock, serialisation, timeout) tries the batch again; any other splits it in halves,
in order, until the one that fails stands alone and is set aside. One bad record never stops a partition; when most of
them fail the code is wrong, not the data, and the worker stops and says so.
"""

import asyncio
import time
from collections import deque
from datetime import UTC, datetime
from uuid import NAMESPACE_OID, uuid5

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from shared import dead_letters, inbox
from shared.contracts.base import Delivery
from shared.db import CONNECTION_LOST, TRANSIENT, Connection, Database
from shared.handlers import Call, Handler, Handlers, Lock, Reject, Retry
from shared.kafka import Consumer, KafkaAccess, Offsets
from shared.pace import Pace
from shared.problems import OutcomeUnknown, Overloaded
from shared.telemetry import (
    BATCH_SECONDS,
    EVENTS_DUPLICATE,
    EVENTS_HANDLED,
    EVENTS_UNKNOWN,
    LAST_POLL_SECONDS,
    WORKER_HALTED,
    processing,
)

__all__ = ["Call", "Handler", "Handlers", "Lock", "Reject", "Retry", "Runner", "Worker", "WorkerHalted"]

log = structlog.get_logger()

TRIES_BEFORE_SPLIT = 5
CEILING_WINDOW = 100
CEILING_DEAD = 50
POLL_WAIT_SECONDS = 0.5  # while offsets wait to be committed
IDLE_WAIT_SECONDS = 2.0  # else; records that come end it at once
STUCK_SECONDS = 60.0
STALL_CHECK_SECONDS = 30.0
NOT_FOR_US_SECONDS = 0.1  # the pause after records that nobody here handles
OFFSETS_SECONDS = 0.2  # what is handled and not committed comes again after a death, and the inbox knows it
UNREADABLE = "unreadable"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
TRY_AGAIN = (*TRANSIENT, OutcomeUnknown, Overloaded)
# No event's fault: the batch waits as it is until it is over.
LOST = (*CONNECTION_LOST, OutcomeUnknown, Overloaded, asyncpg.DiskFullError)
ITS_OWN = (
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)  # counted among LOST by their classes, but an event can cause them


class WorkerHalted(Exception):
    """Most of the last events could not be handled: the code is wrong, not the data. Mend it, restart, redrive."""


class Runner:
    """Applies deliveries to a database. Knows nothing of Kafka."""

    def __init__(self, db: Database, handlers: Handlers) -> None:
        self.db = db
        self.handlers = handlers
        self.group = handlers.group
        self._recent: deque[bool] = deque(maxlen=CEILING_WINDOW)  # True: set aside as dead

    async def process(self, deliveries: list[Delivery]) -> None:
        """Bring a batch to its end: every delivery handled, known, or set aside. Raises WorkerHalted."""
        wanted = []
        for delivery in deliveries:
            if delivery.type in self.handlers.by_type:
                wanted.append(delivery)
            elif delivery.type:
                EVENTS_UNKNOWN.labels(self.group).inc()
            else:
                await self._set_aside(_unreadable(delivery), Reject("the record is no CloudEvent in binary mode"))
        if wanted:
            started = time.monotonic()
            await self._attempt(wanted)
            BATCH_SECONDS.labels(self.group).observe(time.monotonic() - started)

    async def _attempt(self, batch: list[Delivery]) -> None:
        tries = 0
        while True:
            try:
                await self._transact(batch)
            except TRY_AGAIN as error:
                tries += 1
                log.warning(
                    "batch_tried_again",
                    group=self.group,
                    size=len(batch),
                    tries=tries,
                    error=f"{type(error).__name__}: {error}",
                )
                if tries >= TRIES_BEFORE_SPLIT and (isinstance(error, ITS_OWN) or not isinstance(error, LOST)):
                    await self._split(batch, error)
                    return
                await asyncio.sleep(min(5.0, 0.05 * 2**tries))
            except Exception as error:  # poison: anything a handler raised
                await self._split(batch, error)
                return
            else:
                self._recent.extend([False] * len(batch))
                return

    async def _split(self, batch: list[Delivery], error: Exception) -> None:
        if len(batch) == 1:
            await self._set_aside(batch[0], error)
            return
        middle = len(batch) // 2
        await self._attempt(batch[:middle])
        await self._attempt(batch[middle:])

    async def _transact(self, batch: list[Delivery]) -> None:
        async with self.db.transaction() as conn:
            fresh = await self._fresh(conn, batch)
            if not fresh:
                return
            calls = self.handlers.plan(fresh)
            await self.handlers.take_locks(conn, calls)
            for call in calls:
                await _run(conn, call, self.group)
        for call in calls:
            EVENTS_HANDLED.labels(self.group, call.deliveries[0].type).inc(len(call.deliveries))

    async def _fresh(self, conn: Connection, batch: list[Delivery]) -> list[Delivery]:
        """Record the batch; what is new and need not wait. What must wait is set aside here.

        In this order: the inbox waits for another worker that still has our events, and what it parked is then seen.
        """
        fresh = await inbox.record(conn, self.group, batch)
        waiting = await dead_letters.parked(conn, self.group, {d.ordering_key for d in batch})
        if known := len(batch) - len(fresh):
            EVENTS_DUPLICATE.labels(self.group).inc(known)
        if behind := [d for d in fresh if d.ordering_key in waiting]:
            await dead_letters.set_aside(
                conn, self.group, behind, state="behind", reason="an earlier event of its key waits"
            )
        return [d for d in fresh if d.ordering_key not in waiting]

    async def _set_aside(self, delivery: Delivery, error: Exception) -> None:
        """Keep one delivery that failed alone: to be tried later, or dead."""
        reason = f"{type(error).__name__}: {error}"
        is_temporary = isinstance(error, (Retry, *TRY_AGAIN))
        seconds = error.seconds if isinstance(error, Retry) else dead_letters.TRANSIENT_RETRY_SECONDS
        while True:
            try:
                async with self.db.transaction() as conn:
                    if fresh := await self._fresh(conn, [delivery]):
                        await dead_letters.set_aside(
                            conn,
                            self.group,
                            fresh,
                            state="retry" if is_temporary else "dead",
                            reason=reason,
                            retry_seconds=seconds,
                        )
                break
            except TRY_AGAIN as trouble:
                log.warning("not_set_aside_yet", group=self.group, error=f"{type(trouble).__name__}: {trouble}")
                await asyncio.sleep(1)
            except (asyncpg.DataError, asyncpg.ProgramLimitExceededError) as trouble:  # not even its attributes fit
                if delivery.type == UNREADABLE:
                    raise
                delivery, reason, is_temporary = _unreadable(delivery), f"{type(trouble).__name__}: {trouble}", False
        log.warning(
            "event_set_aside",
            group=self.group,
            type=delivery.type,
            event_id=str(delivery.event_id),
            ordering_key=delivery.ordering_key,
            is_temporary=is_temporary,
            reason=reason,
            exc_info=None if isinstance(error, (Retry, Reject)) else error,
        )
        self._recent.append(not is_temporary)
        if sum(self._recent) >= CEILING_DEAD:
            raise WorkerHalted(f"{sum(self._recent)} of the last {len(self._recent)} events failed; the last: {reason}")


async def _run(conn: Connection, call: Call, group: str) -> None:
    """One call of a handler, in a span when its trace is sampled."""
    for delivery in call.deliveries:
        if delivery.traceparent:
            conn.traceparents[delivery.ordering_key] = delivery.traceparent
    with processing(
        call.deliveries[0].topic,
        group=group,
        handler=call.handler.name,
        traceparents=[delivery.traceparent for delivery in call.deliveries if delivery.traceparent],
    ):
        await call.handler.call(conn, call.events)


def _unreadable(delivery: Delivery) -> Delivery:
    """A delivery that can be kept: its place is its key and its id, so that it stops nothing and is kept once."""
    place = f"{delivery.topic}/{delivery.partition}/{delivery.offset}"
    return Delivery(
        event_id=uuid5(NAMESPACE_OID, place),
        source=delivery.source[:200] or "unreadable",
        type=UNREADABLE,
        occurred_at=max(delivery.occurred_at, LONG_AGO),
        ordering_key=place,
        traceparent=None,
        topic=delivery.topic,
        partition=delivery.partition,
        offset=delivery.offset,
        record_key=delivery.record_key,
        data=delivery.data,
    )


class Worker:
    """Consumes for one handler group, for ever."""

    def __init__(
        self, db: Database, handlers: Handlers, access: KafkaAccess, *, batch_max: int = 500, instance: str = ""
    ) -> None:
        self.runner = Runner(db, handlers)
        self.db = db
        self.handlers = handlers
        self.access = access
        self.batch_max = batch_max
        self.instance = instance
        self.halted: str | None = None
        self.is_consuming = False

    async def run_forever(self) -> None:
        """Run until cancelled; after WorkerHalted stay still, visibly, until the process is restarted."""
        pause = 1.0
        while self.halted is None:
            consumer = Consumer(
                self.access,
                group_id=self.handlers.group_id,
                client_id=self.handlers.group_id,
                topics=self.handlers.topics,
                types=self.handlers.by_type,
                instance=self.instance,
            )
            try:
                async with asyncio.timeout(STUCK_SECONDS):
                    await consumer.start()
                pause = 1.0
                await self._consume(consumer)
            except (KafkaError, TimeoutError, OSError) as error:
                log.warning("consumer_rebuilt", group=self.handlers.group, error=f"{type(error).__name__}: {error}")
            except WorkerHalted as reason:
                self.halted = str(reason)
                WORKER_HALTED.labels(self.handlers.group).set(1)
                log.error("worker_halted", group=self.handlers.group, reason=self.halted)
            finally:
                self.is_consuming = False
                await consumer.close()
            await asyncio.sleep(pause)
            pause = min(10.0, pause * 2)
        await asyncio.Event().wait()

    async def retry_due_forever(self) -> None:
        """Try again what was set aside for later, when it is due."""
        while True:
            try:
                tried = await dead_letters.retry_due(self.db, self.handlers)
            except TRY_AGAIN as error:
                log.warning("retry_postponed", group=self.handlers.group, error=f"{type(error).__name__}: {error}")
                tried = 0
            await asyncio.sleep(0.2 if tried else 2.0)

    async def _consume(self, consumer: Consumer) -> None:
        # A full batch means that there is more.
        pace = Pace(full=min(250, self.batch_max))
        checked_at = committed_at = time.monotonic()
        done: Offsets = {}
        while True:
            async with asyncio.timeout(STUCK_SECONDS):
                is_idle = self.is_consuming and not done  # the first poll makes the service ready: it is not long
                wait_seconds = IDLE_WAIT_SECONDS if is_idle else POLL_WAIT_SECONDS
                polled = await consumer.poll(wait_seconds=wait_seconds, most=self.batch_max)
            self.is_consuming = True
            LAST_POLL_SECONDS.labels(self.handlers.group).set_to_current_time()
            if polled.offsets:
                EVENTS_UNKNOWN.labels(self.handlers.group).inc(polled.unhandled)
                await self.runner.process(polled.deliveries)
                done |= polled.offsets
                breath_seconds = self.handlers.breath_seconds
                await pace.breathe(
                    len(polled.deliveries) + polled.unhandled,
                    least_seconds=breath_seconds if polled.deliveries else max(breath_seconds, NOT_FOR_US_SECONDS),
                )
                checked_at = time.monotonic()
            if done and (not polled.offsets or time.monotonic() - committed_at > OFFSETS_SECONDS):
                async with asyncio.timeout(STUCK_SECONDS):
                    await consumer.commit(done)
                done, committed_at = {}, time.monotonic()
            if not polled.offsets and time.monotonic() - checked_at > STALL_CHECK_SECONDS:
                async with asyncio.timeout(STUCK_SECONDS):
                    await consumer.check_for_stall()
                checked_at = time.monotonic()
