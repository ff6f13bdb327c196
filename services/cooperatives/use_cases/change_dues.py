"""Change the mandatory savings per month, as a meeting decided, for months that have not begun."""

from datetime import date, datetime
from uuid import UUID

from services.cooperatives import store
from services.cooperatives.domain.cooperative import Role
from services.cooperatives.domain.problems import MonthHasBegun
from shared.calendar import day_of
from shared.db import Connection


async def change_dues(
    conn: Connection, cooperative_id: UUID, from_month: date, monthly_minor: int, *, by: UUID, now: datetime
) -> None:
    """The chair does. Raises CooperativeNotFound, NotYourTask, MonthHasBegun."""
    await store.lock_cooperative(conn, cooperative_id)
    officer = await store.lock_as_officer(conn, cooperative_id, by)
    officer.require(frozenset({Role.CHAIR}))
    if from_month <= day_of(now):
        raise MonthHasBegun
    await store.put_dues(conn, cooperative_id, from_month, monthly_minor)
