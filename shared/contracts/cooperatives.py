"""Facts of cooperatives: who is a member, what was paid from savings, what a meeting decided. Keyed by cooperative."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import Amount, Currency, Event, Moment, RegionCode, event, topic

COOPERATIVES = topic("lumbung.cooperatives", owner="cooperatives", keyed_by="cooperative_id")

Year = Field(ge=1945, le=9999, description="The book year.")
Count = Field(ge=0)


@event(
    "cooperatives.cooperative_registered",
    version=1,
    topic=COOPERATIVES,
    keyed_by="cooperative_id",
    ordered_by="cooperative_id",
)
class CooperativeRegistered(Event):
    """A cooperative keeps its register here from now on."""

    cooperative_id: UUID
    kind: Literal["primer", "sekunder"]
    region_code: RegionCode
    registered_at: Moment


class MemberFact(Event):
    """Who in which cooperative. A member without an account is served by the officers."""

    cooperative_id: UUID
    member_id: UUID
    account_id: UUID | None
    region_code: RegionCode


@event("cooperatives.member_admitted", version=1, topic=COOPERATIVES, keyed_by="cooperative_id", ordered_by="member_id")
class MemberAdmitted(MemberFact):
    """Approved, principal savings paid in full, entered in the register."""

    admitted_at: Moment


@event("cooperatives.member_resigned", version=1, topic=COOPERATIVES, keyed_by="cooperative_id", ordered_by="member_id")
class MemberResigned(MemberFact):
    """The membership ended, for whatever reason; savings are paid out less debts."""

    reason: Literal["resigned", "died", "dismissed", "dissolved"]
    resigned_at: Moment


@event("cooperatives.member_linked", version=1, topic=COOPERATIVES, keyed_by="cooperative_id", ordered_by="member_id")
class MemberLinked(MemberFact):
    """A member who was admitted without an account has one from now on."""

    linked_at: Moment


class SavingsAnswer(Event):
    """The answer to savings_charge_requested, once per charge."""

    charge_id: UUID
    order_id: UUID
    cooperative_id: UUID
    amount_minor: Amount
    currency: Currency


@event("cooperatives.savings_charged", version=1, topic=COOPERATIVES, keyed_by="cooperative_id", ordered_by="order_id")
class SavingsCharged(SavingsAnswer):
    """The amount left the buyer's voluntary savings; the cooperative owes it to the market (clearing)."""

    member_id: UUID
    charged_at: Moment


@event("cooperatives.savings_refused", version=1, topic=COOPERATIVES, keyed_by="cooperative_id", ordered_by="order_id")
class SavingsRefused(SavingsAnswer):
    """Nothing was taken."""

    reason: Literal["unknown_cooperative", "not_a_member", "too_little", "expired"]
    refused_at: Moment


@event(
    "cooperatives.meeting_closed",
    version=1,
    topic=COOPERATIVES,
    keyed_by="cooperative_id",
    ordered_by="cooperative_id",
)
class MeetingClosed(Event):
    """A members' meeting ended and its minutes are sealed."""

    cooperative_id: UUID
    meeting_id: UUID
    kind: Literal["annual", "extraordinary"]
    year: int = Year
    members: int = Count
    present: int = Count
    has_quorum: bool
    motions_passed: int = Count
    motions_rejected: int = Count
    minutes_sha256: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="Of the sealed minutes: later ones that differ are not these.",
    )
    closed_at: Moment


@event(
    "cooperatives.surplus_distributed",
    version=1,
    topic=COOPERATIVES,
    keyed_by="cooperative_id",
    ordered_by="cooperative_id",
)
class SurplusDistributed(Event):
    """The year's surplus (SHU) was divided as the meeting decided, to the rupiah."""

    cooperative_id: UUID
    year: int = Year
    meeting_id: UUID
    surplus_minor: Amount
    members_minor: Amount = Field(description="What of it goes to members.")
    members: int = Count
    currency: Currency
    distributed_at: Moment
