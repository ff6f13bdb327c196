"""The facts about parcels that others hear, made in one place."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypedDict
from uuid import UUID

from services.orders.domain.order import Order
from services.orders.domain.placing import payees_of
from services.orders.store import Parcel
from shared.contracts.orders import (
    CancelReason,
    ParcelCancelled,
    ParcelCompleted,
    ParcelDelivered,
    ParcelLine,
    ParcelShipped,
)
from shared.sql import Row


class Ids(TypedDict):
    """Whose parcel it is."""

    order_id: UUID
    parcel_id: UUID
    shop_id: UUID
    buyer_id: UUID
    cooperative_id: UUID | None


def ids_of(order: Order, parcel: Parcel) -> Ids:
    """The ids that every fact of a parcel carries."""
    return Ids(
        order_id=order.order_id,
        parcel_id=parcel.parcel_id,
        shop_id=parcel.shop_id,
        buyer_id=order.buyer_id,
        cooperative_id=parcel.cooperative_id,
    )


def lines_of(rows: Sequence[Row]) -> tuple[ParcelLine, ...]:
    """What a parcel holds."""
    return tuple(
        ParcelLine(
            product_id=row["product_id"],
            quantity=row["quantity"],
            amount_minor=row["quantity"] * row["unit_price_minor"],
            payees=payees_of(row["payees"]),
        )
        for row in rows
    )


def shipped(order: Order, parcel: Parcel, *, now: datetime) -> ParcelShipped:
    """It left the shop."""
    return ParcelShipped(**ids_of(order, parcel), shipped_at=now)


def delivered(order: Order, parcel: Parcel, collected_minor: int, *, now: datetime) -> ParcelDelivered:
    """It reached the buyer."""
    return ParcelDelivered(
        **ids_of(order, parcel), collected_minor=collected_minor, currency=order.currency, delivered_at=now
    )


def completed(
    order: Order, parcel: Parcel, rows: Sequence[Row], *, by: Literal["buyer", "clock"], now: datetime
) -> ParcelCompleted:
    """The sale counts."""
    return ParcelCompleted(
        **ids_of(order, parcel),
        lines=lines_of(rows),
        goods_minor=parcel.goods_minor,
        shipping_minor=parcel.shipping_minor,
        currency=order.currency,
        region_code=parcel.region_code,
        completed_by=by,
        completed_at=now,
    )


def cancelled(
    order: Order, parcel: Parcel, rows: Sequence[Row], *, reason: CancelReason, now: datetime
) -> ParcelCancelled:
    """It will not be sent; its goods, which had left the stock, go back."""
    return ParcelCancelled(**ids_of(order, parcel), lines=lines_of(rows), reason=reason, cancelled_at=now)
