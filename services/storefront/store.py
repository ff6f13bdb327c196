"""The only caller of storefront.sql: sessions in and out, tokens sealed on the way in and opened on the way out."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.storefront.domain.session import Session, Tokens, Vault, Wanted
from shared import sql
from shared.db import Connection

queries = sql.load(__file__, "storefront.sql")


async def find(conn: Connection, vault: Vault, session_id: bytes, *, now: datetime) -> Session:
    """The session of a cookie; the empty one when there is none."""
    row = await queries.find_session.row(conn, session_id=session_id, now=now)
    if row is None:
        return Session(session_id)
    tokens = vault.open(session_id, row["sealed"]) if row["sealed"] is not None else None
    return Session(
        session_id,
        tokens=tokens,
        account_id=row["account_id"] if tokens is not None else None,
        basket={UUID(product_id): Wanted(**wanted) for product_id, wanted in row["basket"].items()},
        basket_count=row["basket_count"],
    )


async def put_basket(
    conn: Connection,
    session_id: bytes,
    basket: dict[UUID, Wanted],
    *,
    basket_count: int | None = None,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Keep a basket with the session, which begins now if it is new."""
    await queries.put_basket.run(
        conn,
        session_id=session_id,
        basket=_as_json(basket),
        basket_count=len(basket) if basket_count is None else basket_count,
        now=now,
        expires_at=expires_at,
    )


async def count_basket(conn: Connection, session_id: bytes, basket_count: int) -> None:
    """Keep the number of different products in the cart."""
    await queries.count_basket.run(conn, session_id=session_id, basket_count=basket_count)


async def begin(
    conn: Connection, vault: Vault, session: Session, tokens: Tokens, *, now: datetime, expires_at: datetime
) -> None:
    """Begin the session of somebody who signed in."""
    await queries.begin_session.run(
        conn,
        session_id=session.session_id,
        account_id=session.account_id,
        sealed=vault.seal(session.session_id, tokens),
        access_expires_at=tokens.expires_at,
        basket=_as_json(session.wanted),
        basket_count=session.basket_count,
        now=now,
        expires_at=expires_at,
    )


async def end(conn: Connection, session_id: bytes) -> None:
    """The cookie opens nothing any more."""
    await queries.end_session.run(conn, session_id=session_id)


async def end_all_of(conn: Connection, account_id: UUID) -> None:
    """No cookie of this account opens anything any more."""
    await queries.end_sessions_of_account.run(conn, account_id=account_id)


async def claim_refresh(conn: Connection, vault: Vault, session_id: bytes, *, due: datetime) -> Tokens | None:
    """The right to refresh the tokens that end before `due`; None when they need not be or somebody else does it."""
    sealed = await queries.claim_refresh.value(conn, session_id=session_id, due=due)
    return vault.open(session_id, sealed) if sealed is not None else None


async def store_refresh(conn: Connection, vault: Vault, session_id: bytes, tokens: Tokens) -> None:
    """Keep refreshed tokens and let others go on."""
    await queries.store_refresh.run(
        conn,
        session_id=session_id,
        sealed=vault.seal(session_id, tokens),
        access_expires_at=tokens.expires_at,
    )


async def release_refresh(conn: Connection, session_id: bytes) -> None:
    """Let others try to refresh."""
    await queries.release_refresh.run(conn, session_id=session_id)


async def forget_expired(conn: Connection, *, now: datetime) -> int:
    """Remove expired sessions; how many there were."""
    return await queries.forget_expired.run(conn, now=now)


def _as_json(basket: dict[UUID, Wanted]) -> dict[str, Any]:
    return {
        str(product_id): {
            "quantity": wanted.quantity,
            "version": wanted.version,
            "unit_price_minor": wanted.unit_price_minor,
        }
        for product_id, wanted in basket.items()
    }
