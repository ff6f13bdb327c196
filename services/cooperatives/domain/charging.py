"""Orders that are paid from savings: who may be charged, and what is given back.

What must stay true: a charge is answered once; never more is given back than was taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.cooperatives.domain.cooperative import Member, MemberState
from shared.contracts.cooperatives import SavingsCharged, SavingsRefused
from shared.contracts.orders import SavingsChargeRequested


class Refusal(StrEnum):
    """Why nothing was taken."""

    UNKNOWN_COOPERATIVE = "unknown_cooperative"
    NOT_A_MEMBER = "not_a_member"
    TOO_LITTLE = "too_little"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Buyer:
    """A buyer in a cooperative that is known; without a member when they are none."""

    member_id: UUID | None
    state: MemberState | None


@dataclass(frozen=True, slots=True)
class Charge:
    """What was taken for an order, and is not given back yet."""

    charge_id: UUID
    member: Member
    open_minor: int


def refusal_of(request: SavingsChargeRequested, buyer: Buyer | None, *, now: datetime) -> Refusal | None:
    """Why a charge cannot even be tried; `buyer` is None when the cooperative is not known."""
    if request.expires_at <= now:
        return Refusal.EXPIRED
    if buyer is None:
        return Refusal.UNKNOWN_COOPERATIVE
    return None if buyer.state is MemberState.ACTIVE else Refusal.NOT_A_MEMBER


def answer(
    request: SavingsChargeRequested, member_id: UUID | None, refusal: Refusal | None, *, now: datetime
) -> SavingsCharged | SavingsRefused:
    """What orders is told."""
    common = {
        "charge_id": request.charge_id,
        "order_id": request.order_id,
        "cooperative_id": request.cooperative_id,
        "amount_minor": request.amount_minor,
        "currency": request.currency,
    }
    if refusal is not None:
        return SavingsRefused(**common, reason=refusal.value, refused_at=now)
    return SavingsCharged(**common, member_id=member_id, charged_at=now)


def charge_to_refund(charges: Sequence[Charge], amount_minor: int) -> Charge | None:
    """The charge of an order from which an amount can be given back; None when there is none with so much left."""
    return next((charge for charge in charges if charge.open_minor >= amount_minor), None)
