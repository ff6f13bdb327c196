"""Cancel an order: the buyer until the first parcel is shipped, an operator likewise."""

from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.order import Order, cancel
from services.orders.use_cases.record_steps import Taken, record_steps
from shared.auth import Principal
from shared.contracts.orders import CancelReason
from shared.db import Connection
from shared.problems import NotFound


async def cancel_order(conn: Connection, order_id: UUID, person: Principal, *, now: datetime) -> Order:
    """The cancelled order; money that was received goes back. Raises NotFound, NotCancellable.

    The order's row lock decides against a payment, the clock and the shop that ships: who comes second sees what the
    first has made of it.
    """
    order = await store.lock_order(conn, order_id)
    if order is None or (order.buyer_id != person.id and "operator" not in person.roles):
        raise NotFound
    parcels = await store.lock_parcels(conn, [order_id])
    by: CancelReason = "buyer" if order.buyer_id == person.id else "operator"
    step = cancel(order, [parcel.status for parcel in parcels.values()], by=by)
    await record_steps(conn, [Taken(order, step)], now=now)
    return step.order
