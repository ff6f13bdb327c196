"""Set stock aside for orders, each whole or not at all."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.catalog import store
from services.catalog.domain.stock import Wanted
from shared import outbox
from shared.db import Connection


@dataclass(frozen=True, slots=True)
class Wish:
    """What an order asks for, the so-many-eth time."""

    order_id: UUID
    attempt: int
    lines: list[Wanted]


async def reserve_stock(conn: Connection, wishes: list[Wish], *, now: datetime) -> None:
    """Answer each wish that is not stale with StockReserved or StockRefused. The products' stock rows are locked.

    Raises OutOfTurn when the stock of one of the orders has left already.
    """
    product_ids = {line.product_id for wish in wishes for line in wish.lines}
    book = await store.open_book(conn, [wish.order_id for wish in wishes], product_ids)
    for wish in wishes:
        if answer := book.reserve(wish.order_id, wish.attempt, wish.lines, now):
            outbox.append(conn, answer)
    await store.save_book(conn, book)
