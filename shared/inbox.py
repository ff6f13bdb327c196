"""The inbox: which events a handler group has recorded, in the transaction of their effects.

A row per (group, source, event id): a delivery that comes again finds its row and is nothing new.
"""

from shared import sql
from shared.contracts.base import Delivery
from shared.db import Connection

queries = sql.load(__file__, "kernel.sql")


async def record(conn: Connection, group: str, deliveries: list[Delivery]) -> list[Delivery]:
    """Record the batch by one statement; the deliveries that are new, in their order, each event once."""
    rows = await queries.record_in_inbox.rows(
        conn,
        handler_group=group,
        sources=[d.source for d in deliveries],
        event_ids=[d.event_id for d in deliveries],
        occurred_ats=[d.occurred_at for d in deliveries],
        types=[d.type for d in deliveries],
    )
    new = {(row["source"], row["event_id"]) for row in rows}
    fresh = []
    for delivery in deliveries:
        if (delivery.source, delivery.event_id) in new:
            new.discard((delivery.source, delivery.event_id))
            fresh.append(delivery)
    return fresh
