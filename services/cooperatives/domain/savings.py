"""Savings of a member: three kinds while they are one, and what is owed to them afterwards.

What must stay true: principal and mandatory savings are equity and stay while the membership lasts; voluntary savings
are a liability and may be withdrawn; when the membership ends, all of it less debts becomes payable (2102).
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.cooperatives.domain.chart import MANDATORY, PAYABLE, PRINCIPAL, VOLUNTARY
from services.cooperatives.domain.cooperative import Member, MemberState
from services.cooperatives.domain.problems import DebtsNotBooked, PrincipalExceeded


class SavingsKind(StrEnum):
    """simpanan pokok, wajib, sukarela, and what a former member is still to be paid."""

    PRINCIPAL = "principal"
    MANDATORY = "mandatory"
    VOLUNTARY = "voluntary"
    PAYABLE = "payable"

    @property
    def code(self) -> str:
        """Its line in the chart of accounts."""
        return CODES[self]


CODES = {
    SavingsKind.PRINCIPAL: PRINCIPAL,
    SavingsKind.MANDATORY: MANDATORY,
    SavingsKind.VOLUNTARY: VOLUNTARY,
    SavingsKind.PAYABLE: PAYABLE,
}

MAY_DEPOSIT = {
    SavingsKind.PRINCIPAL: (MemberState.CANDIDATE,),
    SavingsKind.MANDATORY: (MemberState.ACTIVE, MemberState.SUSPENDED),
    SavingsKind.VOLUNTARY: (MemberState.ACTIVE,),
}


class Reason(StrEnum):
    """Why savings moved."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    CHARGE = "charge"
    REFUND = "refund"
    ENDED = "ended"
    SURPLUS = "surplus"


@dataclass(frozen=True, slots=True)
class Movement:
    """What one ledger transfer did to one kind of a member's savings; negative when it left."""

    movement_id: UUID
    member_id: UUID
    cooperative_id: UUID
    kind: SavingsKind
    ledger_account_id: UUID
    amount_minor: int


def is_principal_complete(paid_minor: int, amount_minor: int, wanted_minor: int) -> bool:
    """Whether a payment completes the principal savings. Raises PrincipalExceeded when it is more than is wanted."""
    if paid_minor + amount_minor > wanted_minor:
        raise PrincipalExceeded(f"{wanted_minor - paid_minor} is open")
    return paid_minor + amount_minor == wanted_minor


def paid_out(saved_minor: int, debts_minor: int) -> int:
    """What a leaving member gets: savings less debts. Raises DebtsNotBooked when the debts are more."""
    if debts_minor > saved_minor:
        raise DebtsNotBooked
    return saved_minor - debts_minor


def receives(member: Member) -> SavingsKind:
    """Where money that comes back to somebody goes: to a former member it is payable."""
    return SavingsKind.PAYABLE if member.state is MemberState.ENDED else SavingsKind.VOLUNTARY
