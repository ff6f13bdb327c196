"""Cancel one parcel of a confirmed order: the goods go back on the shelf, the money to the buyer.

Its shop does so; an operator for a shop that is closed or silent, while the order's other parcels are on their way.
"""

from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.parcel import Move, ParcelStatus, move
from services.orders.use_cases import parcel_facts
from services.orders.use_cases.give_back import give_back_parcel
from services.orders.use_cases.open_parcel import (
    MAY_SELL,
    end_order_with_its_parcels,
    open_parcel,
    require_confirmed,
    require_staff,
    statuses_after,
)
from services.orders.use_cases.settle_cash import settle_cash
from shared import outbox
from shared.auth import Principal
from shared.contracts.orders import CancelReason
from shared.db import Connection


async def cancel_parcel(conn: Connection, parcel_id: UUID, person: Principal, *, now: datetime) -> ParcelStatus:
    """Its new status. Raises NotFound, Forbidden, WrongParcelState."""
    opened = await open_parcel(conn, parcel_id, person)
    if not opened.is_operator:
        require_staff(opened, MAY_SELL)
    require_confirmed(opened.order)
    order, parcel = opened.order, opened.parcel
    status = move(parcel.status, Move.CANCEL)
    await store.end_parcel(conn, parcel_id, status, now=now)
    rows = (await store.lines_of_parcels(conn, [order.order_id]))[parcel_id]
    by: CancelReason = "seller" if opened.role in MAY_SELL else "operator"
    outbox.append(conn, parcel_facts.cancelled(order, parcel, rows, reason=by, now=now))
    if order.method != "cod":  # cash is taken at the door: of this parcel there is none
        await give_back_parcel(conn, order, parcel, reason="parcel_cancelled", now=now)
    order = await end_order_with_its_parcels(conn, order, statuses_after(opened, status), now=now)
    await settle_cash(conn, [order.order_id], now=now)
    return status
