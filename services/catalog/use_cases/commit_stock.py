"""Let the stock of confirmed orders leave."""

from datetime import datetime
from uuid import UUID

from services.catalog import store
from shared import outbox
from shared.db import Connection


async def commit_stock(conn: Connection, order_ids: list[UUID], *, now: datetime) -> None:
    """StockCommitted for each order whose stock has not left yet. The orders' stock rows are locked.

    Raises OutOfTurn when one of the orders has nothing set aside.
    """
    book = await store.open_book(conn, order_ids)
    for order_id in order_ids:
        if committed := book.commit(order_id, now):
            outbox.append(conn, committed)
    await store.save_book(conn, book)
