"""Open a meeting: from now on it can decide."""

from datetime import datetime
from uuid import UUID

from services.cooperatives.domain.cooperative import ACTING
from services.cooperatives.domain.meeting import Meeting
from services.cooperatives.domain.problems import NotYourTask
from services.cooperatives.store import meetings as store
from shared.db import Connection


async def open_meeting(conn: Connection, cooperative_id: UUID, meeting_id: UUID, *, by: UUID, now: datetime) -> Meeting:
    """The quorum is computed from the register and the roll as they are now, and stands for the whole meeting.

    Raises MeetingNotFound, NotYourTask, WrongMeetingState, TooEarly, NoQuorum.
    """
    meeting, office = await store.lock_meeting(conn, cooperative_id, meeting_id, by)
    if office not in ACTING:
        raise NotYourTask
    rules, _ = await store.rules_for_officer(conn, cooperative_id, by)
    opened = meeting.opened(
        rules,
        members=await store.count_members(conn, cooperative_id),
        present=await store.count_present(conn, meeting_id),
        now=now,
    )
    await store.open_meeting(conn, opened, rules, by=by, now=now)
    return opened
