"""Forget a person: contacts, credentials, sessions and name go; the id stays, so that facts keep their subject."""

from datetime import datetime
from uuid import UUID

from services.identity import store
from shared import outbox
from shared.contracts.identity import AccountErased
from shared.db import Connection


async def erase_account(conn: Connection, account_id: UUID, *, now: datetime) -> None:
    """Erase the account. Doing it again changes nothing and publishes nothing."""
    if await store.locked_account(conn, account_id) is None:
        return
    if await store.erase(conn, account_id, now=now):
        outbox.append(conn, AccountErased(account_id=account_id, erased_at=now))
