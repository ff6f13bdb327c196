"""What routes of meetings take and answer."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from services.cooperatives.domain.cooperative import CapitalBase, Role
from services.cooperatives.domain.governance import Choice
from services.cooperatives.domain.meeting import MeetingState
from services.cooperatives.domain.surplus import Rounding
from shared.clock import utc_now

Text: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500)]
MotionKind: TypeAlias = Literal["accounts", "surplus", "loss", "plan", "officers", "articles", "other"]
BasisPoints: TypeAlias = Annotated[int, Field(ge=0, le=10_000)]


class Rules(BaseModel):
    """What the articles say of meetings and of the surplus."""

    quorum_numerator: int = Field(ge=1, le=1000)
    quorum_denominator: int = Field(ge=1, le=1000)
    quorum_is_more_than: bool
    invitation_days: int = Field(ge=0, le=90)
    ballots_are_secret: bool
    surplus_rounding: Rounding
    capital_base: CapitalBase

    @model_validator(mode="after")
    def _at_most_all(self) -> "Rules":
        if self.quorum_numerator > self.quorum_denominator:
            raise ValueError("a quorum is at most all members")
        return self


class Allocation(BaseModel):
    """How a surplus is divided, in basis points; 10,000 together."""

    reserve: BasisPoints = 0
    member_capital: BasisPoints = 0
    member_service: BasisPoints = 0
    management: BasisPoints = 0
    staff: BasisPoints = 0
    education: BasisPoints = 0
    social: BasisPoints = 0
    area_development: BasisPoints = 0


class NewMeeting(BaseModel):
    """A meeting to call. `year` is the book year that it is about."""

    kind: Literal["annual", "extraordinary"]
    year: int = Field(ge=2000, le=9998)
    held_at: AwareDatetime
    invited_on: date
    is_online: bool = False
    agenda: list[Text] = Field(min_length=1, max_length=50)

    @model_validator(mode="after")
    def _is_in_reach(self) -> "NewMeeting":
        if abs(self.held_at - utc_now()) > timedelta(days=3660):
            raise ValueError("a meeting is held within ten years")
        return self


class Attendance(BaseModel):
    """Members who are there. Empty: the caller, at an online meeting."""

    member_ids: list[UUID] = Field(default=[], max_length=1000)


class NewMotion(BaseModel):
    """A motion; one on the surplus says how it is to be divided."""

    kind: MotionKind
    text: Text
    allocation: Allocation | None = None

    @model_validator(mode="after")
    def _allocates_only_a_surplus(self) -> "NewMotion":
        if (self.kind == "surplus") != (self.allocation is not None):
            raise ValueError("a motion on the surplus has an allocation, and no other has one")
        return self


class NewBallot(BaseModel):
    """A vote; with a member, the raised hand of a member without an account, written down by an officer."""

    motion_id: UUID
    choice: Choice
    member_id: UUID | None = None


class Closing(BaseModel):
    """The hash of the minutes that the signer has read; the first signer has none to read yet."""

    minutes_sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = None


class Roll(BaseModel):
    """How many are on the roll."""

    present: int


class MotionMoved(BaseModel):
    """A motion of a meeting."""

    motion_id: UUID
    number: int


class Voted(BaseModel):
    """That a vote was counted; not which."""

    motion_id: UUID
    has_voted: bool


class QuorumView(BaseModel):
    """How many must be there, and by which rule; stands from the opening on."""

    numerator: int
    denominator: int
    is_more_than: bool
    members: int
    needed: int
    present_at_opening: int | None
    is_reached: bool


class MotionView(BaseModel):
    """A motion; votes are shown when they are counted."""

    motion_id: UUID
    number: int
    kind: MotionKind
    text: str
    allocation: dict[str, int] | None
    votes_cast: int
    has_voted: bool
    yes: int | None
    no: int | None
    abstain: int | None
    is_carried: bool | None


class SignatureView(BaseModel):
    """Who signed the minutes."""

    role: Role
    account_id: UUID
    signed_at: AwareDatetime


class MeetingView(BaseModel):
    """A meeting as officers and members see it. `due_on`: until when the law lets an annual meeting wait."""

    meeting_id: UUID
    cooperative_id: UUID
    kind: Literal["annual", "extraordinary"]
    year: int
    held_at: AwareDatetime
    is_online: bool
    invited_on: date
    invitation_days: int
    due_on: date
    is_in_time: bool
    ballots_are_secret: bool
    agenda: list[str]
    state: MeetingState
    present: int
    quorum: QuorumView
    motions: list[MotionView]
    minutes_sha256: str | None
    signatures: list[SignatureView]


class MeetingInList(BaseModel):
    """A meeting, shortly."""

    meeting_id: UUID
    kind: Literal["annual", "extraordinary"]
    year: int
    held_at: AwareDatetime
    state: MeetingState
    due_on: date


class MeetingList(BaseModel):
    """Meetings, newest first."""

    items: list[MeetingInList]
    next_cursor: str | None


class MinutesView(BaseModel):
    """The sealed minutes: `text` is what the hash is of, `minutes` the same, read."""

    minutes_sha256: str
    text: str
    minutes: dict[str, Any]
    signatures: list[SignatureView]
