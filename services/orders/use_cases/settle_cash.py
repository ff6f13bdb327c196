"""Settle cash: an order paid at the door is paid when the last of its parcels that still counts was paid for."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.order import is_paid_at_the_door
from services.orders.domain.parcel import ParcelStatus
from services.orders.use_cases.record_steps import paid_event
from shared import outbox
from shared.db import Connection


async def settle_cash(conn: Connection, order_ids: Iterable[UUID], *, now: datetime) -> None:
    """OrderPaid for each of these (locked) orders whose cash is now complete."""
    orders = await store.lock_unpaid_cash_orders(conn, order_ids)
    if not orders:
        return
    statuses: dict[UUID, list[ParcelStatus]] = defaultdict(list)
    for parcel in (await store.lock_parcels(conn, orders)).values():
        statuses[parcel.order_id].append(parcel.status)
    paid = [order for order in orders.values() if is_paid_at_the_door(order, statuses[order.order_id])]
    await store.mark_paid(conn, [order.order_id for order in paid], now=now)
    for order in paid:
        outbox.append(conn, paid_event(order, now=now))
