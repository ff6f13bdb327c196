"""The only caller of identity.sql: values in, domain objects out.

Lock order of every change: the account, its contacts, codes, the session, its refresh tokens.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.identity.domain.contacts import Contact, ContactKind
from services.identity.domain.limits import Limit
from services.identity.domain.tokens import NewKey
from shared import sql
from shared.auth import Kind
from shared.db import Connection
from shared.ids import new_id

queries = sql.load(__file__, "identity.sql")


@dataclass(frozen=True, slots=True)
class KnownContact:
    """A contact, whose it is, and the password that goes with it."""

    id: UUID
    account_id: UUID
    is_verified: bool
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """An account that is not erased."""

    id: UUID
    kind: Kind
    name: str
    wants_notices: bool
    registered_at: datetime | None
    password_hash: str | None
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """Where somebody is signed in."""

    id: UUID
    method: str
    started_at: datetime
    used_at: datetime
    expires_at: datetime


async def contact(conn: Connection, contact: Contact) -> KnownContact | None:
    """The contact, if it is anybody's."""
    row = await queries.contact.row(conn, kind=contact.kind, value=contact.value)
    if row is None:
        return None
    return KnownContact(row["id"], row["account_id"], row["verified_at"] is not None, row["hash"])


async def insert_account(
    conn: Connection,
    account_id: UUID,
    *,
    kind: Kind,
    name: str,
    wants_notices: bool,
    now: datetime,
    registered_at: datetime | None,
) -> None:
    """A new account."""
    await queries.insert_account.run(
        conn,
        id=account_id,
        kind=kind,
        name=name,
        wants_notices=wants_notices,
        now=now,
        registered_at=registered_at,
    )


async def claim_contact(conn: Connection, account_id: UUID, contact: Contact, *, now: datetime) -> UUID | None:
    """The id of the contact, now of this account; None when it is somebody else's."""
    claimed: UUID | None = await queries.claim_contact.value(
        conn, id=new_id(), account_id=account_id, kind=contact.kind, value=contact.value, now=now
    )
    return claimed


async def set_password(conn: Connection, account_id: UUID, password_hash: str, *, now: datetime) -> None:
    """Set or replace the password."""
    await queries.set_password.run(conn, account_id=account_id, hash=password_hash, now=now)


async def drop_password(conn: Connection, account_id: UUID) -> bool:
    """Whether there was one."""
    return await queries.drop_password.run(conn, account_id=account_id) > 0


async def locked_account(conn: Connection, account_id: UUID) -> Account | None:
    """The account as it is while we hold its lock; None when it is not there, or erased."""
    if await queries.lock_account.row(conn, id=account_id) is None:
        return None
    return await account(conn, account_id)


async def account(conn: Connection, account_id: UUID) -> Account | None:
    """The account; None when it is not there, or erased."""
    row = await queries.account.row(conn, id=account_id)
    if row is None:
        return None
    return Account(
        row["id"],
        row["kind"],
        row["name"],
        row["wants_notices"],
        row["registered_at"],
        row["hash"],
        tuple(row["roles"]),
    )


async def contacts_of(conn: Connection, account_id: UUID) -> list[tuple[Contact, bool]]:
    """The account's contacts, and whether each is verified."""
    rows = await queries.contacts_of.rows(conn, account_id=account_id)
    return [(Contact(row["kind"], row["value"]), row["verified_at"] is not None) for row in rows]


async def mark_registered(conn: Connection, account_id: UUID, *, now: datetime) -> bool:
    """True the one time that it changes."""
    return await queries.mark_registered.run(conn, id=account_id, now=now) > 0


async def mark_verified(conn: Connection, contact: KnownContact, *, now: datetime) -> bool:
    """True the one time that it changes."""
    return await queries.mark_verified.run(conn, id=contact.id, account_id=contact.account_id, now=now) > 0


