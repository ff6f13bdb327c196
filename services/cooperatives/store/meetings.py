"""The only caller of governance.sql: meetings, the roll, motions, votes and minutes.

The meeting's row is locked before anything is decided: whoever attends or votes shares it, whoever opens, counts or
signs has it alone. So a vote is either counted, or finds the votes closed.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from services.cooperatives.domain.cooperative import CapitalBase, Role
from services.cooperatives.domain.meeting import (
    Attendee,
    CountedMotion,
    Meeting,
    MeetingRules,
    MeetingState,
    OpenBallot,
    Seat,
)
from services.cooperatives.domain.meeting_problems import MeetingNotFound, NotPresent, SignedAlready, VotedAlready
from services.cooperatives.domain.problems import CooperativeNotFound
from services.cooperatives.domain.surplus import Rounding
from shared import sql
from shared.db import Connection
from shared.sql import Row

queries = sql.load(str(Path(__file__).parent), "governance.sql")


async def rules_for_officer(conn: Connection, cooperative_id: UUID, account_id: UUID) -> tuple[MeetingRules, Role]:
    """What the articles say, and the office of whoever asks. Raises CooperativeNotFound for who has none."""
    row = await queries.rules_for_officer.row(conn, cooperative_id=cooperative_id, account_id=account_id)
    if row is None:
        raise CooperativeNotFound
    return _rules(row), Role(row["office"])


async def rules_for_member(conn: Connection, cooperative_id: UUID, account_id: UUID) -> tuple[MeetingRules, UUID]:
    """What the articles say, and the membership of whoever asks. Raises CooperativeNotFound for who has none."""
    row = await queries.rules_for_member.row(conn, cooperative_id=cooperative_id, account_id=account_id)
    if row is None:
        raise CooperativeNotFound
    return _rules(row), row["member_id"]


async def rules_for_anyone_inside(conn: Connection, cooperative_id: UUID, account_id: UUID) -> MeetingRules:
    """What the articles say, to an officer or a member. Raises CooperativeNotFound."""
    row = await queries.rules_for_officer.row(
        conn, cooperative_id=cooperative_id, account_id=account_id
    ) or await queries.rules_for_member.row(conn, cooperative_id=cooperative_id, account_id=account_id)
    if row is None:
        raise CooperativeNotFound
    return _rules(row)


def _rules(row: Row) -> MeetingRules:
    return MeetingRules(
        cooperative_id=row["cooperative_id"],
        book_year_end_month=row["book_year_end_month"],
        quorum_numerator=row["quorum_numerator"],
        quorum_denominator=row["quorum_denominator"],
        quorum_is_more_than=row["quorum_is_more_than"],
        invitation_days=row["invitation_days"],
        capital_base=CapitalBase(row["capital_base"]),
        ballots_are_secret=row["ballots_are_secret"],
        surplus_rounding=Rounding(row["surplus_rounding"]),
    )


async def save_rules(conn: Connection, rules: MeetingRules, *, account_id: UUID) -> bool:
    """Write what the articles say now; False unless it is the chair who says so."""
    changed = await queries.save_meeting_rules.run(
        conn,
        cooperative_id=rules.cooperative_id,
        account_id=account_id,
        quorum_numerator=rules.quorum_numerator,
        quorum_denominator=rules.quorum_denominator,
        quorum_is_more_than=rules.quorum_is_more_than,
        invitation_days=rules.invitation_days,
        ballots_are_secret=rules.ballots_are_secret,
        surplus_rounding=rules.surplus_rounding.value,
        capital_base=rules.capital_base.value,
    )
    return changed == 1


async def insert_meeting(conn: Connection, meeting: Meeting, *, by: UUID, now: datetime) -> None:
    """A new meeting."""
    await queries.insert_meeting.run(
        conn,
        meeting_id=meeting.meeting_id,
        cooperative_id=meeting.cooperative_id,
        kind=meeting.kind,
        year=meeting.year,
        held_at=meeting.held_at,
        is_online=meeting.is_online,
        invited_on=meeting.invited_on,
        invitation_days=meeting.invitation_days,
        ballots_are_secret=meeting.ballots_are_secret,
        agenda=list(meeting.agenda),
        due_on=meeting.due_on,
        called_by=by,
        called_at=now,
    )


async def lock_meeting(
    conn: Connection, cooperative_id: UUID, meeting_id: UUID, account_id: UUID
) -> tuple[Meeting, Role]:
    """The meeting, alone, for an officer, and the office. Raises MeetingNotFound."""
    row = await queries.lock_meeting_for_officer.row(
        conn, cooperative_id=cooperative_id, meeting_id=meeting_id, account_id=account_id
    )
    if row is None:
        raise MeetingNotFound
    return _meeting(row), Role(row["office"])


def _meeting(row: Row) -> Meeting:
    return Meeting(
        meeting_id=row["meeting_id"],
        cooperative_id=row["cooperative_id"],
        kind=row["kind"],
        year=row["year"],
        held_at=row["held_at"],
        is_online=row["is_online"],
        invited_on=row["invited_on"],
        invitation_days=row["invitation_days"],
        ballots_are_secret=row["ballots_are_secret"],
        due_on=row["due_on"],
        state=MeetingState(row["state"]),
        agenda=tuple(row["agenda"]),
        members=row["members"],
        quorum=row["quorum"],
        quorum_numerator=row["quorum_numerator"],
        quorum_denominator=row["quorum_denominator"],
        quorum_is_more_than=row["quorum_is_more_than"],
        present_at_opening=row["present_at_opening"],
        opened_at=row["opened_at"],
        minutes=row["minutes"],
        minutes_sha256=row["minutes_sha256"],
    )


async def share_as_officer(conn: Connection, cooperative_id: UUID, meeting_id: UUID, account_id: UUID) -> Seat:
    """The meeting, with others, for an officer. Raises MeetingNotFound."""
    row = await queries.share_meeting_for_officer.row(
        conn, cooperative_id=cooperative_id, meeting_id=meeting_id, account_id=account_id
    )
    return _seat(row)


async def share_as_member(conn: Connection, cooperative_id: UUID, meeting_id: UUID, account_id: UUID) -> Seat:
    """The meeting, with others, for a member of the cooperative. Raises MeetingNotFound."""
    row = await queries.share_meeting_for_member.row(
        conn, cooperative_id=cooperative_id, meeting_id=meeting_id, account_id=account_id
    )
    return _seat(row)


def _seat(row: Row | None) -> Seat:
    if row is None:
        raise MeetingNotFound
    return Seat(
        row["meeting_id"],
        MeetingState(row["state"]),
        row["is_online"],
        row["held_at"],
        row["ballots_are_secret"],
        row["member_id"],
        None if row["office"] is None else Role(row["office"]),
    )


async def count_members(conn: Connection, cooperative_id: UUID) -> int:
    """How many members have a vote."""
    return int(await queries.count_members.value(conn, cooperative_id=cooperative_id))


async def count_present(conn: Connection, meeting_id: UUID) -> int:
    """How many are on the roll."""
    return int(await queries.count_present.value(conn, meeting_id=meeting_id))


async def add_to_roll(
    conn: Connection,
    cooperative_id: UUID,
    meeting_id: UUID,
    member_ids: Sequence[UUID],
    *,
    by: UUID,
    is_self: bool,
    now: datetime,
) -> set[UUID]:
    """Those of these who are members here; all of them are on the roll now."""
    rows = await queries.add_to_roll.rows(
        conn,
        cooperative_id=cooperative_id,
        meeting_id=meeting_id,
        member_ids=list(member_ids),
        entered_by=by,
        is_self=is_self,
        present_at=now,
    )
    return {row["member_id"] for row in rows}


async def open_meeting(conn: Connection, meeting: Meeting, rules: MeetingRules, *, by: UUID, now: datetime) -> None:
    """Write down with which rule and whom it opened."""
    await queries.open_meeting.run(
        conn,
        meeting_id=meeting.meeting_id,
        opened_by=by,
        opened_at=now,
        members=meeting.members,
        quorum_numerator=rules.quorum_numerator,
        quorum_denominator=rules.quorum_denominator,
        quorum_is_more_than=rules.quorum_is_more_than,
        quorum=meeting.quorum,
        present=meeting.present_at_opening,
    )


async def add_motion(
    conn: Connection,
    meeting_id: UUID,
    motion_id: UUID,
    *,
    kind: str,
    text: str,
    allocation: dict[str, int] | None,
    by: UUID,
    now: datetime,
) -> int:
    """A motion, and which of the meeting it is."""
    return int(
        await queries.add_motion.value(
            conn,
            motion_id=motion_id,
            meeting_id=meeting_id,
            kind=kind,
            text=text,
            allocation=allocation,
            moved_by=by,
            moved_at=now,
        )
    )


async def has_motion(conn: Connection, meeting_id: UUID, motion_id: UUID) -> bool:
    """Whether the motion is one of this meeting."""
    return await queries.motion_of_meeting.row(conn, motion_id=motion_id, meeting_id=meeting_id) is not None


async def cast(
    conn: Connection,
    meeting_id: UUID,
    motion_id: UUID,
    member_id: UUID,
    *,
    choice: str,
    is_secret: bool,
    ballot_id: UUID,
    by: UUID,
) -> None:
    """One vote of a member. Raises VotedAlready, NotPresent."""
    try:
        await queries.cast_vote.run(
            conn, motion_id=motion_id, member_id=member_id, meeting_id=meeting_id, entered_by=by
        )
    except asyncpg.UniqueViolationError as error:
        raise VotedAlready from error
    except asyncpg.ForeignKeyViolationError as error:
        raise NotPresent from error
    await queries.put_ballot_into_box.run(
        conn, ballot_id=ballot_id, motion_id=motion_id, choice=choice, member_id=None if is_secret else member_id
    )


async def is_without_account(conn: Connection, cooperative_id: UUID, member_id: UUID) -> bool:
    """Whether it is a member of this cooperative who cannot sign in."""
    row = await queries.member_without_account.row(conn, cooperative_id=cooperative_id, member_id=member_id)
    return row is not None


async def count(conn: Connection, meeting_id: UUID) -> list[CountedMotion]:
    """Each motion with its votes; secret ballots are shaken first. The meeting is locked."""
    await queries.shake_the_box.run(conn, meeting_id=meeting_id)
    rows = await queries.count_ballots.rows(conn, meeting_id=meeting_id)
    return [
        CountedMotion(
            row["motion_id"],
            row["number"],
            row["kind"],
            row["text"],
            row["allocation"],
            row["yes"],
            row["no"],
            row["abstain"],
        )
        for row in rows
    ]


async def open_ballots(conn: Connection, meeting_id: UUID) -> list[OpenBallot]:
    """Who voted what, where votes are open."""
    rows = await queries.open_ballots.rows(conn, meeting_id=meeting_id)
    return [OpenBallot(row["motion_id"], row["member_id"], row["choice"]) for row in rows]


async def roll(conn: Connection, meeting_id: UUID) -> list[Attendee]:
    """The attendance list."""
    rows = await queries.roll.rows(conn, meeting_id=meeting_id)
    return [Attendee(row["member_id"], row["register_number"], row["is_self"], row["present_at"]) for row in rows]


async def seal(conn: Connection, meeting: Meeting, motions: Sequence[CountedMotion], *, now: datetime) -> None:
    """Write results and minutes; they stay."""
    await queries.save_results.run(
        conn,
        motion_ids=[motion.motion_id for motion in motions],
        yes=[motion.yes for motion in motions],
        no=[motion.no for motion in motions],
        abstain=[motion.abstain for motion in motions],
        carried=[motion.is_carried for motion in motions],
    )
    await queries.seal_minutes.run(
        conn,
        meeting_id=meeting.meeting_id,
        minutes=meeting.minutes,
        minutes_sha256=meeting.minutes_sha256,
        counted_at=now,
        members=meeting.members,
    )


async def results(conn: Connection, meeting_id: UUID) -> list[bool]:
    """Which motions were carried, in their order."""
    return [row["is_carried"] for row in await queries.results.rows(conn, meeting_id=meeting_id)]


async def sign(conn: Connection, meeting_id: UUID, role: Role, account_id: UUID, *, sha256: str, now: datetime) -> None:
    """One signature. Raises SignedAlready."""
    try:
        await queries.sign_minutes.run(
            conn, meeting_id=meeting_id, role=role.value, account_id=account_id, minutes_sha256=sha256, signed_at=now
        )
    except asyncpg.UniqueViolationError as error:
        raise SignedAlready from error


async def signatures(conn: Connection, meeting_id: UUID) -> list[Row]:
    """Who signed what."""
    return await queries.signatures.rows(conn, meeting_id=meeting_id)


async def close(conn: Connection, meeting_id: UUID, *, now: datetime) -> None:
    """The end of the meeting."""
    await queries.close_meeting.run(conn, meeting_id=meeting_id, closed_at=now)


async def meeting_for(conn: Connection, cooperative_id: UUID, meeting_id: UUID, account_id: UUID) -> Row:
    """The meeting as officers and members see it. Raises MeetingNotFound."""
    row = await queries.meeting_for.row(
        conn, cooperative_id=cooperative_id, meeting_id=meeting_id, account_id=account_id
    )
    if row is None:
        raise MeetingNotFound
    return row


async def meetings(
    conn: Connection, cooperative_id: UUID, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Row]:
    """Meetings of a cooperative, newest first; who may see them was asked before."""
    before_at, before_id = before or (None, None)
    return await queries.meetings_for.rows(
        conn, cooperative_id=cooperative_id, before_at=before_at, before_id=before_id, limit=limit
    )


async def motions(conn: Connection, meeting_id: UUID, account_id: UUID) -> list[Row]:
    """The motions of a meeting, and whether the one who looks has voted."""
    return await queries.motions_of.rows(conn, meeting_id=meeting_id, account_id=account_id)


async def names(conn: Connection, meeting_id: UUID) -> dict[UUID, Row]:
    """Register number and name of those on the roll."""
    rows = await queries.names_of_members.rows(conn, meeting_id=meeting_id)
    return {row["member_id"]: row for row in rows}


async def signers(conn: Connection, meeting_id: UUID) -> list[Row]:
    """Who signed, with names of those who are members."""
    return await queries.officers_who_signed.rows(conn, meeting_id=meeting_id)
