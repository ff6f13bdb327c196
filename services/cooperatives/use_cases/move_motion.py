"""Put a motion before a meeting."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from services.cooperatives.domain.allocation import check_allocation
from services.cooperatives.domain.cooperative import ACTING
from services.cooperatives.domain.meeting import MeetingState
from services.cooperatives.domain.problems import NotYourTask
from services.cooperatives.store import meetings as store
from shared.db import Connection


async def move_motion(
    conn: Connection,
    cooperative_id: UUID,
    meeting_id: UUID,
    motion_id: UUID,
    *,
    kind: str,
    text: str,
    allocation: Mapping[str, int] | None,
    by: UUID,
    now: datetime,
) -> int:
    """Which motion of the meeting it is. One on the surplus carries how it is to be divided, in basis points.

    Raises MeetingNotFound, NotYourTask, WrongMeetingState, AllocationNotWhole.
    """
    meeting, office = await store.lock_meeting(conn, cooperative_id, meeting_id, by)
    if office not in ACTING:
        raise NotYourTask
    meeting.require(MeetingState.CALLED, MeetingState.OPEN)
    return await store.add_motion(
        conn,
        meeting_id,
        motion_id,
        kind=kind,
        text=text,
        allocation=None if allocation is None else check_allocation(allocation),
        by=by,
        now=now,
    )
