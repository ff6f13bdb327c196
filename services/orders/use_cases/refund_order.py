"""Refund part of an order: a shop for its own parcel, an operator for anything; never more than was paid."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.problems import MoreThanPaid, MoreThanSent
from services.orders.store import NewRefund, Parcel
from services.orders.use_cases.give_back import give_back_part
from services.orders.use_cases.open_parcel import MAY_SELL
from shared.auth import Principal
from shared.db import Connection
from shared.problems import Forbidden, NotFound


async def refund_order(
    conn: Connection,
    order_id: UUID,
    person: Principal,
    *,
    quantities: Mapping[UUID, int] | None,
    amount_minor: int | None,
    reason: str,
    now: datetime,
) -> list[NewRefund]:
    """The refunds that were asked for: of these quantities at the price of sale, or of an amount.

    Raises NotFound, Forbidden, MoreThanSent, MoreThanPaid.
    """
    order = await store.lock_order(conn, order_id)
    if order is None:
        raise NotFound
    parcels = await store.lock_parcels(conn, [order_id])
    parcel = await _own_parcel(conn, parcels, person)
    if quantities is not None:
        amount_minor = await _price_of(conn, order_id, parcel, quantities)
    if parcel is not None:
        left_minor = parcel.goods_minor + parcel.shipping_minor - await store.refunded_of_parcel(conn, parcel.parcel_id)
        if (amount_minor or 0) > left_minor:
            raise MoreThanPaid("a shop gives back at most what its own parcel cost", left_minor=left_minor)
    return await give_back_part(
        conn,
        order,
        amount_minor or 0,
        reason=reason,
        now=now,
        parcel_id=None if parcel is None else parcel.parcel_id,
        shop_id=None if parcel is None else parcel.shop_id,
        requested_by=person.id,
    )


async def _own_parcel(conn: Connection, parcels: Mapping[UUID, Parcel], person: Principal) -> Parcel | None:
    """The caller's parcel of the order; None for an operator, who may give back all. Raises NotFound, Forbidden."""
    if "operator" in person.roles:
        return None
    for parcel in parcels.values():
        role = await store.role_in_shop(conn, shop_id=parcel.shop_id, account_id=person.id)
        if role in MAY_SELL:
            return parcel
        if role is not None:
            raise Forbidden
    raise NotFound


async def _price_of(conn: Connection, order_id: UUID, parcel: Parcel | None, quantities: Mapping[UUID, int]) -> int:
    lines = {
        row["product_id"]: row
        for parcel_id, rows in (await store.lines_of_parcels(conn, [order_id])).items()
        for row in rows
        if parcel is None or parcel.parcel_id == parcel_id
    }
    for product_id, quantity in quantities.items():
        if product_id not in lines or quantity > lines[product_id]["quantity"]:
            raise MoreThanSent
    return sum(quantity * int(lines[product_id]["unit_price_minor"]) for product_id, quantity in quantities.items())
