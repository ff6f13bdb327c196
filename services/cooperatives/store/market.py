"""What cooperatives may owe the market, and what they owe: the only caller of market.sql."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from uuid import UUID

from services.cooperatives.domain.charging import Market
from services.cooperatives.domain.problems import CooperativeNotFound
from shared import sql
from shared.contracts.clearing import SavingsClaimPaid
from shared.db import Connection
from shared.sql import Row

queries = sql.load(str(Path(__file__).parent), "market.sql")


async def lock_market(conn: Connection, cooperative_id: UUID, account_id: UUID) -> Row:
    """The limit, and whether the account is inside; the cooperative is locked. Raises CooperativeNotFound."""
    row = await queries.lock_market.row(conn, cooperative_id=cooperative_id, account_id=account_id)
    if row is None:
        raise CooperativeNotFound
    return row


async def put_market_limit(
    conn: Connection, cooperative_id: UUID, limit_minor: int, *, before_minor: int, by: UUID, now: datetime
) -> None:
    """Another limit in rupiah, and who set it; under the cooperative's lock."""
    await queries.put_market_limit.run(
        conn,
        cooperative_id=cooperative_id,
        limit_minor=limit_minor,
        before_minor=before_minor,
        changed_by=by,
        changed_at=now,
    )


async def markets(conn: Connection, cooperative_ids: Iterable[UUID]) -> dict[UUID, Market]:
    """What each of these may owe and owes; of one that is not known, nothing comes back."""
    rows = await queries.markets.rows(conn, cooperative_ids=list(set(cooperative_ids)))
    return {row["cooperative_id"]: Market(row["market_limit_minor"], row["owed_minor"]) for row in rows}


async def is_clearing_payment_booked(conn: Connection, payment_id: UUID) -> bool:
    """Whether a payment to the market is in the books already."""
    return await queries.clearing_payment.value(conn, payment_id=payment_id) is not None


async def insert_clearing_payment(
    conn: Connection, paid: SavingsClaimPaid, *, from_bank_minor: int, now: datetime
) -> None:
    """Remember a payment to the market."""
    await queries.insert_clearing_payment.run(
        conn,
        payment_id=paid.payment_id,
        cooperative_id=paid.cooperative_id,
        amount_minor=paid.amount_minor,
        from_bank_minor=from_bank_minor,
        paid_at=paid.paid_at,
        booked_at=now,
    )
