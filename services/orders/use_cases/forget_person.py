"""Forget a person: no more orders, the cart emptied, addresses of orders that have ended erased, and bank accounts.

An order under way keeps its address, because somebody has to bring the parcel, and a bank account stays while money is
due to it; the sweeper erases them when that has ended.
"""

from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.store import bank_accounts
from shared.db import Connection


async def forget_person(conn: Connection, account_id: UUID, *, erased_at: datetime) -> None:
    """Erase what can be erased now."""
    await store.erase_account(conn, account_id, erased_at=erased_at)
    await erase_addresses(conn)
    await erase_bank_accounts(conn, now=erased_at)


async def erase_addresses(conn: Connection) -> int:
    """Erase addresses of ended orders of forgotten people, a bounded number; how many."""
    return await store.erase_addresses(conn, most=1000)


async def erase_bank_accounts(conn: Connection, *, now: datetime) -> int:
    """Erase bank accounts of forgotten people to whom nothing is due, a bounded number; how many."""
    return await bank_accounts.erase_bank_accounts(conn, most=1000, now=now)
