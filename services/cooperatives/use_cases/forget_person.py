"""Forget a person who asked identity to be forgotten.

The register of members is kept by law: a living membership keeps name and number and goes on without an account; an
ended one keeps number and dates, and its name only until the last rupiah is paid out. Waiting applications are erased.
"""

from datetime import datetime
from uuid import UUID

from services.cooperatives import store
from shared.db import Connection


async def forget_person(conn: Connection, account_id: UUID, *, erased_at: datetime) -> None:
    """Erase what can be erased now."""
    await store.erase_account(conn, account_id, erased_at=erased_at)
    await store.forget_person(conn, account_id, erased_at=erased_at)
