"""Give back what cancelled orders had set aside."""

from datetime import datetime
from uuid import UUID

from services.catalog import store
from shared import outbox
from shared.db import Connection


async def release_stock(conn: Connection, order_ids: list[UUID], *, now: datetime) -> None:
    """StockReleased for each order that had stock set aside. The orders' stock rows are locked."""
    book = await store.open_book(conn, order_ids)
    for order_id in order_ids:
        if released := book.cancel(order_id, now):
            outbox.append(conn, released)
    await store.save_book(conn, book)
