"""Put sold goods back on the shelf: of parcels that are not sent, and of returns."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.catalog import store
from services.catalog.domain.stock import RestockKind
from shared import outbox
from shared.db import Connection


@dataclass(frozen=True, slots=True)
class Comeback:
    """Goods that come back; `source_id` (a parcel or a return) does so once."""

    source_id: UUID
    order_id: UUID
    parcel_id: UUID
    lines: list[tuple[UUID, int]]


async def restock(conn: Connection, kind: RestockKind, comebacks: list[Comeback], *, now: datetime) -> None:
    """StockReleased for each comeback that is new. The orders' stock rows are locked.

    Raises OutOfTurn when goods come back that have not left, or that came back before.
    """
    fresh = await store.record_restocks(
        conn, kind, [(each.source_id, each.order_id, each.lines) for each in comebacks], now=now
    )
    book = await store.open_book(conn, [each.order_id for each in comebacks])
    for each in comebacks:
        if each.source_id in fresh:
            outbox.append(conn, book.restock(kind, each.order_id, each.parcel_id, each.lines, now))
    await store.save_book(conn, book)
