"""Book money: what came in, what is settled, what goes back, as movements of the ledger.

What must stay true: each movement's id follows from what happened, so that it is booked once; a use case gathers its
movements and posts them together, once in its transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.orders.domain.refunds import RefundedPart
from services.orders.domain.settlement import StandingPart, take_back
from services.orders.store import Incoming, Settlement, accounts
from services.orders.store.accounts import Movement
from shared.ledger import NewAccount

AT_THE_DOOR = "cod"  # the provider of cash
SAVINGS = "savings"  # the provider of cooperatives' savings
IMMEDIATE = frozenset({AT_THE_DOOR, SAVINGS})  # shops hand cash back, cooperatives credit savings again


def where_it_is(provider: str, order_id: UUID, cooperative_id: UUID | None) -> NewAccount:
    """The account of money that came through this provider."""
    if provider == AT_THE_DOOR:
        return accounts.cash_at_the_door(order_id)
    if provider == SAVINGS:
        assert cooperative_id is not None, "savings are of a cooperative"
        return accounts.savings_clearing(cooperative_id)
    return accounts.cash(provider, order_id)


def money_in(order_id: UUID, money: Incoming, cooperative_id: UUID | None = None) -> Movement:
    """A buyer's money is here, and not earned yet."""
    movement = Movement(
        accounts.transfer_id("receipt", money.provider, money.provider_reference),
        "money_received",
        money.received_at,
        {"order_id": str(order_id)},
    )
    where = where_it_is(money.provider, order_id, cooperative_id)
    movement.move(where, accounts.unsettled(order_id), money.amount_minor)
    return movement


def settled(settlement: Settlement, *, now: datetime) -> Movement:
    """A completed parcel's money is earned. Cash that the shop took at the door is set off against what it gets."""
    parcel, order_id = settlement.parcel, settlement.parcel.order_id
    movement = Movement(
        parcel.parcel_id,
        "parcel_settled",
        now,
        {"order_id": str(order_id), "parcel_id": str(parcel.parcel_id)},
        {} if settlement.event_id is None else {"event_id": str(settlement.event_id)},
    )
    for part in settlement.parts:
        movement.move(accounts.unsettled(order_id), _owner(part.kind, part.party_id, order_id), part.amount_minor)
        if parcel.is_cash:
            movement.move(accounts.payee(parcel.shop_id), accounts.cash_at_the_door(order_id), part.amount_minor)
    return movement


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Money that goes back, and where it came from. `shop_of` names the shop of each parcel."""

    refund_id: UUID
    order_id: UUID
    provider: str
    amount_minor: int
    cooperative_id: UUID | None
    shop_of: Mapping[UUID, UUID]

    @property
    def is_immediate(self) -> bool:
        """Whether it is made when it is written."""
        return self.provider in IMMEDIATE


def refunded(
    refund: Outgoing, parts: Sequence[RefundedPart], standing: Mapping[UUID, Sequence[StandingPart]], *, now: datetime
) -> tuple[Movement, list[tuple[UUID, int, int]]]:
    """What a refund takes back from whom, and what of settled parts that is: parcel, number, amount.

    A part of a settled parcel comes from its payees, the commission and the tax; all else was never earned.
    """
    order_id = refund.order_id
    movement = Movement(
        refund.refund_id,
        "refund",
        now,
        {"order_id": str(order_id), "refund_id": str(refund.refund_id)} | _one_parcel(parts),
    )
    taken: list[tuple[UUID, int, int]] = []
    for part in parts:
        goes_to = _goes_to(refund, part)
        if part.is_of_settled:
            for one, amount_minor in take_back(standing[part.parcel_id], part.product_id, part.amount_minor):
                movement.move(_owner(one.kind, one.party_id, order_id), goes_to, amount_minor)
                taken.append((part.parcel_id, one.number, amount_minor))
        else:
            movement.move(accounts.unsettled(order_id), goes_to, part.amount_minor)
    rest_minor = refund.amount_minor - sum(part.amount_minor for part in parts)  # money that was never the order's
    movement.move(accounts.unsettled(order_id), _goes_to(refund, None), rest_minor)
    return movement, taken


def refund_sent(refund: Outgoing, *, now: datetime) -> Movement:
    """The provider has sent what was owed to the buyer."""
    movement = Movement(
        accounts.transfer_id("refund_made", refund.refund_id),
        "refund_made",
        now,
        {"order_id": str(refund.order_id), "refund_id": str(refund.refund_id)},
    )
    cash = accounts.cash(refund.provider, refund.order_id)
    movement.move(accounts.owed_to_buyers(refund.order_id), cash, refund.amount_minor)
    return movement


def _owner(kind: str, party_id: UUID, order_id: UUID) -> NewAccount:
    if kind == "commission":
        return accounts.commission(order_id)
    if kind == "tax":
        return accounts.tax_withheld(order_id)
    return accounts.payee(party_id)


def _goes_to(refund: Outgoing, part: RefundedPart | None) -> NewAccount:
    """Who hands the money out. Cash of a settled parcel is the shop's own by then, so the shop gets it credited."""
    if not refund.is_immediate:
        return accounts.owed_to_buyers(refund.order_id)
    if refund.provider == AT_THE_DOOR and part is not None and part.is_of_settled:
        return accounts.payee(refund.shop_of[part.parcel_id])
    return where_it_is(refund.provider, refund.order_id, refund.cooperative_id)


def _one_parcel(parts: Sequence[RefundedPart]) -> dict[str, str]:
    parcel_ids = {part.parcel_id for part in parts}
    return {"parcel_id": str(next(iter(parcel_ids)))} if len(parcel_ids) == 1 else {}