async def want_notices(conn: Connection, account_id: UUID, *, wanted: bool) -> bool:
    """Whether the account is there."""
    return await queries.want_notices.run(conn, id=account_id, wanted=wanted) > 0


async def erase(conn: Connection, account_id: UUID, *, now: datetime) -> bool:
    """Delete everything personal of a locked account; True the one time that it changes."""
    await queries.drop_contacts.run(conn, account_id=account_id)
    await queries.drop_password.run(conn, account_id=account_id)
    await queries.end_sessions.run(conn, account_id=account_id)
    await queries.drop_roles.run(conn, account_id=account_id)
    return await queries.erase_account.run(conn, id=account_id, now=now) > 0


async def grant_role(conn: Connection, account_id: UUID, role: str, *, now: datetime, granted_by: UUID | None) -> None:
    """Grant a platform role; `granted_by` None means the command line."""
    await queries.grant_role.run(conn, account_id=account_id, role=role, now=now, granted_by=granted_by)


async def withdraw_role(conn: Connection, account_id: UUID, role: str) -> None:
    """Take a platform role away."""
    await queries.withdraw_role.run(conn, account_id=account_id, role=role)


async def issue_code(conn: Connection, code_id: UUID, contact_id: UUID, *, expires_at: datetime, attempts: int) -> None:
    """Make this the code of the contact."""
    await queries.issue_code.run(conn, id=code_id, contact_id=contact_id, expires_at=expires_at, attempts=attempts)


async def attempt_code(conn: Connection, contact_id: UUID, *, now: datetime) -> UUID | None:
    """Spend one attempt at the contact's code and lock it; its id, or None when there is none that still works."""
    code_id: UUID | None = await queries.attempt_code.value(conn, contact_id=contact_id, now=now)
    return code_id


async def use_code(conn: Connection, code_id: UUID, contact_id: UUID, *, now: datetime) -> bool:
    """Whether it was unused."""
    return await queries.use_code.run(conn, id=code_id, contact_id=contact_id, now=now) > 0


async def insert_session(
    conn: Connection, session_id: UUID, account_id: UUID, *, method: str, now: datetime, expires_at: datetime
) -> None:
    """A new session."""
    await queries.insert_session.run(
        conn, id=session_id, account_id=account_id, method=method, now=now, expires_at=expires_at
    )


async def insert_refresh_token(conn: Connection, token_hash: bytes, session_id: UUID, *, expires_at: datetime) -> None:
    """The session's newest token."""
    await queries.insert_refresh_token.run(conn, hash=token_hash, session_id=session_id, expires_at=expires_at)


async def session_of_token(conn: Connection, token_hash: bytes) -> tuple[UUID, UUID] | None:
    """The session and account of a refresh token, used or not."""
    row = await queries.refresh_token.row(conn, hash=token_hash)
    return None if row is None else (row["session_id"], row["account_id"])


async def lock_session(conn: Connection, session_id: UUID) -> bool:
    """Whether the session is still there."""
    return await queries.lock_session.row(conn, id=session_id) is not None


async def use_refresh_token(conn: Connection, token_hash: bytes, *, now: datetime) -> bool:
    """Whether it was unused and young enough."""
    return await queries.use_refresh_token.run(conn, hash=token_hash, now=now) > 0


async def was_used(conn: Connection, token_hash: bytes) -> bool:
    """Whether the refresh token was used before."""
    return bool(await queries.refresh_token_was_used.value(conn, hash=token_hash))


async def extend_session(conn: Connection, session_id: UUID, *, now: datetime, expires_at: datetime) -> None:
    """The session was used."""
    await queries.extend_session.run(conn, id=session_id, now=now, expires_at=expires_at)


async def sessions_of(
    conn: Connection, account_id: UUID, *, now: datetime, before_at: datetime, before_id: UUID, most: int
) -> list[Session]:
    """The account's sessions, newest first, from a position on."""
    rows = await queries.sessions_of.rows(
        conn, account_id=account_id, now=now, before_at=before_at, before_id=before_id, most=most
    )
    return [Session(**row) for row in rows]


