"""Orders that are paid from savings: who may be charged, and what is given back.

What must stay true: a charge is answered once; never more is given back than was taken; a cooperative never owes the
market more than its limit by a charge.
"""

from collections.abc import Iterable, Mapping, Sequence
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
    NOT_ADMITTED = "not_admitted"
    LIMIT_REACHED = "limit_reached"

    @property
    def told(self) -> str:
        """What the event says. Version 1 knows four reasons: what the market does not let savings pay is too little."""
        own = (Refusal.NOT_ADMITTED, Refusal.LIMIT_REACHED)
        return (Refusal.TOO_LITTLE if self in own else self).value


@dataclass(frozen=True, slots=True)
class Market:
    """What a cooperative may owe the market, and what it owes, in rupiah; below zero the market owes."""

    limit_minor: int
    owed_minor: int


@dataclass(frozen=True, slots=True)
class Buyer:
    """A buyer in a cooperative that is known; without a member when they are none."""

    member_id: UUID | None
    state: MemberState | None
    may_pay_at_market: bool


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
    if buyer.state is not MemberState.ACTIVE:
        return Refusal.NOT_A_MEMBER
    return None if buyer.may_pay_at_market else Refusal.NOT_ADMITTED


def within_limits(
    requests: Iterable[SavingsChargeRequested], rooms: Mapping[UUID, int]
) -> tuple[list[SavingsChargeRequested], list[SavingsChargeRequested]]:
    """Those that fit into what their cooperatives may still owe, in their order, and those that do not."""
    left = dict(rooms)
    fitting, over = [], []
    for request in requests:
        if request.amount_minor <= left.get(request.cooperative_id, 0):
            left[request.cooperative_id] -= request.amount_minor
            fitting.append(request)
        else:
            over.append(request)
    return fitting, over


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
        return SavingsRefused(**common, reason=refusal.told, refused_at=now)
    return SavingsCharged(**common, member_id=member_id, charged_at=now)


def charge_to_refund(charges: Sequence[Charge], amount_minor: int) -> Charge | None:
    """The charge of an order from which an amount can be given back; None when there is none with so much left."""
    return next((charge for charge in charges if charge.open_minor >= amount_minor), None)
