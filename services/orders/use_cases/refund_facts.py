"""The fact that money is with the buyer again, and whose money it was."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.orders.domain.order import Order
from services.orders.domain.refunds import RefundedPart
from services.orders.store import NewRefund, Owners
from shared.contracts.orders import RefundedLine, RefundMade, RefundPart


def refund_event(
    order: Order, refund: NewRefund, parts: Sequence[RefundedPart], owners: Owners, *, now: datetime
) -> RefundMade:
    """Money of the order is with the buyer again. Money that was never the order's has no parts."""
    return RefundMade(
        order_id=order.order_id,
        refund_id=refund.refund_id,
        buyer_id=order.buyer_id,
        parcel_id=refund.parcel_id,
        shop_id=refund.shop_id,
        payment_method=order.method,
        amount_minor=refund.amount_minor,
        currency=order.currency,
        reason=refund.reason,
        parts=_parts(parts, owners),
        refunded_at=now,
    )


def _parts(parts: Sequence[RefundedPart], owners: Owners) -> tuple[RefundPart, ...]:
    by_parcel: dict[UUID, list[RefundedPart]] = defaultdict(list)
    for part in parts:
        by_parcel[part.parcel_id].append(part)
    return tuple(
        RefundPart(
            parcel_id=parcel_id,
            shop_id=owners[parcel_id][0],
            cooperative_id=owners[parcel_id][1],
            goods_minor=sum(part.amount_minor for part in of_parcel if part.product_id is not None),
            shipping_minor=sum(part.amount_minor for part in of_parcel if part.product_id is None),
            lines=tuple(
                RefundedLine(product_id=part.product_id, quantity=part.quantity, amount_minor=part.amount_minor)
                for part in of_parcel
                if part.product_id is not None
            ),
        )
        for parcel_id, of_parcel in by_parcel.items()
    )
