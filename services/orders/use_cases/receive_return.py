"""Receive a return: the shop has goods of a parcel again and can sell them.

A parcel that comes back whole without having reached the buyer has ended; what was paid for it goes back. Money for
goods that come back after delivery is a refund of its own.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.parcel import RETURNABLE, Move, ParcelStatus, check_returned, move
from services.orders.domain.problems import WrongParcelState
from services.orders.use_cases.give_back import give_back_parcel
from services.orders.use_cases.open_parcel import (
    MAY_SEND,
    Opened,
    end_order_with_its_parcels,
    open_parcel,
    require_staff,
    statuses_after,
)
from services.orders.use_cases.parcel_facts import ids_of
from services.orders.use_cases.settle_cash import settle_cash
from shared import outbox
from shared.auth import Principal
from shared.contracts.catalog import StockLine
from shared.contracts.orders import ReturnReceived
from shared.db import Connection
from shared.ids import new_id


async def receive_return(
    conn: Connection, parcel_id: UUID, person: Principal, quantities: Mapping[UUID, int], *, now: datetime
) -> tuple[UUID, ParcelStatus]:
    """The return's id and the parcel's status. Raises NotFound, Forbidden, WrongParcelState, MoreThanSent."""
    opened = await open_parcel(conn, parcel_id, person)
    require_staff(opened, MAY_SEND)
    if opened.parcel.status not in RETURNABLE:
        raise WrongParcelState(f"nothing of it has left: it is {opened.parcel.status.value}")
    sent = {
        row["product_id"]: row["quantity"]
        for row in (await store.lines_of_parcels(conn, [opened.order.order_id]))[parcel_id]
    }
    before = await store.returned_quantities(conn, parcel_id)
    is_whole = check_returned(sent, before, quantities)
    return_id = new_id()
    await store.insert_returned_lines(conn, return_id, parcel_id, quantities, now=now)
    outbox.append(
        conn,
        ReturnReceived(
            **ids_of(opened.order, opened.parcel),
            return_id=return_id,
            lines=tuple(StockLine(product_id=product_id, quantity=count) for product_id, count in quantities.items()),
            received_at=now,
        ),
    )
    status = opened.parcel.status
    if is_whole and status is ParcelStatus.SHIPPED:
        status = move(status, Move.BRING_BACK)
        await _end_undelivered(conn, opened, status, now=now)
    return return_id, status


async def _end_undelivered(conn: Connection, opened: Opened, status: ParcelStatus, *, now: datetime) -> None:
    order, parcel = opened.order, opened.parcel
    await store.end_parcel(conn, parcel.parcel_id, status, now=now)
    if order.method != "cod":  # cash is taken at the door: of this parcel there is none
        await give_back_parcel(conn, order, parcel, reason="not_delivered", now=now)
    order = await end_order_with_its_parcels(conn, order, statuses_after(opened, status), now=now)
    await settle_cash(conn, [order.order_id], now=now)
