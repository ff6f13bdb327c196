"""Expire orders whose time to pay is over, after asking the provider once more; complete parcels by the clock.

Batches are small and skip what others hold, so several processes share the work and a buyer is never kept waiting.
"""

from datetime import datetime

from services.orders import store
from services.orders.domain.order import OrderStatus, payment_deadline_passed
from services.orders.use_cases.complete_parcel import accept
from services.orders.use_cases.record_steps import CHECK, Taken, record_steps
from shared import calls_out
from shared.db import Connection

BATCH = 200


async def expire_orders(conn: Connection, *, now: datetime) -> int:
    """How many overdue orders were looked at.

    An order with a charge is given a grace while the provider is asked whether the money came, so that a lost
    notification loses no paid order; without an answer in that time it ends too.
    """
    overdue = await store.lock_unpaid_orders(conn, most=BATCH)
    if not overdue:
        return 0
    asked = await store.mark_checks(conn, [order.order_id for order in overdue])
    if asked:
        seconds = float(conn.settings.payment_check_seconds)
        await store.postpone_deadlines(conn, asked, seconds=seconds)
        subjects: dict[str, dict[str, str]] = {str(order_id): {} for order_id in sorted(asked)}
        await calls_out.request_all(conn, CHECK, subjects, deadline_seconds=seconds)
    ending = [Taken(order, payment_deadline_passed(order)) for order in overdue if order.order_id not in asked]
    await record_steps(conn, ending, now=now)
    return len(overdue)


async def complete_overdue(conn: Connection, *, now: datetime) -> int:
    """How many delivered parcels the clock has completed."""
    orders = await store.lock_free_orders(conn, await store.due_parcels(conn, most=BATCH))
    orders = {order_id: order for order_id, order in orders.items() if order.status is OrderStatus.CONFIRMED}
    if not orders:
        return 0
    parcels = await store.lock_parcels(conn, orders)
    due = await store.overdue_among(conn, orders)
    if due:
        await accept(orders, parcels, due, conn=conn, by="clock", now=now)
    return len(due)
