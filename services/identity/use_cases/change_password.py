"""Set or change a password after a contact was proven by a code, and sign everybody out."""

from datetime import datetime

from services.identity import store
from services.identity.store import KnownContact
from services.identity.use_cases.prove_contact import verify_contact
from shared.db import Connection


async def change_password(conn: Connection, proven: KnownContact, password_hash: str, *, now: datetime) -> None:
    """The account is locked by the proof. The contact counts as verified from now on."""
    await verify_contact(conn, proven, now=now)
    await store.set_password(conn, proven.account_id, password_hash, now=now)
    await store.end_sessions(conn, proven.account_id)
