"""Exchange a refresh token for new tokens, once. A token that comes a second time ends its session."""

from datetime import datetime, timedelta

import structlog

from services.identity import store
from services.identity.domain.secrets import fingerprint
from services.identity.domain.tokens import REFRESH_DAYS
from services.identity.use_cases.issue_tokens import Signing, Tokens, continue_session
from shared.db import Connection

log = structlog.get_logger()


async def refresh_session(conn: Connection, signing: Signing, refresh_token: str, *, now: datetime) -> Tokens | None:
    """New tokens, or None when the token is not good (any more). Commit in either case: a session may have ended.

    Of a token used twice, one use was not its owner's, and nobody can tell which: both lose the session.
    """
    token_hash = fingerprint(refresh_token)
    found = await store.session_of_token(conn, token_hash)
    if found is None:
        return None
    session_id, account_id = found
    account = await store.locked_account(conn, account_id)
    if account is None or not await store.lock_session(conn, session_id):
        return None
    if not await store.use_refresh_token(conn, token_hash, now=now):
        if await store.was_used(conn, token_hash):
            await store.end_session(conn, session_id, account_id)
            log.warning("refresh_token_reused", account_id=str(account_id), session_id=str(session_id))
        return None
    await store.extend_session(conn, session_id, now=now, expires_at=now + timedelta(days=REFRESH_DAYS))
    return await continue_session(conn, signing, account, session_id, now=now)
