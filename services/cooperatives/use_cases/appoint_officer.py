"""Give offices, and end them."""

from datetime import datetime
from uuid import UUID

from services.cooperatives import store
from services.cooperatives.domain.cooperative import Role
from services.cooperatives.domain.problems import AccountGone, LastOfficer
from shared.db import Connection


async def appoint_officer(
    conn: Connection,
    cooperative_id: UUID,
    account_id: UUID,
    role: Role,
    *,
    by: UUID,
    is_operator: bool,
    now: datetime,
) -> None:
    """An acting officer appoints another person; an operator does where no acting officer is left.

    Raises CooperativeNotFound, NotYourTask, OfficeTaken, AccountGone.
    """
    await store.lock_cooperative(conn, cooperative_id)
    if not (is_operator and await store.is_without_officers(conn, cooperative_id)):
        officer = await store.lock_as_officer(conn, cooperative_id, by)
        officer.require()
    if await store.erased_among(conn, [account_id]):
        raise AccountGone
    await store.insert_officers(conn, cooperative_id, [(account_id, role)], by=by, now=now)


async def dismiss_officer(conn: Connection, cooperative_id: UUID, account_id: UUID, *, by: UUID, now: datetime) -> None:
    """An acting officer ends an office, also their own. Raises CooperativeNotFound, NotYourTask, LastOfficer."""
    await store.lock_cooperative(conn, cooperative_id)
    officer = await store.lock_as_officer(conn, cooperative_id, by)
    officer.require()
    await store.as_officer(conn, cooperative_id, account_id)
    if not await store.end_office(conn, cooperative_id, account_id, at=now):
        raise LastOfficer
