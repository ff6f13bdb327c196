"""Issue tokens: a signed access token, and for people a session with a refresh token that is good once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from cryptography.fernet import Fernet

from services.identity import store
from services.identity.domain.secrets import fingerprint, new_secret
from services.identity.domain.tokens import REFRESH_DAYS, Bearer, access_token, open_signing_key
from shared.db import Connection
from shared.ids import new_id


@dataclass(frozen=True, slots=True)
class Signing:
    """What is needed to sign."""

    vault: Fernet
    lifetime_seconds: int


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What the bearer gets."""

    access_token: str
    expires_in: int
    refresh_token: str | None
    scope: str


async def sign_for(conn: Connection, signing: Signing, bearer: Bearer, *, now: datetime) -> str:
    """An access token, signed with the current key. Raises WrongServerKey."""
    stored = await store.current_signing_key(conn)
    assert stored is not None, "keys are made at the start of the service"
    key = open_signing_key(signing.vault, stored[1])
    return access_token(key, bearer, token_id=new_id(), now=now, lifetime_seconds=signing.lifetime_seconds)


async def start_session(
    conn: Connection, signing: Signing, account: store.Account, *, method: Literal["password", "code"], now: datetime
) -> Tokens:
    """Sign a locked account in."""
    session_id = new_id()
    expires_at = now + timedelta(days=REFRESH_DAYS)
    await store.insert_session(conn, session_id, account.id, method=method, now=now, expires_at=expires_at)
    return await continue_session(conn, signing, account, session_id, now=now)


async def continue_session(
    conn: Connection, signing: Signing, account: store.Account, session_id: UUID, *, now: datetime
) -> Tokens:
    """New tokens for a session."""
    refresh_token = new_secret()
    expires_at = now + timedelta(days=REFRESH_DAYS)
    await store.insert_refresh_token(conn, fingerprint(refresh_token), session_id, expires_at=expires_at)
    bearer = Bearer(account.id, account.kind, account.roles)
    signed = await sign_for(conn, signing, bearer, now=now)
    return Tokens(signed, signing.lifetime_seconds, refresh_token, "")
