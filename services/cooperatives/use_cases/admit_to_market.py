"""Let the savings of a cooperative pay at the market, up to what it may owe there; 0 ends it."""

from datetime import datetime
from uuid import UUID

from services.cooperatives import store
from services.cooperatives.domain.problems import CooperativeNotFound, NeedsAnotherPerson, NotYourTask
from shared.db import Connection


async def admit_to_market(
    conn: Connection, cooperative_id: UUID, limit_minor: int, *, by: UUID, is_operator: bool, now: datetime
) -> None:
    """An operator does, who is neither officer nor member there. What is owed already stays owed.

    Raises CooperativeNotFound, NotYourTask, NeedsAnotherPerson.
    """
    market = await store.lock_market(conn, cooperative_id, by)
    if not is_operator:
        raise NotYourTask if market["is_officer"] else CooperativeNotFound
    if market["is_officer"] or market["is_member"]:
        raise NeedsAnotherPerson
    await store.put_market_limit(
        conn, cooperative_id, limit_minor, before_minor=market["market_limit_minor"], by=by, now=now
    )
