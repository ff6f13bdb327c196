"""Forget a person: consents end; profiles, memberships and certificates go. Contracts stay, by their ids.

A loan is kept because the law wants it kept (UU 27/2022 art. 43 and 15); its rows hold ids and amounts only.
"""

from datetime import datetime
from uuid import UUID

from services.financing.store import consents, shops
from services.financing.use_cases.end_consents import end_consents
from shared.db import Connection


async def forget_person(conn: Connection, account_id: UUID, *, erased_at: datetime, now: datetime) -> None:
    """Also when we never heard of them: nothing of them is taken over later."""
    await shops.forget_person(conn, account_id, erased_at=erased_at)  # first: who gives a consent holds the shop
    live = await consents.lock_of_erased(conn, account_id)
    await end_consents(conn, live, "erased", now=now)
