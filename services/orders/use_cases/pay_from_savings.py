"""Pay from savings: the buyer's cooperative is asked, by an event, to charge their savings.

Asked when the stock is reserved, like a provider; the answer comes as an event, perhaps after the order's time is over.
Nothing waits for a cooperative that is not there: the order expires unpaid.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.orders import store
from services.orders.domain.order import Order
from shared import outbox
from shared.contracts.orders import SavingsChargeRequested
from shared.db import Connection


async def ask_cooperatives(conn: Connection, orders: Sequence[Order], *, now: datetime) -> None:
    """Ask for the money of these (locked) orders."""
    if not orders:
        return
    payments = await store.savings_payments_of(conn, [order.order_id for order in orders])
    for order in orders:
        payment = payments[order.order_id]
        outbox.append(
            conn,
            SavingsChargeRequested(
                order_id=order.order_id,
                charge_id=payment.charge_id,
                cooperative_id=payment.cooperative_id,
                buyer_id=order.buyer_id,
                amount_minor=order.total_minor,
                currency=order.currency,
                expires_at=now + timedelta(seconds=float(conn.settings.payment_seconds)),
                requested_at=now,
            ),
        )
