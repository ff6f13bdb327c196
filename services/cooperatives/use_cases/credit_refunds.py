"""Give back what an order took from savings: Dr clearing with orders, Cr the member, or what is owed to them."""

from collections.abc import Sequence
from datetime import datetime

from services.cooperatives import store
from services.cooperatives.domain.charging import charge_to_refund
from services.cooperatives.domain.chart import CLEARING, Place
from services.cooperatives.domain.savings import Movement, Reason, receives
from shared.calendar import day_of
from shared.contracts.orders import RefundMade
from shared.db import Connection
from shared.handlers import Reject
from shared.ledger import Transfer, credit, debit


async def credit_refunds(conn: Connection, refunds: Sequence[RefundMade], *, now: datetime) -> None:
    """Each refund once; those that were paid otherwise are not ours. The members are locked before.

    Raises Reject when nothing was taken for the order, or less than is to be given back: what orders says of one order
    comes in order, so the charge cannot be still on its way.
    """
    ours = [refund for refund in refunds if refund.payment_method == "savings" and refund.amount_minor]
    made = await store.refunds_made(conn, [refund.refund_id for refund in ours])
    ours = [refund for refund in ours if refund.refund_id not in made]
    if not ours:
        return
    charges = await store.charges_of_orders(conn, [refund.order_id for refund in ours])
    chosen = []
    for refund in ours:
        charge = charge_to_refund(charges.get(refund.order_id, ()), refund.amount_minor)
        if charge is None:
            raise Reject(f"so much was not taken from savings for order {refund.order_id}")
        chosen.append((refund, charge, receives(charge.member)))
    places = {
        place
        for _, charge, kind in chosen
        for place in (
            Place(charge.member.cooperative_id, CLEARING),
            Place(charge.member.cooperative_id, kind.code, charge.member.member_id),
        )
    }
    accounts = await store.accounts(conn, places, on=day_of(now))
    transfers, movements = [], []
    for refund, charge, kind in chosen:
        member = charge.member
        account_id = accounts[Place(member.cooperative_id, kind.code, member.member_id)]
        movements.append(
            Movement(refund.refund_id, member.member_id, member.cooperative_id, kind, account_id, refund.amount_minor)
        )
        transfers.append(
            Transfer(
                refund.refund_id,
                (
                    debit(accounts[Place(member.cooperative_id, CLEARING)], refund.amount_minor),
                    credit(account_id, refund.amount_minor),
                ),
                "savings_refunded",
                now,
                reference={"order_id": str(refund.order_id), "member_id": str(member.member_id)},
            )
        )
    await store.post(conn, *transfers, short={})
    await store.insert_movements(conn, movements, Reason.REFUND, by=None, at=now)
    await store.insert_refunds(
        conn,
        [(refund.refund_id, charge.charge_id, refund.amount_minor, kind) for refund, charge, kind in chosen],
        now=now,
    )
