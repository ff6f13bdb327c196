"""Cooperatives, their officers and their members, as values.

What must stay true: officers act for the cooperative, supervisors (pengawas) look and do not act; nobody decides what
is their own or what they asked for themselves.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.cooperatives.domain.governance import Kind
from services.cooperatives.domain.problems import NeedsAnotherPerson, NotInThisState, NotYourTask
from shared.contracts.cooperatives import CooperativeRegistered, MemberAdmitted, MemberResigned


class Role(StrEnum):
    """Offices: chair, secretary and treasurer lead the cooperative (pengurus), the supervisor watches (pengawas)."""

    CHAIR = "ketua"
    SECRETARY = "sekretaris"
    TREASURER = "bendahara"
    SUPERVISOR = "pengawas"


ACTING = frozenset({Role.CHAIR, Role.SECRETARY, Role.TREASURER})


class MemberState(StrEnum):
    """calon, anggota, non-aktif, and what is left when it is over."""

    CANDIDATE = "candidate"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


class EndReason(StrEnum):
    """Why a membership ends."""

    RESIGNED = "resigned"
    DIED = "died"
    DISMISSED = "dismissed"
    DISSOLVED = "dissolved"


class CapitalBase(StrEnum):
    """Which savings count for the service to capital (jasa modal)."""

    PRINCIPAL_AND_MANDATORY = "principal_and_mandatory"
    ALL_SAVINGS = "all_savings"


@dataclass(frozen=True, slots=True)
class Officer:
    """Somebody who holds an office in a cooperative."""

    cooperative_id: UUID
    account_id: UUID
    role: Role

    def require(self, roles: frozenset[Role] = ACTING) -> None:
        """Raise NotYourTask unless the office is one of these."""
        if self.role not in roles:
            raise NotYourTask

    def is_not(self, account_id: UUID | None) -> None:
        """Raise NeedsAnotherPerson when the officer would decide about themselves."""
        if self.account_id == account_id:
            raise NeedsAnotherPerson


@dataclass(frozen=True, slots=True)
class Articles:
    """What the articles (AD/ART) of a cooperative say; money in rupiah, quorum as a share of the members."""

    book_year_end_month: int
    principal_savings_minor: int
    withdrawal_limit_minor: int
    quorum_numerator: int
    quorum_denominator: int
    quorum_is_more_than: bool
    invitation_days: int
    capital_base: CapitalBase


@dataclass(frozen=True, slots=True)
class Cooperative:
    """A cooperative that keeps its register here."""

    cooperative_id: UUID
    name: str
    kind: Kind
    region_code: str
    legal_number: str | None
    national_number: str | None
    articles: Articles
    registered_at: datetime

    def as_registered_event(self) -> CooperativeRegistered:
        """The fact that it is here."""
        return CooperativeRegistered(
            cooperative_id=self.cooperative_id,
            kind=self.kind.value,
            region_code=self.region_code,
            registered_at=self.registered_at,
        )


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a cooperative, from candidate to former member."""

    member_id: UUID
    cooperative_id: UUID
    state: MemberState
    account_id: UUID | None
    region_code: str
    register_number: int | None

    def require(self, *states: MemberState) -> None:
        """Raise NotInThisState unless it is in one of these."""
        if self.state not in states:
            raise NotInThisState(f"the member is {self.state.value}")

    def as_admitted_event(self, *, at: datetime) -> MemberAdmitted:
        """The fact of the register entry."""
        return MemberAdmitted(
            cooperative_id=self.cooperative_id,
            member_id=self.member_id,
            account_id=self.account_id,
            region_code=self.region_code,
            admitted_at=at,
        )

    def as_resigned_event(self, reason: EndReason, *, at: datetime) -> MemberResigned:
        """The fact that the membership ended."""
        return MemberResigned(
            cooperative_id=self.cooperative_id,
            member_id=self.member_id,
            account_id=self.account_id,
            region_code=self.region_code,
            reason=reason.value,
            resigned_at=at,
        )
