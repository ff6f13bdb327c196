"""Orders paid from savings: each charge answered once, and what was given back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from services.cooperatives.domain.charging import Buyer, Charge, Refusal
from services.cooperatives.domain.cooperative import MemberState
from services.cooperatives.domain.savings import SavingsKind
from services.cooperatives.store.members import member_of
from services.cooperatives.store.named import money
from shared.contracts.orders import SavingsChargeRequested
from shared.db import Connection


async def members_of_buyers(conn: Connection, pairs: Sequence[tuple[UUID, UUID]]) -> list[UUID]:
    """The members behind these (cooperative, account): what a batch of charges locks."""
    rows = await money.members_of_buyers.rows(
        conn, cooperative_ids=[pair[0] for pair in pairs], account_ids=[pair[1] for pair in pairs]
    )
    return [row["member_id"] for row in rows]


async def buyers(conn: Connection, pairs: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Buyer]:
    """These (cooperative, account) as they are; those of cooperatives that we do not know are left out."""
    rows = await money.buyers.rows(
        conn, cooperative_ids=[pair[0] for pair in pairs], account_ids=[pair[1] for pair in pairs]
    )
    return {
        (row["cooperative_id"], row["account_id"]): Buyer(
            row["member_id"],
            None if row["state"] is None else MemberState(row["state"]),
            row["may_pay_at_market"],
        )
        for row in rows
    }


async def answered_charges(conn: Connection, charge_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these charges that have their answer."""
    return {row["charge_id"] for row in await money.answered_charges.rows(conn, charge_ids=list(charge_ids))}


async def insert_charges(
    conn: Connection,
    requests: Sequence[SavingsChargeRequested],
    members: Mapping[UUID, UUID],
    refusals: Mapping[UUID, Refusal | None],
    *,
    now: datetime,
) -> None:
    """Remember the answers."""
    reasons = [refusals[request.charge_id] for request in requests]
    await money.insert_charges.run(
        conn,
        charge_ids=[request.charge_id for request in requests],
        order_ids=[request.order_id for request in requests],
        cooperative_ids=[request.cooperative_id for request in requests],
        member_ids=[members.get(request.charge_id) for request in requests],
        amounts=[request.amount_minor for request in requests],
        refusals=[None if reason is None else reason.value for reason in reasons],
        answered_at=now,
    )


async def members_of_orders(conn: Connection, order_ids: Sequence[UUID]) -> list[UUID]:
    """Who paid these orders from savings."""
    return [row["member_id"] for row in await money.members_of_orders.rows(conn, order_ids=list(order_ids))]


async def charges_of_orders(conn: Connection, order_ids: Sequence[UUID]) -> dict[UUID, list[Charge]]:
    """What was taken for these orders, locked."""
    found: dict[UUID, list[Charge]] = {}
    for row in await money.charges_of_orders.rows(conn, order_ids=list(order_ids)):
        charge = Charge(row["charge_id"], member_of(row), row["open_minor"])
        found.setdefault(row["order_id"], []).append(charge)
    return found


async def refunds_made(conn: Connection, refund_ids: Sequence[UUID]) -> set[UUID]:
    """Those of these refunds that were given back before."""
    return {row["refund_id"] for row in await money.refunds_made.rows(conn, refund_ids=list(refund_ids))}


async def insert_refunds(
    conn: Connection, refunds: Sequence[tuple[UUID, UUID, int, SavingsKind]], *, now: datetime
) -> None:
    """Remember (refund, charge, amount, to which savings), and how much of each charge is left."""
    await money.insert_refunds.run(
        conn,
        refund_ids=[refund_id for refund_id, _, _, _ in refunds],
        charge_ids=[charge_id for _, charge_id, _, _ in refunds],
        amounts=[amount_minor for _, _, amount_minor, _ in refunds],
        paid_to=[kind.value for _, _, _, kind in refunds],
        refunded_at=now,
    )
