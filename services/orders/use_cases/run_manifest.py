"""Run a carrier's manifest: of the first so many shops with undelivered parcels, the oldest order's parcel is brought.

Two rounds at once share the work: orders that another holds are passed over. Orders are locked first, then their
parcels, both in key order.
"""

from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.order import OrderStatus
from services.orders.domain.parcel import ParcelStatus
from services.orders.use_cases import parcel_facts
from services.orders.use_cases.deliver_parcel import hand_over
from shared import outbox
from shared.db import Connection

CARRIER = "manifest"


async def run_manifest(conn: Connection, count: int, *, now: datetime) -> list[tuple[UUID, UUID, UUID]]:
    """Parcel, order and shop of each delivery."""
    found = await store.undelivered_parcels(conn, most=count)
    orders = await store.lock_free_orders(conn, [order_id for _, order_id in found])
    orders = {order_id: order for order_id, order in orders.items() if order.status is OrderStatus.CONFIRMED}
    if not orders:
        return []
    parcels = await store.lock_parcels(conn, orders)
    wanted = sorted(parcel_id for parcel_id, _ in found if parcel_id in parcels)
    moving = [parcels[parcel_id] for parcel_id in wanted]
    moving = [parcel for parcel in moving if parcel.status in {ParcelStatus.PENDING, ParcelStatus.SHIPPED}]
    pending = [parcel for parcel in moving if parcel.status is ParcelStatus.PENDING]
    if pending:
        await store.ship_parcels(
            conn, [parcel.parcel_id for parcel in pending], carrier=CARRIER, tracking=None, now=now
        )
        for parcel in pending:
            outbox.append(conn, parcel_facts.shipped(orders[parcel.order_id], parcel, now=now))
    await hand_over(conn, [(orders[parcel.order_id], parcel) for parcel in moving], now=now)
    return [(parcel.parcel_id, parcel.order_id, parcel.shop_id) for parcel in moving]
