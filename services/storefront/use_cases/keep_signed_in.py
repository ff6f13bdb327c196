"""Renew a session's access token when it is about to end, once however many pages ask at the same moment."""

import asyncio
from datetime import datetime, timedelta

from services.storefront import store
from services.storefront.domain.session import REFRESH_EARLY, Session, Tokens, Vault
from services.storefront.upstream import Network, Refused, Unreachable
from shared.clock import utc_now
from shared.db import Database
from shared.problems import Problem

WAIT_SECONDS = 10.0
LOOK_SECONDS = 0.05


class SignInNeeded(Problem):
    """Sign in to go on."""

    status = 401
    slug = "sign-in-needed"


class DeskSignInNeeded(SignInNeeded):
    """Sign in as a lender to go on."""


def desk_token(session: Session) -> str:
    """A lender's token that is good now. Raises DeskSignInNeeded: its secret is not kept, so nobody can renew it."""
    if session.tokens is None or not session.tokens.is_client or not session.tokens.is_fresh(utc_now()):
        raise DeskSignInNeeded
    return session.tokens.access


class TokenKeeper:
    """Gives out access tokens that are good for the request at hand.

    Refresh tokens work once: within this process one task per session asks identity, between processes a lease in the
    session's row decides who does; the others wait for the result.
    """

    def __init__(self, db: Database, vault: Vault, network: Network) -> None:
        self._db = db
        self._vault = vault
        self._network = network
        self._refreshing: dict[bytes, asyncio.Task[Tokens]] = {}

    async def access_token(self, session: Session) -> str:
        """A person's token that is good now. Raises SignInNeeded or Unreachable."""
        if session.tokens is None or session.tokens.is_client:
            raise SignInNeeded
        if session.tokens.is_fresh(utc_now()):
            return session.tokens.access
        task = self._refreshing.get(session.session_id)
        if task is None:
            task = asyncio.create_task(self._refresh(session.session_id))
            self._refreshing[session.session_id] = task
            task.add_done_callback(lambda _: self._refreshing.pop(session.session_id, None))
        return (await asyncio.shield(task)).access

    async def _refresh(self, session_id: bytes) -> Tokens:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while True:
                    async with self._db.reading() as conn:
                        due = utc_now() + REFRESH_EARLY
                        mine = await store.claim_refresh(conn, self._vault, session_id, due=due)
                    if mine is not None:
                        return await self._ask_identity(session_id, mine)
                    async with self._db.reading() as conn:
                        session = await store.find(conn, self._vault, session_id, now=utc_now())
                    if session.tokens is None:
                        raise SignInNeeded
                    if session.tokens.is_fresh(utc_now()):
                        return session.tokens
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError as error:
            raise Unreachable("the session could not be renewed in time") from error

    async def _ask_identity(self, session_id: bytes, old: Tokens) -> Tokens:
        form = {"grant_type": "refresh_token", "refresh_token": old.refresh}
        try:
            answer = await self._network.identity.call("POST", "/v1/token", form=form)
        except Refused as refusal:
            async with self._db.transaction() as conn:
                await store.end(conn, session_id)
            raise SignInNeeded from refusal
        except Unreachable:
            async with self._db.transaction() as conn:
                await store.release_refresh(conn, session_id)
            raise
        tokens = tokens_of(answer, name=old.name, now=utc_now(), refresh=old.refresh)
        async with self._db.transaction() as conn:
            await store.store_refresh(conn, self._vault, session_id, tokens)
        return tokens


def tokens_of(answer: dict[str, object], *, name: str, now: datetime, refresh: str = "") -> Tokens:
    """The tokens in an answer of identity's token endpoint. Raises Unreachable when it makes no sense."""
    access, seconds = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(access, str) or not isinstance(seconds, int):
        raise Unreachable("identity answered without a token")
    return Tokens(
        access=access,
        refresh=str(answer.get("refresh_token") or refresh),
        expires_at=now + timedelta(seconds=seconds),
        name=name,
    )
