"""What people look at: orders, lists, what is stuck. Every query takes who is asking."""

from pathlib import Path
from typing import Any
from uuid import UUID

from shared import sql
from shared.db import Connection
from shared.sql import Row

queries = sql.load(str(Path(__file__).parent), "reading.sql")


async def read_order(conn: Connection, order_id: UUID, *, account_id: UUID, is_operator: bool) -> Row | None:
    """Everything there is to say about one order, for whoever may see it; None for everybody else."""
    return await queries.visible_order.row(conn, order_id=order_id, account_id=account_id, is_operator=is_operator)


async def orders_of_buyer(
    conn: Connection, buyer_id: UUID, *, status: str | None, before: UUID | None, most: int
) -> list[Row]:
    """A buyer's orders, newest first."""
    return await queries.orders_of_buyer.rows(conn, buyer_id=buyer_id, status=status, before=before, most=most)


async def orders_of_shop(
    conn: Connection, shop_id: UUID, *, account_id: UUID, status: str | None, before: UUID | None, most: int
) -> list[Row]:
    """Orders with a parcel of this shop, newest first; none for who does not work there."""
    return await queries.orders_of_shop.rows(
        conn, shop_id=shop_id, account_id=account_id, status=status, before=before, most=most
    )


async def shops_of_staff(conn: Connection, account_id: UUID) -> list[UUID]:
    """Where the account works."""
    return [row["shop_id"] for row in await queries.shops_of_staff.rows(conn, account_id=account_id)]


async def parcels_of_orders(conn: Connection, order_ids: list[UUID]) -> list[Row]:
    """The parcels of these orders."""
    return await queries.parcels_of_orders.rows(conn, order_ids=order_ids)


async def stuck_orders(conn: Connection, *, grace_seconds: float, most: int) -> list[dict[str, Any]]:
    """Orders that have waited longer than they should."""
    rows = await queries.stuck_orders.rows(conn, grace_seconds=grace_seconds, most=most)
    return [dict(row) for row in rows]


async def count_stuck(conn: Connection, *, grace_seconds: float) -> dict[str, int]:
    """The same as figures, by status."""
    rows = await queries.count_stuck.rows(conn, grace_seconds=grace_seconds)
    return dict.fromkeys(("placed", "reserved", "reclaiming"), 0) | {row["status"]: row["orders"] for row in rows}
