"""Write down who attends a meeting."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.cooperatives.domain.cooperative import ACTING
from services.cooperatives.domain.meeting import MeetingState
from services.cooperatives.domain.problems import MemberNotFound, NotYourTask
from services.cooperatives.store import meetings as store
from shared.db import Connection


async def enter_members(
    conn: Connection, cooperative_id: UUID, meeting_id: UUID, member_ids: Sequence[UUID], *, by: UUID, now: datetime
) -> int:
    """An officer enters members; how many are on the roll then. One who is no member here: nobody is entered.

    Raises MeetingNotFound, NotYourTask, WrongMeetingState, MemberNotFound.
    """
    seat = await store.share_as_officer(conn, cooperative_id, meeting_id, by)
    if seat.office not in ACTING:
        raise NotYourTask
    seat.require(MeetingState.CALLED, MeetingState.OPEN)
    known = await store.add_to_roll(conn, cooperative_id, meeting_id, member_ids, by=by, is_self=False, now=now)
    if known != set(member_ids):
        raise MemberNotFound
    return await store.count_present(conn, meeting_id)


async def check_in(conn: Connection, cooperative_id: UUID, meeting_id: UUID, *, by: UUID, now: datetime) -> int:
    """A member says that they are there; how many are on the roll then.

    Raises MeetingNotFound, WrongMeetingState, NotOnline, TooEarly.
    """
    seat = await store.share_as_member(conn, cooperative_id, meeting_id, by)
    seat.require_check_in(now)
    assert seat.member_id is not None, "a seat that was found by a membership names it"
    await store.add_to_roll(conn, cooperative_id, meeting_id, [seat.member_id], by=by, is_self=True, now=now)
    return await store.count_present(conn, meeting_id)