async def end_session(conn: Connection, session_id: UUID, account_id: UUID) -> bool:
    """Whether there was such a session of this account."""
    return await queries.end_session.run(conn, id=session_id, account_id=account_id) > 0


async def end_sessions(conn: Connection, account_id: UUID) -> None:
    """Sign the account out everywhere."""
    await queries.end_sessions.run(conn, account_id=account_id)


async def insert_client(
    conn: Connection, account_id: UUID, *, scopes: tuple[str, ...], secret_hash: bytes, made_by: UUID
) -> None:
    """A machine client's credentials."""
    await queries.insert_client.run(
        conn, account_id=account_id, scopes=list(scopes), secret_hash=secret_hash, made_by=made_by
    )


async def client(conn: Connection, account_id: UUID) -> tuple[tuple[str, ...], bytes] | None:
    """Scopes and the secret's hash of a client."""
    row = await queries.client.row(conn, account_id=account_id)
    return None if row is None else (tuple(row["scopes"]), row["secret_hash"])


async def take_from_limit(conn: Connection, bucket: bytes, limit: Limit) -> bool:
    """Whether the bucket had something left."""
    taken = await queries.take_from_limit.value(conn, key=bucket, every_seconds=limit.every_seconds, burst=limit.burst)
    return taken is not None


async def give_back_to_limit(conn: Connection, bucket: bytes, limit: Limit) -> None:
    """Undo one `take_from_limit`."""
    await queries.give_back_to_limit.run(conn, key=bucket, every_seconds=limit.every_seconds)


async def add_signing_key(conn: Connection, key: NewKey, state: str, *, now: datetime) -> None:
    """Add the key unless there is one in this state."""
    await queries.add_signing_key.run(
        conn, id=key.id, state=state, public_key=key.public_key, private_key=key.private_key, now=now
    )


async def missing_key_states(conn: Connection) -> set[str]:
    """Which of current and next are not there."""
    rows = await queries.signing_key_states.rows(conn)
    return {"current", "next"} - {row["state"] for row in rows}


async def rotate_keys(conn: Connection, *, now: datetime, drop_retired_before: datetime) -> None:
    """The next key becomes current, the current one previous."""
    await queries.lock_signing_keys.rows(conn)
    await queries.retire_current_key.run(conn, now=now)
    await queries.promote_next_key.run(conn)
    await queries.drop_retired_keys.run(conn, before=drop_retired_before)


async def current_signing_key(conn: Connection) -> tuple[str, bytes] | None:
    """Id and encrypted private key."""
    row = await queries.current_signing_key.row(conn)
    return None if row is None else (row["id"], row["private_key"])


async def published_keys(conn: Connection) -> list[dict[str, Any]]:
    """The public keys as JWKs."""
    return [row["public_key"] for row in await queries.published_keys.rows(conn)]


async def buyers_who_want_notices(conn: Connection, account_ids: list[UUID]) -> dict[UUID, UUID]:
    """The contact to write to, of those accounts that asked for notices and have a verified one."""
    rows = await queries.buyers_who_want_notices.rows(conn, account_ids=account_ids)
    return {row["account_id"]: row["contact_id"] for row in rows}


async def address_of_contact(conn: Connection, contact_id: UUID) -> tuple[ContactKind, str] | None:
    """Where to write to; None when it was erased."""
    row = await queries.address_of_contact.row(conn, id=contact_id)
    return None if row is None else (row["kind"], row["value"])


async def forget_expired(conn: Connection, *, now: datetime) -> int:
    """Delete a portion of what has expired; how many rows that were."""
    return (
        await queries.forget_expired_sessions.run(conn, now=now)
        + await queries.forget_expired_refresh_tokens.run(conn, now=now)
        + await queries.forget_expired_codes.run(conn, now=now)
        + await queries.forget_full_buckets.run(conn)
    )
