"""Forget a person who asked identity to be forgotten."""

from datetime import datetime
from uuid import UUID

from services.cooperatives import store
from shared.db import Connection


async def forget_person(conn: Connection, account_id: UUID, *, erased_at: datetime) -> None:
    """Erase what can be erased now."""
    await store.erase_account(conn, account_id, erased_at=erased_at)
