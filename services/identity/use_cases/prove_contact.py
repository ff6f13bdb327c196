"""Prove by a one-time code that a contact is one's own. The database decides who uses a code, once."""

from datetime import datetime

from services.identity import store
from services.identity.domain.contacts import Contact
from services.identity.domain.secrets import code_digits, is_same_code
from services.identity.store import Account, KnownContact
from shared import outbox
from shared.contracts.identity import AccountRegistered
from shared.db import Connection


async def prove_contact(
    conn: Connection, contact: Contact, code: str, *, key: bytes, now: datetime
) -> tuple[Account, KnownContact] | None:
    """The locked account that the code proves; None when the code is not right, which has cost an attempt.

    Commit in either case: a wrong attempt that is rolled back could be repeated for ever.
    """
    known = await store.contact(conn, contact)
    if known is None:
        return None
    account = await store.locked_account(conn, known.account_id)
    if account is None:
        return None
    code_id = await store.attempt_code(conn, known.id, now=now)
    if code_id is None or not is_same_code(code, code_digits(key, code_id, known.id)):
        return None
    used = await store.use_code(conn, code_id, known.id, now=now)
    assert used, "the row was locked unused"
    return account, known


async def verify_contact(conn: Connection, known: KnownContact, *, now: datetime) -> bool:
    """Mark a proven contact as verified; True the one time that it changes."""
    is_new = await store.mark_verified(conn, known, now=now)
    if await store.mark_registered(conn, known.account_id, now=now):
        outbox.append(conn, AccountRegistered(account_id=known.account_id, kind="person", registered_at=now))
    return is_new
