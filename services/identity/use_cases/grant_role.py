"""Grant platform roles: by an operator, or the first one from the command line."""

from datetime import datetime
from uuid import UUID

from services.identity import store
from services.identity.domain.contacts import Contact
from shared import outbox
from shared.contracts.identity import AccountRegistered
from shared.db import Connection
from shared.ids import new_id
from shared.problems import NotFound


async def grant_role(conn: Connection, account_id: UUID, role: str, *, granted_by: UUID, now: datetime) -> None:
    """Raises NotFound."""
    if await store.locked_account(conn, account_id) is None:
        raise NotFound
    await store.grant_role(conn, account_id, role, now=now, granted_by=granted_by)


async def withdraw_role(conn: Connection, account_id: UUID, role: str) -> None:
    """Take a role away; tokens that name it die within their lifetime. Raises NotFound."""
    if await store.locked_account(conn, account_id) is None:
        raise NotFound
    await store.withdraw_role(conn, account_id, role)


async def add_operator(
    conn: Connection, contact: Contact, *, name: str, password_hash: str | None, now: datetime
) -> UUID:
    """Make the account of `contact` an operator's, registering it first if need be; its id.

    Whoever may run commands on the server vouches for the contact, so it counts as verified. A given password replaces
    the one that was there.
    """
    known = await store.contact(conn, contact)
    if known is None:
        account_id = new_id()
        await store.insert_account(
            conn, account_id, kind="person", name=name, wants_notices=False, now=now, registered_at=None
        )
        claimed = await store.claim_contact(conn, account_id, contact, now=now)
        assert claimed is not None, "nobody registers the contact at this very moment"
        known = store.KnownContact(claimed, account_id, is_verified=False, password_hash=None)
    if await store.locked_account(conn, known.account_id) is None:
        raise NotFound
    await store.mark_verified(conn, known, now=now)
    if password_hash is not None:
        await store.set_password(conn, known.account_id, password_hash, now=now)
    await store.grant_role(conn, known.account_id, "operator", now=now, granted_by=None)
    if await store.mark_registered(conn, known.account_id, now=now):
        outbox.append(conn, AccountRegistered(account_id=known.account_id, kind="person", registered_at=now))
    return known.account_id
