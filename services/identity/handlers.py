"""What people are told when orders move. Only those who asked for it, at a contact that they have verified.

The topics are read once per event; a notice is asked for in the same transaction, once per subject. An event that comes
before its buyer's account is known here cannot be: an account is older than its orders. Nothing is locked.
"""

from services.identity.use_cases.ask_for_notice import tell_buyers
from shared.contracts.orders import OrderCancelled, OrderConfirmed, ParcelShipped
from shared.db import Connection
from shared.handlers import Handlers

handlers = Handlers("identity", breath_seconds=0.2)


@handlers.on_batch(OrderConfirmed)
async def tell_buyers_that_orders_are_confirmed(conn: Connection, events: list[OrderConfirmed]) -> None:
    """Once per order."""
    await tell_buyers(conn, "order_confirmed", [(e.buyer_id, e.order_id, e.order_id) for e in events])


@handlers.on_batch(ParcelShipped)
async def tell_buyers_that_parcels_are_shipped(conn: Connection, events: list[ParcelShipped]) -> None:
    """Once per parcel."""
    await tell_buyers(conn, "parcel_shipped", [(e.buyer_id, e.order_id, e.parcel_id) for e in events])


@handlers.on_batch(OrderCancelled)
async def tell_buyers_that_orders_are_cancelled(conn: Connection, events: list[OrderCancelled]) -> None:
    """Once per order."""
    await tell_buyers(conn, "order_cancelled", [(e.buyer_id, e.order_id, e.order_id) for e in events])
