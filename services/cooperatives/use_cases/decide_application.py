"""Approve or reject an application."""

from datetime import datetime
from uuid import UUID

from services.cooperatives import store
from services.cooperatives.domain.problems import AccountGone, ApplicationDecided
from services.cooperatives.store.members import NewMember
from shared.db import Connection
from shared.ids import new_id


async def approve_application(
    conn: Connection, cooperative_id: UUID, application_id: UUID, *, by: UUID, now: datetime
) -> UUID:
    """The new candidate's member id; a member only when the principal savings are paid.

    Raises CooperativeNotFound, NotYourTask, ApplicationNotFound, ApplicationDecided, NeedsAnotherPerson (one's own),
    AppliedAlready, AccountGone.
    """
    officer = await store.lock_as_officer(conn, cooperative_id, by)
    officer.require()
    application = await store.lock_application(conn, cooperative_id, application_id)
    officer.is_not(application.account_id)
    if not application.is_waiting:
        raise ApplicationDecided
    if application.account_id is not None and await store.erased_among(conn, [application.account_id]):
        raise AccountGone
    member = NewMember(
        new_id(),
        application.account_id,
        application.name,
        application.phone,
        application.identity_hash,
        application.region_code,
    )
    await store.insert_members(conn, cooperative_id, [member], is_founder=False, by=by, now=now)
    await store.decide_application(conn, application_id, member_id=member.member_id, by=by, at=now)
    return member.member_id


async def reject_application(
    conn: Connection, cooperative_id: UUID, application_id: UUID, *, by: UUID, now: datetime
) -> None:
    """Who applied is forgotten. Raises CooperativeNotFound, NotYourTask, ApplicationNotFound, ApplicationDecided."""
    officer = await store.lock_as_officer(conn, cooperative_id, by)
    officer.require()
    application = await store.lock_application(conn, cooperative_id, application_id)
    officer.is_not(application.account_id)
    if not application.is_waiting:
        raise ApplicationDecided
    await store.decide_application(conn, application_id, member_id=None, by=by, at=now)
