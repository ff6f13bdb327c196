"""Dead letters: events set aside in the consumer's own database, and what heals them.

An event that cannot be handled is kept as it came; later events of its ordering key wait behind it, also those that
arrive while a redrive drains the queue (the row in parked_keys is the lock of the queue). A redrive calls the handler
with the stored bytes: publishing them again would be swallowed by the inbox.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from shared import sql
from shared.contracts.base import Delivery
from shared.db import TRANSIENT, Connection, Database
from shared.handlers import Handlers, Retry
from shared.problems import OutcomeUnknown, Overloaded
from shared.sql import Row
from shared.telemetry import DEAD_LETTERS, PARKED, processing

queries = sql.load(__file__, "kernel.sql")

State: TypeAlias = Literal["dead", "retry", "behind"]
ATTEMPTS_MAX = 50
TRANSIENT_RETRY_SECONDS = 5.0


@dataclass(frozen=True)
class Redriven:
    """What a redrive of one key did."""

    ordering_key: str
    done: int
    left: int
    failure: str | None


class FinishedElsewhere(Exception):
    """Somebody discarded this event while it was being handled; what was done is rolled back."""


async def parked(conn: Connection, group: str, keys: set[str]) -> set[str]:
    """Which of `keys` wait; their queues stay locked until the transaction ends."""
    rows = await queries.parked_keys_of.rows(conn, handler_group=group, ordering_keys=sorted(keys))
    return {row["ordering_key"] for row in rows}


async def set_aside(
    conn: Connection, group: str, deliveries: list[Delivery], *, state: State, reason: str, retry_seconds: float = 0
) -> None:
    """Keep `deliveries`; their keys wait from now on."""
    await queries.park_keys.run(conn, handler_group=group, ordering_keys=sorted({d.ordering_key for d in deliveries}))
    await queries.set_aside.run(
        conn,
        handler_group=group,
        state=state,
        reason=_storable(reason),
        retry_seconds=retry_seconds,
        ordering_keys=[d.ordering_key for d in deliveries],
        sources=[d.source for d in deliveries],
        event_ids=[d.event_id for d in deliveries],
        types=[d.type for d in deliveries],
        occurred_ats=[d.occurred_at for d in deliveries],
        traceparents=[d.traceparent for d in deliveries],
        topics=[d.topic for d in deliveries],
        partitions=[d.partition for d in deliveries],
        offsets=[d.offset for d in deliveries],
        record_keys=[d.record_key for d in deliveries],
        data=[d.data for d in deliveries],
    )
    for delivery in deliveries:
        if state == "dead":
            DEAD_LETTERS.labels(group, delivery.type).inc()
        else:
            PARKED.labels(group).inc()


async def redrive(db: Database, handlers: Handlers, key: str, *, actor: str | None = None, note: str = "") -> Redriven:
    """Handle what waits under `key`, in order, until it is empty or one fails again.

    With an `actor` (a person) each event handled leaves an audit record.
    """
    done = 0
    while True:
        head: Row | None = None
        try:
            async with db.transaction() as conn:
                head = await _next(conn, handlers, key)
                if head is None:
                    return Redriven(key, done, 0, None)
                await _handle(conn, handlers, head)
                if not await queries.finish_dead_letter.run(conn, position=head["position"], state="done"):
                    raise FinishedElsewhere
                if actor is not None:
                    await _record(conn, head, "redrive", "done", actor, note)
        except (
            Exception
        ) as error:  # whatever it was, it belongs to this event: recorded there, and the key goes on waiting
            if head is None:
                raise
            failure = f"{type(error).__name__}: {error}"
            async with db.transaction() as conn:
                await _fail(conn, head, error, failure)
                if actor is not None:
                    await _record(conn, head, "redrive", failure, actor, note)
                left = await queries.waiting_of_key.rows(
                    conn, handler_group=handlers.group, ordering_key=key, most=10_000
                )
            return Redriven(key, done, len(left), failure)
        done += 1


async def discard(db: Database, handlers: Handlers, position: int, *, actor: str, note: str) -> bool:
    """Give up one event for good; what waits behind it can then be redriven. False when it was not waiting."""
    async with db.transaction() as conn:
        row = await queries.dead_letter_at.row(conn, position=position, handler_group=handlers.group)
        if row is None:
            return False
        await queries.lock_parked_key.row(conn, handler_group=handlers.group, ordering_key=row["ordering_key"])
        if not await queries.finish_dead_letter.run(conn, position=position, state="discarded"):
            return False
        await _record(conn, row, "discard", "discarded", actor, note)
        await queries.unpark_key.run(conn, handler_group=handlers.group, ordering_key=row["ordering_key"])
    return True


async def retry_due(db: Database, handlers: Handlers, *, most: int = 100) -> int:
    """Try again what is due; the number of keys tried."""
    async with db.reading() as conn:
        rows = await queries.due_keys.rows(conn, handler_group=handlers.group, most=most)
    for row in rows:
        await redrive(db, handlers, row["ordering_key"])
    return len(rows)


async def _next(conn: Connection, handlers: Handlers, key: str) -> Row | None:
    """The first event that waits, with the queue locked; an empty queue is taken away."""
    if await queries.lock_parked_key.row(conn, handler_group=handlers.group, ordering_key=key) is None:
        return None
    rows = await queries.waiting_of_key.rows(conn, handler_group=handlers.group, ordering_key=key, most=1)
    if rows:
        return rows[0]
    await queries.unpark_key.run(conn, handler_group=handlers.group, ordering_key=key)
    return None


async def _handle(conn: Connection, handlers: Handlers, row: Row) -> None:
    delivery = Delivery(
        event_id=row["event_id"],
        source=row["source"],
        type=row["type"],
        occurred_at=row["occurred_at"],
        ordering_key=row["ordering_key"],
        traceparent=row["traceparent"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["offset"],
        record_key=row["record_key"],
        data=row["data"],
    )
    calls = handlers.plan([delivery])
    await handlers.take_locks(conn, calls)
    if delivery.traceparent:
        conn.traceparents[delivery.ordering_key] = delivery.traceparent
    for call in calls:
        traceparents = [delivery.traceparent] if delivery.traceparent else []
        with processing(delivery.topic, group=handlers.group, handler=call.handler.name, traceparents=traceparents):
            await call.handler.call(conn, call.events)


async def _fail(conn: Connection, row: Row, error: Exception, failure: str) -> None:
    is_temporary = isinstance(error, (Retry, *TRANSIENT, OutcomeUnknown, Overloaded)) and row["attempts"] < ATTEMPTS_MAX
    seconds = error.seconds if isinstance(error, Retry) else TRANSIENT_RETRY_SECONDS
    await queries.fail_dead_letter.run(
        conn,
        position=row["position"],
        state="retry" if is_temporary else "dead",
        reason=_storable(failure),
        retry_seconds=float(seconds),
    )


async def _record(conn: Connection, row: Row, action: str, outcome: str, actor: str, note: str) -> None:
    await queries.record_dead_letter_action.run(
        conn, position=row["position"], action=action, outcome=outcome, actor=actor, note=note
    )


def _storable(reason: str) -> str:
    """The reason, bounded, without what a text column cannot hold."""
    return reason[:2000].replace("\0", "\ufffd").encode("utf-8", errors="replace").decode()
