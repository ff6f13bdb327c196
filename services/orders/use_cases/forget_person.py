"""Forget a person: no more orders, the cart emptied, addresses of orders that have ended erased.

An order under way keeps its address, because somebody has to bring the parcel; the sweeper erases it when it has ended.
"""

from datetime import datetime
from uuid import UUID

from services.orders import store
from shared.db import Connection


async def forget_person(conn: Connection, account_id: UUID, *, erased_at: datetime) -> None:
    """Erase what can be erased now."""
    await store.erase_account(conn, account_id, erased_at=erased_at)
    await erase_addresses(conn)


async def erase_addresses(conn: Connection) -> int:
    """Erase addresses of ended orders of forgotten people, a bounded number; how many."""
    return await store.erase_addresses(conn, most=1000)
