"""Complete parcels: the buyer, or the clock, accepts what was delivered. The sale counts and is settled."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.orders import store
from services.orders.domain.order import Order, parcels_ended
from services.orders.domain.parcel import Move, ParcelStatus, move
from services.orders.store import Parcel
from services.orders.use_cases import parcel_facts
from services.orders.use_cases.open_parcel import open_parcel, require_confirmed
from services.orders.use_cases.record_steps import Taken, record_steps
from services.orders.use_cases.settle_parcels import settle_parcels
from shared import outbox
from shared.auth import Principal
from shared.db import Connection
from shared.problems import Forbidden


async def complete_parcel(conn: Connection, parcel_id: UUID, person: Principal, *, now: datetime) -> ParcelStatus:
    """Its new status. Raises NotFound, Forbidden, WrongParcelState."""
    opened = await open_parcel(conn, parcel_id, person)
    if not opened.is_buyer:
        raise Forbidden("only the buyer can say that all is well")
    require_confirmed(opened.order)
    status = move(opened.parcel.status, Move.COMPLETE)
    parcels = {parcel.parcel_id: parcel for parcel in opened.parcels}
    await accept({opened.order.order_id: opened.order}, parcels, [parcel_id], conn=conn, by="buyer", now=now)
    return status


async def accept(
    orders: Mapping[UUID, Order],
    parcels: Mapping[UUID, Parcel],
    parcel_ids: Iterable[UUID],
    *,
    conn: Connection,
    by: Literal["buyer", "clock"],
    now: datetime,
) -> None:
    """These delivered parcels are completed, and the orders that end with them. All parcels of the orders are given."""
    accepted = set(parcel_ids)
    await store.complete_parcels(conn, accepted, by=by, now=now)
    lines = await store.lines_of_parcels(conn, orders)
    event_ids: dict[UUID, UUID] = {}
    for parcel_id in sorted(accepted):
        parcel = parcels[parcel_id]
        order = orders[parcel.order_id]
        outbox.append(conn, parcel_facts.completed(order, parcel, lines[parcel_id], by=by, now=now))
        event_ids[parcel_id] = conn.events[-1].event_id
    statuses: dict[UUID, list[ParcelStatus]] = defaultdict(list)
    for parcel in parcels.values():
        status = ParcelStatus.COMPLETED if parcel.parcel_id in accepted else parcel.status
        statuses[parcel.order_id].append(status)
    taken = [Taken(order, parcels_ended(order, statuses[order.order_id])) for order in orders.values()]
    await record_steps(conn, taken, now=now)
    await settle_parcels(conn, orders, event_ids, now=now)
