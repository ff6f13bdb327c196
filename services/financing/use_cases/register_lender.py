"""Register a licensed partner that may lend."""

from datetime import datetime
from uuid import UUID

from services.financing.store import lenders
from services.financing.store.lenders import Lender
from shared.db import Connection


async def register_lender(
    conn: Connection, *, lender_id: UUID, client_id: UUID, slug: str, name: str, now: datetime
) -> Lender:
    """The new lender; its machine client may act for it from now on. Raises LenderTaken."""
    lender = Lender(lender_id, client_id, slug, name, "active", now)
    await lenders.insert_lender(conn, lender)
    return lender
