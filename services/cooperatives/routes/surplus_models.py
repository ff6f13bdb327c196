"""What routes of patronage and surplus take and answer."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from services.cooperatives.domain.cooperative import CapitalBase
from services.cooperatives.domain.surplus import Rounding
from services.cooperatives.routes.meeting_models import Allocation


class PatronageRole(BaseModel):
    """What a member's dealings on one side count."""

    role: Literal["seller", "buyer"]
    parcels: int
    completed_minor: int
    refunded_minor: int
    net_minor: int


class PatronageEntry(BaseModel):
    """What one parcel counts."""

    parcel_id: UUID
    role: Literal["seller", "buyer"]
    completed_at: AwareDatetime
    completed_minor: int
    refunded_minor: int


class Patronage(BaseModel):
    """A member's patronage of a book year, with its parcels, newest first."""

    member_id: UUID
    year: int
    first_day: date
    last_day: date
    currency: str
    completed_minor: int
    refunded_minor: int
    net_minor: int
    roles: list[PatronageRole]
    items: list[PatronageEntry]
    next_cursor: str | None


class SurplusAsked(BaseModel):
    """How the surplus is divided."""

    allocation: Allocation


class ShareView(BaseModel):
    """What a member gets, and of what; `exact_*` is before rounding, as decimal text."""

    member_id: UUID
    savings_minor: int
    dealings_minor: int
    capital_minor: int
    service_minor: int
    total_minor: int
    exact_capital: str
    exact_service: str


class FundView(BaseModel):
    """A part of the surplus that goes to no member."""

    name: str
    basis_points: int
    amount_minor: int


class SurplusView(BaseModel):
    """A surplus divided. `rounding` says what becomes of fractions of a rupiah; what is left over is in the reserve."""

    cooperative_id: UUID
    year: int
    is_dry_run: bool
    is_year_over: bool
    first_day: date
    last_day: date
    currency: str
    surplus_minor: int
    loss_minor: int
    allocation: dict[str, int]
    rounding: Rounding
    capital_base: CapitalBase
    savings_total_minor: int
    dealings_total_minor: int
    members: int
    members_minor: int
    undistributed_minor: int
    residue_minor: int = Field(description="What rounding left of the members' pools; it is in the reserve.")
    funds: list[FundView]
    meeting_id: UUID | None
    motion_id: UUID | None
    distributed_at: AwareDatetime | None
    items: list[ShareView]
    next_cursor: str | None


class YearView(BaseModel):
    """Where a book year stands; the meeting is the annual one that was closed with its quorum."""

    year: int
    first_day: date
    last_day: date
    is_over: bool
    meeting_due_on: date
    is_meeting_overdue: bool
    meeting_id: UUID | None
    distributed_at: AwareDatetime | None


class OwnSurplus(BaseModel):
    """The caller's own lines of a year."""

    year: int
    surplus_minor: int
    currency: str
    items: list[ShareView]


class PaidOutView(BaseModel):
    """What was moved from the surplus owed to savings."""

    movement_id: UUID
    kind: Literal["voluntary", "payable"]
    amount_minor: int
    tax_minor: int
    currency: str
