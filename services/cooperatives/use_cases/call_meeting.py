"""Invite the members to a meeting."""

from datetime import datetime
from uuid import UUID

from services.cooperatives.domain.cooperative import ACTING
from services.cooperatives.domain.meeting import Meeting
from services.cooperatives.domain.meeting_problems import YearNotOver
from services.cooperatives.domain.problems import NotYourTask
from services.cooperatives.store import meetings as store
from shared.db import Connection


async def call_meeting(conn: Connection, meeting: Meeting, *, by: UUID, must_be_over: bool, now: datetime) -> Meeting:
    """The meeting with what the articles and the law say of it. An annual meeting comes after its book year.

    Raises CooperativeNotFound, NotYourTask, InvitedTooLate, YearNotOver.
    """
    rules, office = await store.rules_for_officer(conn, meeting.cooperative_id, by)
    if office not in ACTING:
        raise NotYourTask
    meeting = meeting.called(rules)
    meeting.check_invitation()
    if must_be_over and meeting.kind == "annual" and meeting.held_at < rules.year(meeting.year).ends_at:
        raise YearNotOver
    await store.insert_meeting(conn, meeting, by=by, now=now)
    return meeting
