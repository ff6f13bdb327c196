"""Sign in by password, by one-time code, or as a machine client."""

from datetime import datetime
from uuid import UUID

from services.identity import store
from services.identity.domain.contacts import Contact
from services.identity.domain.passwords import Proof
from services.identity.domain.problems import InvalidClient, InvalidGrant, InvalidScope
from services.identity.domain.secrets import is_secret_of
from services.identity.domain.tokens import Bearer
from services.identity.store import KnownContact
from services.identity.use_cases.issue_tokens import Signing, Tokens, sign_for, start_session
from services.identity.use_cases.prove_contact import prove_contact, verify_contact
from shared.db import Connection


async def sign_in_with_password(
    conn: Connection, signing: Signing, known: KnownContact, proof: Proof, *, now: datetime
) -> Tokens:
    """The password was right when it was checked. Raises InvalidGrant if it was changed or dropped meanwhile."""
    account = await store.locked_account(conn, known.account_id)
    if account is None or account.password_hash is None or account.password_hash != known.password_hash:
        raise InvalidGrant
    if proof.hash is not None:
        await store.set_password(conn, account.id, proof.hash, now=now)
    return await start_session(conn, signing, account, method="password", now=now)


async def sign_in_with_code(
    conn: Connection, signing: Signing, contact: Contact, code: str, *, key: bytes, now: datetime
) -> Tokens | None:
    """Tokens, or None when the code is not right; commit in either case.

    The first code also verifies the contact. Whoever set a password before that had not proven it: the password and
    the sessions are dropped. To keep them, verify while signed in.
    """
    proven = await prove_contact(conn, contact, code, key=key, now=now)
    if proven is None:
        return None
    account, known = proven
    if await verify_contact(conn, known, now=now):
        await store.drop_password(conn, account.id)
        await store.end_sessions(conn, account.id)
    return await start_session(conn, signing, account, method="code", now=now)


async def sign_in_client(
    conn: Connection, signing: Signing, client_id: UUID, secret: str, scope: str | None, *, now: datetime
) -> Tokens:
    """An access token for a machine client, with all of its scopes or those it asks for.

    Raises InvalidClient, InvalidScope.
    """
    known = await store.client(conn, client_id)
    if known is None or not is_secret_of(secret, known[1]):
        raise InvalidClient
    account = await store.account(conn, client_id)
    if account is None:
        raise InvalidClient
    scopes = known[0] if not scope else tuple(sorted(set(scope.split())))
    if not set(scopes) <= set(known[0]):
        raise InvalidScope
    signed = await sign_for(conn, signing, Bearer(client_id, "client", account.roles, scopes), now=now)
    return Tokens(signed, signing.lifetime_seconds, None, " ".join(scopes))
