"""The outbox: events leave in the transaction that made them true, or not at all.

The table is append-only and is the event log. Each topic has its own sequence; ids are taken at the end of the
transaction, after its row locks (so the ids of one aggregate are in commit order) and after it has a transaction id (so
that the relay can tell when an id that it does not see will never come: see relay.py).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from shared import sql
from shared.clock import utc_now
from shared.contracts.base import Event
from shared.ids import new_id
from shared.telemetry import current_traceparent

if TYPE_CHECKING:
    from shared.db import Connection

queries = sql.load(__file__, "kernel.sql")

EVENT_BYTES_MAX = 512 * 1024  # half of what Kafka takes: one event that it refuses would stop the relay for good


class EventTooLarge(ValueError):
    """An event is larger than can be published; nothing of its transaction happens."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event that waits for its transaction to commit."""

    event_id: UUID
    event: Event
    occurred_at: datetime
    traceparent: str | None


def append(conn: "Connection", *events: Event, traceparent: str | None = None) -> None:
    """Publish `events` if and when the transaction commits.

    The trace is the given one, else that of the event in this batch with the same ordering key, else the current one.
    """
    assert conn.in_transaction, "events are appended inside a transaction"
    now = utc_now()
    for event in events:
        trace = traceparent or conn.traceparents.get(event.ordering_key) or current_traceparent()
        conn.events.append(Outgoing(new_id(), event, now, trace))


async def write(conn: "Connection", events: list[Outgoing], *, source: str) -> None:
    """Write all events of the transaction by one statement, once, just before the commit. Raises EventTooLarge."""
    for outgoing in events:
        assert outgoing.event.declaration.owner == source, f"{source} does not own {outgoing.event.declaration.type}"
    data = [outgoing.event.model_dump_json() for outgoing in events]
    if len(largest := max(data, key=len)) > EVENT_BYTES_MAX:
        raise EventTooLarge(f"an event of {len(largest)} characters; at most {EVENT_BYTES_MAX} can be published")
    await queries.append_to_outbox.run(
        conn,
        topics=[outgoing.event.declaration.topic.name for outgoing in events],
        event_ids=[outgoing.event_id for outgoing in events],
        types=[outgoing.event.declaration.type for outgoing in events],
        record_keys=[outgoing.event.record_key for outgoing in events],
        ordering_keys=[outgoing.event.ordering_key for outgoing in events],
        occurred_ats=[outgoing.occurred_at for outgoing in events],
        traceparents=[outgoing.traceparent for outgoing in events],
        data=data,
    )
