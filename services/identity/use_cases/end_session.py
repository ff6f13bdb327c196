"""Sign out: by refresh token (RFC 7009) or by the id of one's own session."""

from uuid import UUID

from services.identity import store
from services.identity.domain.secrets import fingerprint
from shared.db import Connection
from shared.problems import NotFound


async def revoke_token(conn: Connection, token: str) -> None:
    """End the session of a refresh token. Anything else changes nothing: RFC 7009 section 2.2 wants no error."""
    found = await store.session_of_token(conn, fingerprint(token))
    if found is not None:
        session_id, account_id = found
        await store.end_session(conn, session_id, account_id)


async def end_session(conn: Connection, account_id: UUID, session_id: UUID) -> None:
    """End one's own session. Raises NotFound."""
    if not await store.end_session(conn, session_id, account_id):
        raise NotFound
