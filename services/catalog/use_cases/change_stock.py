"""Count stock in or out."""

from dataclasses import dataclass
from uuid import UUID

from services.catalog import store
from shared.db import Connection


@dataclass(frozen=True, slots=True)
class StockLevel:
    """What can be sold, and what is set aside for orders."""

    available: int
    reserved: int


async def change_stock(conn: Connection, *, product_id: UUID, change: int, by: UUID) -> StockLevel:
    """The stock afterwards; everybody who works in the shop may count. Only the stock row is locked.

    Raises ProductNotFound, StockBelowReserved, StockAboveLimit.
    """
    row = await store.change_stock(conn, product_id, change, account_id=by)
    return StockLevel(row["available"], row["reserved"])
