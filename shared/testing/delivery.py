"""Delivering events to handlers as a broker would: once, twice, and killed just before the commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from uuid import UUID

from shared.clock import utc_now
from shared.contracts.base import Delivery, Event
from shared.db import Connection, Database, Isolation
from shared.handlers import Handlers
from shared.ids import new_id
from shared.worker import Runner

E = TypeVar("E", bound=Event)

KERNEL_TABLES = frozenset(
    {"outbox", "outbox_cursor", "inbox", "parked_keys", "dead_letters", "dead_letter_actions", "migrations"}
)


class Killed(BaseException):
    """The process died: nothing after this point happened."""


def delivery_of(event: Event, *, event_id: UUID | None = None, traceparent: str | None = None) -> Delivery:
    """The delivery of `event`, as if its owner had published it just now."""
    return Delivery(
        event_id=event_id or new_id(),
        source=event.declaration.owner,
        type=event.declaration.type,
        occurred_at=utc_now(),
        ordering_key=event.ordering_key,
        traceparent=traceparent,
        topic=event.declaration.topic.name,
        partition=0,
        offset=0,
        record_key=event.record_key,
        data=event.model_dump_json().encode(),
    )


async def deliver(db: Database, handlers: Handlers, *events: Event | Delivery) -> None:
    """One batch, handled to its end (an event that fails is set aside, as in production)."""
    batch = [event if isinstance(event, Delivery) else delivery_of(event) for event in events]
    await Runner(db, handlers).process(batch)


class _Mortal(Database):
    """A database whose client dies after the work of a transaction and before its commit."""

    @asynccontextmanager
    async def transaction(self, isolation: Isolation = "read_committed") -> AsyncIterator[Connection]:
        async with super().transaction(isolation) as conn:
            yield conn
            raise Killed


async def deliver_killed(db: Database, handlers: Handlers, *events: Event | Delivery) -> None:
    """The handlers run, then the process dies before the commit."""
    batch = [event if isinstance(event, Delivery) else delivery_of(event) for event in events]
    try:
        await Runner(_Mortal(db.pool, source=db.source, settings=db.settings), handlers).process(batch)
    except Killed:
        return
    raise AssertionError("the handlers finished without a transaction")


async def published(db: Database, kind: type[E], **fields: Any) -> list[E]:
    """The events of a type in the outbox whose fields have the given values, oldest first."""
    async with db.reading() as conn:
        rows = await conn.fetch(
            "SELECT data::text AS data FROM outbox WHERE type = $1 ORDER BY topic, id", kind.declaration.type
        )
    events = [kind.read(row["data"].encode()) for row in rows]
    return [event for event in events if all(getattr(event, name) == value for name, value in fields.items())]


async def snapshot(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that is the service's own, and the events in its outbox without their ids and times."""
    async with db.reading() as conn:
        tables = await conn.fetch(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND NOT relispartition ORDER BY relname"
        )
        state: dict[str, list[tuple[Any, ...]]] = {}
        for (table,) in tables:
            if table not in KERNEL_TABLES:
                rows = await conn.fetch(f"SELECT t::text AS row FROM {table} AS t ORDER BY 1")  # noqa: S608  a name of ours
                state[table] = [tuple(row) for row in rows]
        rows = await conn.fetch("SELECT type, ordering_key, data::text FROM outbox ORDER BY topic, id")
        state["outbox"] = [tuple(row) for row in rows]
    return state


async def check_handler(db: Database, handlers: Handlers, event: Event) -> None:
    """The three tests every handler gets: killed before commit changes nothing, then once, then twice is once.

    Leaves the event handled, so that the caller can look at its effect.
    """
    delivery = delivery_of(event)
    before = await snapshot(db)
    await deliver_killed(db, handlers, delivery)
    assert await snapshot(db) == before, "a handler that was killed before its commit left something behind"
    await deliver(db, handlers, delivery)
    once = await snapshot(db)
    async with db.reading() as conn:
        dead = await conn.fetchval("SELECT reason FROM dead_letters WHERE event_id = $1", delivery.event_id)
    assert dead is None, f"the handler failed: {dead}"
    await deliver(db, handlers, delivery)
    assert await snapshot(db) == once, "an event delivered twice had another effect than once"
