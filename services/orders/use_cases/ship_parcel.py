"""Ship a parcel: the shop handed it to a carrier."""

from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.parcel import Move, ParcelStatus, move
from services.orders.use_cases import parcel_facts
from services.orders.use_cases.open_parcel import MAY_SEND, open_parcel, require_confirmed, require_staff
from shared import outbox
from shared.auth import Principal
from shared.db import Connection


async def ship_parcel(
    conn: Connection, parcel_id: UUID, person: Principal, *, carrier: str, tracking: str | None, now: datetime
) -> ParcelStatus:
    """Its new status. Raises NotFound, Forbidden, WrongParcelState."""
    opened = await open_parcel(conn, parcel_id, person)
    require_staff(opened, MAY_SEND)
    require_confirmed(opened.order)
    status = move(opened.parcel.status, Move.SHIP)
    await store.ship_parcels(conn, [parcel_id], carrier=carrier, tracking=tracking, now=now)
    outbox.append(conn, parcel_facts.shipped(opened.order, opened.parcel, now=now))
    return status
