"""What cooperatives owe for orders paid from savings: the only caller of claims.sql."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from shared import sql
from shared.db import Connection
from shared.sql import Row

queries = sql.load(str(Path(__file__).parent), "claims.sql")


async def insert_payment(
    conn: Connection,
    payment_id: UUID,
    cooperative_id: UUID,
    amount_minor: int,
    reference: str,
    *,
    by: UUID,
    now: datetime,
) -> bool:
    """Remember a payment; False when its reference was counted before."""
    inserted = await queries.insert_payment.run(
        conn,
        payment_id=payment_id,
        cooperative_id=cooperative_id,
        amount_minor=amount_minor,
        reference=reference,
        recorded_by=by,
        paid_at=now,
    )
    return inserted == 1


async def claims(conn: Connection, *, after: UUID | None, most: int) -> list[Row]:
    """What each cooperative owes and has paid, by its id."""
    return await queries.claims.rows(conn, cooperative_id=None, after=after, most=most)


async def claim(conn: Connection, cooperative_id: UUID) -> Row | None:
    """The same for one; None when none of its members ever paid an order from savings."""
    return await queries.claims.row(conn, cooperative_id=cooperative_id, after=None, most=1)
