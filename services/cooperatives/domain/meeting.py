"""A meeting of members from the invitation to sealed minutes.

What must stay true: it is called, then opens with its quorum, is counted, and is closed by two signatures, in this
order; a vote has no weight; the minutes are one text that says everything it was decided by, and its hash.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from uuid import UUID

from services.cooperatives.domain.book_year import BookYear
from services.cooperatives.domain.cooperative import CapitalBase, Role
from services.cooperatives.domain.governance import Count, accountability_meeting_due, quorum
from services.cooperatives.domain.meeting_problems import (
    InvitedTooLate,
    NoQuorum,
    NotOnline,
    TooEarly,
    WrongMeetingState,
)
from services.cooperatives.domain.rulebook import RULES
from services.cooperatives.domain.surplus import Rounding
from shared.calendar import WIB, day_of

SIGNING = frozenset({Role.CHAIR, Role.SECRETARY})


class MeetingState(StrEnum):
    """Called; open: members vote; counted: the minutes wait for signatures; closed."""

    CALLED = "called"
    OPEN = "open"
    COUNTED = "counted"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class MeetingRules:
    """What the articles of a cooperative say of meetings and of the surplus."""

    cooperative_id: UUID
    book_year_end_month: int
    quorum_numerator: int
    quorum_denominator: int
    quorum_is_more_than: bool
    invitation_days: int
    capital_base: CapitalBase
    ballots_are_secret: bool
    surplus_rounding: Rounding

    def year(self, year: int) -> BookYear:
        """A book year of the cooperative."""
        return BookYear(year, self.book_year_end_month)

    def due_on(self, year: int) -> date:
        """The last day on which the law lets members meet about a book year."""
        return accountability_meeting_due(RULES, self.year(year).last_day)

    def quorum_of(self, members: int) -> int:
        """How many must be there."""
        share = Fraction(self.quorum_numerator, self.quorum_denominator)
        return quorum(members, share, is_more_than=self.quorum_is_more_than)


@dataclass(frozen=True, slots=True)
class Seat:
    """What somebody who attends or votes must know of the meeting: `member_id` of a member, `office` of an officer."""

    meeting_id: UUID
    state: MeetingState
    is_online: bool
    held_at: datetime
    ballots_are_secret: bool
    member_id: UUID | None
    office: Role | None

    def require(self, *states: MeetingState) -> None:
        """Raise WrongMeetingState unless the meeting is in one of these."""
        _require(self.state, states)

    def require_check_in(self, now: datetime) -> None:
        """Members enter themselves at online meetings, from the hour before on. Raises NotOnline, TooEarly."""
        self.require(MeetingState.CALLED, MeetingState.OPEN)
        if not self.is_online:
            raise NotOnline
        if now < self.held_at - timedelta(hours=1):
            raise TooEarly


@dataclass(frozen=True, slots=True)
class Attendee:
    """Somebody on the roll; `is_self`: they entered themselves."""

    member_id: UUID
    register_number: int
    is_self: bool
    present_at: datetime


@dataclass(frozen=True, slots=True)
class OpenBallot:
    """A vote that names its member."""

    motion_id: UUID
    member_id: UUID
    choice: str


@dataclass(frozen=True, slots=True)
class CountedMotion:
    """A motion with its votes; the allocation is in basis points by fund."""

    motion_id: UUID
    number: int
    kind: str
    text: str
    allocation: Mapping[str, int] | None
    yes: int
    no: int
    abstain: int

    @property
    def is_carried(self) -> bool:
        """More than half of the votes said yes."""
        return Count(self.yes, self.no, self.abstain, 0).is_carried


@dataclass(frozen=True, slots=True)
class Meeting:
    """One meeting. What is None is not known before it opens, or before it is counted."""

    meeting_id: UUID
    cooperative_id: UUID
    kind: str
    year: int
    held_at: datetime
    is_online: bool
    invited_on: date
    agenda: tuple[str, ...]
    due_on: date = date.min
    invitation_days: int = 0
    ballots_are_secret: bool = False
    state: MeetingState = MeetingState.CALLED
    members: int | None = None
    quorum: int | None = None
    quorum_numerator: int | None = None
    quorum_denominator: int | None = None
    quorum_is_more_than: bool | None = None
    present_at_opening: int | None = None
    opened_at: datetime | None = None
    minutes: str | None = None
    minutes_sha256: str | None = None

    @property
    def has_quorum(self) -> bool:
        """A meeting opens with its quorum or not at all."""
        return self.opened_at is not None

    def called(self, rules: MeetingRules) -> "Meeting":
        """As the articles and the law want it called."""
        return replace(
            self,
            invitation_days=rules.invitation_days,
            ballots_are_secret=rules.ballots_are_secret,
            due_on=rules.due_on(self.year),
        )

    def require(self, *states: MeetingState) -> None:
        """Raise WrongMeetingState unless it is in one of these."""
        _require(self.state, states)

    def check_invitation(self) -> None:
        """Raise InvitedTooLate when fewer days lie between invitation and meeting than the articles ask."""
        if (day_of(self.held_at) - self.invited_on).days < self.invitation_days:
            raise InvitedTooLate(f"members are invited {self.invitation_days} days before, at the latest")

    def check_begun(self, now: datetime) -> None:
        """Raise TooEarly before it begins."""
        if now < self.held_at:
            raise TooEarly

    def opened(self, rules: MeetingRules, *, members: int, present: int, now: datetime) -> "Meeting":
        """Open, by the articles as they are now. Raises NoQuorum, TooEarly, WrongMeetingState."""
        self.require(MeetingState.CALLED)
        self.check_begun(now)
        needed = rules.quorum_of(members)
        if present < needed or not present:
            raise NoQuorum(f"{present} of {members} members are there, {needed} are needed")
        return replace(
            self,
            state=MeetingState.OPEN,
            members=members,
            quorum=needed,
            quorum_numerator=rules.quorum_numerator,
            quorum_denominator=rules.quorum_denominator,
            quorum_is_more_than=rules.quorum_is_more_than,
            present_at_opening=present,
            opened_at=now,
        )


def compose_minutes(
    meeting: Meeting,
    motions: Sequence[CountedMotion],
    *,
    roll: Sequence[Attendee],
    open_ballots: Sequence[OpenBallot],
    counted_at: datetime,
) -> str:
    """The minutes: canonical JSON (sorted keys, no spaces). People stand in it by their ids and register numbers."""
    document = {
        "meeting_id": str(meeting.meeting_id),
        "cooperative_id": str(meeting.cooperative_id),
        "kind": meeting.kind,
        "year": meeting.year,
        "held_at": _moment(meeting.held_at),
        "is_online": meeting.is_online,
        "invitation": {"sent_on": meeting.invited_on.isoformat(), "days_required": meeting.invitation_days},
        "accountability_due_on": meeting.due_on.isoformat(),
        "is_in_time": day_of(meeting.held_at) <= meeting.due_on,
        "agenda": list(meeting.agenda),
        "members": meeting.members,
        "quorum": {
            "is_reached": meeting.has_quorum,
            "numerator": meeting.quorum_numerator,
            "denominator": meeting.quorum_denominator,
            "is_more_than": meeting.quorum_is_more_than,
            "needed": meeting.quorum,
            "present_at_opening": meeting.present_at_opening,
            "opened_at": None if meeting.opened_at is None else _moment(meeting.opened_at),
        },
        "present": len(roll),
        "roll": [
            {
                "member_id": str(row.member_id),
                "register_number": row.register_number,
                "is_self": row.is_self,
                "present_at": _moment(row.present_at),
            }
            for row in roll
        ],
        "ballots_are_secret": meeting.ballots_are_secret,
        "motions": [
            {
                "motion_id": str(motion.motion_id),
                "number": motion.number,
                "kind": motion.kind,
                "text": motion.text,
                "allocation": motion.allocation,
                "yes": motion.yes,
                "no": motion.no,
                "abstain": motion.abstain,
                "is_carried": motion.is_carried,
                "votes": [
                    {"member_id": str(ballot.member_id), "choice": ballot.choice}
                    for ballot in open_ballots
                    if ballot.motion_id == motion.motion_id
                ],
            }
            for motion in motions
        ],
        "counted_at": _moment(counted_at),
    }
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def hash_of(minutes: str) -> str:
    """SHA-256 of the minutes' UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(minutes.encode()).hexdigest()


def _moment(moment: datetime) -> str:
    return moment.astimezone(WIB).isoformat()


def _require(state: MeetingState, states: Sequence[MeetingState]) -> None:
    if state not in states:
        raise WrongMeetingState(f"the meeting is {state.value}")
