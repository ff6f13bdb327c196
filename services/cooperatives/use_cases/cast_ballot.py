"""Vote: one member, one vote, once."""

from uuid import UUID

from services.cooperatives.domain.cooperative import ACTING
from services.cooperatives.domain.governance import Choice
from services.cooperatives.domain.meeting import MeetingState, Seat
from services.cooperatives.domain.meeting_problems import MotionNotFound, VotesThemselves
from services.cooperatives.domain.problems import NotYourTask
from services.cooperatives.store import meetings as store
from shared.db import Connection


async def cast_own_ballot(
    conn: Connection,
    cooperative_id: UUID,
    meeting_id: UUID,
    motion_id: UUID,
    choice: Choice,
    *,
    ballot_id: UUID,
    by: UUID,
) -> None:
    """A member votes. `ballot_id` is random: it must not tell when the ballot was cast.

    Raises MeetingNotFound, WrongMeetingState, MotionNotFound, NotPresent, VotedAlready.
    """
    seat = await store.share_as_member(conn, cooperative_id, meeting_id, by)
    assert seat.member_id is not None, "a seat that was found by a membership names it"
    await _cast(conn, seat, motion_id, seat.member_id, choice, ballot_id=ballot_id, by=by)


async def cast_ballot_for(
    conn: Connection,
    cooperative_id: UUID,
    meeting_id: UUID,
    motion_id: UUID,
    choice: Choice,
    *,
    member_id: UUID,
    ballot_id: UUID,
    by: UUID,
) -> None:
    """An officer writes down the raised hand of a member who has no account.

    Raises MeetingNotFound, NotYourTask, VotesThemselves, WrongMeetingState, MotionNotFound, NotPresent, VotedAlready.
    """
    seat = await store.share_as_officer(conn, cooperative_id, meeting_id, by)
    if seat.office not in ACTING:
        raise NotYourTask
    if not await store.is_without_account(conn, cooperative_id, member_id):
        raise VotesThemselves
    await _cast(conn, seat, motion_id, member_id, choice, ballot_id=ballot_id, by=by)


async def _cast(
    conn: Connection, seat: Seat, motion_id: UUID, member_id: UUID, choice: Choice, *, ballot_id: UUID, by: UUID
) -> None:
    seat.require(MeetingState.OPEN)
    if not await store.has_motion(conn, seat.meeting_id, motion_id):
        raise MotionNotFound
    await store.cast(
        conn,
        seat.meeting_id,
        motion_id,
        member_id,
        choice=choice.value,
        is_secret=seat.ballots_are_secret,
        ballot_id=ballot_id,
        by=by,
    )
