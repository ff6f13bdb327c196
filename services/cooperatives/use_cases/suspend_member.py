"""Suspend a member, and let them resume."""

from datetime import datetime
from uuid import UUID

from services.cooperatives import store
from services.cooperatives.domain.cooperative import MemberState
from shared.db import Connection


async def suspend_member(conn: Connection, cooperative_id: UUID, member_id: UUID, *, by: UUID, now: datetime) -> None:
    """No voluntary savings are taken in or spent until they resume.

    Raises CooperativeNotFound, NotYourTask, MemberNotFound, NeedsAnotherPerson, NotInThisState.
    """
    await _change(conn, cooperative_id, member_id, MemberState.ACTIVE, MemberState.SUSPENDED, by=by, now=now)


async def resume_member(conn: Connection, cooperative_id: UUID, member_id: UUID, *, by: UUID, now: datetime) -> None:
    """Active again. Raises the same."""
    await _change(conn, cooperative_id, member_id, MemberState.SUSPENDED, MemberState.ACTIVE, by=by, now=now)


async def _change(
    conn: Connection,
    cooperative_id: UUID,
    member_id: UUID,
    before: MemberState,
    after: MemberState,
    *,
    by: UUID,
    now: datetime,
) -> None:
    await store.lock_cooperative(conn, cooperative_id)
    officer = await store.lock_as_officer(conn, cooperative_id, by)
    officer.require()
    member = await store.lock_member(conn, cooperative_id, member_id)
    officer.is_not(member.account_id)
    member.require(before)
    await store.change_state(conn, member, after, by=by, at=now)
