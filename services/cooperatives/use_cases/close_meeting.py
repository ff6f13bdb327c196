"""End a meeting: the first signature counts the votes and seals the minutes, the second closes it."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.cooperatives.domain.cooperative import Role
from services.cooperatives.domain.meeting import SIGNING, Meeting, MeetingState, compose_minutes, hash_of
from services.cooperatives.domain.meeting_problems import MinutesDiffer
from services.cooperatives.domain.problems import NotYourTask
from services.cooperatives.store import meetings as store
from shared import outbox
from shared.contracts.cooperatives import MeetingClosed
from shared.db import Connection


async def close_meeting(
    conn: Connection, cooperative_id: UUID, meeting_id: UUID, *, by: UUID, sha256: str | None, now: datetime
) -> Meeting:
    """Sign as chair or secretary; `sha256` is what the signer has read. A meeting without quorum is closed too.

    Raises MeetingNotFound, NotYourTask, WrongMeetingState, TooEarly, MinutesDiffer, SignedAlready.
    """
    meeting, office = await store.lock_meeting(conn, cooperative_id, meeting_id, by)
    if office not in SIGNING:
        raise NotYourTask
    if meeting.state is not MeetingState.COUNTED:
        meeting = await _count(conn, meeting, now=now)
    assert meeting.minutes_sha256 is not None, "counted minutes have a hash"
    if sha256 is not None and sha256 != meeting.minutes_sha256:
        raise MinutesDiffer
    await store.sign(conn, meeting_id, office, by, sha256=meeting.minutes_sha256, now=now)
    signed = {Role(row["role"]) for row in await store.signatures(conn, meeting_id)}
    return await _close(conn, meeting, now=now) if signed == SIGNING else meeting


async def _count(conn: Connection, meeting: Meeting, *, now: datetime) -> Meeting:
    """Nobody votes any more: the meeting is locked, and from the commit on no longer open."""
    meeting.require(MeetingState.CALLED, MeetingState.OPEN)
    meeting.check_begun(now)
    if meeting.members is None:
        meeting = replace(meeting, members=await store.count_members(conn, meeting.cooperative_id))
    motions = await store.count(conn, meeting.meeting_id)
    minutes = compose_minutes(
        meeting,
        motions,
        roll=await store.roll(conn, meeting.meeting_id),
        open_ballots=await store.open_ballots(conn, meeting.meeting_id),
        counted_at=now,
    )
    sealed = replace(meeting, state=MeetingState.COUNTED, minutes=minutes, minutes_sha256=hash_of(minutes))
    await store.seal(conn, sealed, motions, now=now)
    return sealed


async def _close(conn: Connection, meeting: Meeting, *, now: datetime) -> Meeting:
    await store.close(conn, meeting.meeting_id, now=now)
    results = await store.results(conn, meeting.meeting_id)
    outbox.append(
        conn,
        MeetingClosed(
            cooperative_id=meeting.cooperative_id,
            meeting_id=meeting.meeting_id,
            kind="annual" if meeting.kind == "annual" else "extraordinary",
            year=meeting.year,
            members=meeting.members or 0,
            present=await store.count_present(conn, meeting.meeting_id),
            has_quorum=meeting.has_quorum,
            motions_passed=sum(results),
            motions_rejected=len(results) - sum(results),
            minutes_sha256=meeting.minutes_sha256,
            closed_at=now,
        ),
    )
    return replace(meeting, state=MeetingState.CLOSED)
