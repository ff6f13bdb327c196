"""Register a machine client: a lender's system, a carrier, a benchmark."""

from datetime import datetime
from uuid import UUID

from services.identity import store
from services.identity.domain.secrets import fingerprint, new_secret
from shared import outbox
from shared.contracts.identity import AccountRegistered
from shared.db import Connection
from shared.ids import new_id


async def register_client(
    conn: Connection, name: str, scopes: tuple[str, ...], *, made_by: UUID, now: datetime
) -> tuple[UUID, str]:
    """The client's id, and its secret, which is told this once."""
    client_id, secret = new_id(), new_secret()
    await store.insert_account(
        conn, client_id, kind="client", name=name, wants_notices=False, now=now, registered_at=now
    )
    await store.insert_client(conn, client_id, scopes=scopes, secret_hash=fingerprint(secret), made_by=made_by)
    outbox.append(conn, AccountRegistered(account_id=client_id, kind="client", registered_at=now))
    return client_id, secret
