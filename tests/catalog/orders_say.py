"""Facts of orders as catalog hears them, made short."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from shared.contracts.catalog import Payee, StockLine
from shared.contracts.orders import (
    OrderCancelled,
    OrderConfirmed,
    OrderLine,
    OrderParcel,
    OrderPlaced,
    ParcelCancelled,
    ParcelLine,
    ReservationRequested,
    ReturnReceived,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def placed(order_id: UUID, lines: dict[UUID, int], *, version: int = 1) -> OrderPlaced:
    """An order for so many of each."""
    shop, parcel = uuid4(), uuid4()
    return OrderPlaced(
        order_id=order_id,
        buyer_id=uuid4(),
        payment_method="qris",
        total_minor=1_000,
        currency="IDR",
        lines=tuple(
            OrderLine(
                product_id=product_id,
                shop_id=shop,
                parcel_id=parcel,
                version=version,
                category="kopi-teh",
                quantity=quantity,
                unit_price_minor=1_000,
                payees=(Payee(party_id=shop, share_basis_points=10_000),),
            )
            for product_id, quantity in lines.items()
        ),
        parcels=(
            OrderParcel(
                parcel_id=parcel,
                shop_id=shop,
                cooperative_id=None,
                region_code="18.01",
                goods_minor=1_000,
                shipping_minor=0,
            ),
        ),
        placed_at=NOW,
    )


def asked_again(order_id: UUID, attempt: int, lines: dict[UUID, int]) -> ReservationRequested:
    """The order asks for stock once more."""
    return ReservationRequested(
        order_id=order_id,
        attempt=attempt,
        lines=tuple(StockLine(product_id=product_id, quantity=count) for product_id, count in lines.items()),
        requested_at=NOW,
    )


def confirmed(order_id: UUID) -> OrderConfirmed:
    """The order will be fulfilled."""
    return OrderConfirmed(order_id=order_id, buyer_id=uuid4(), confirmed_at=NOW)


def cancelled(order_id: UUID) -> OrderCancelled:
    """The order ends."""
    return OrderCancelled(order_id=order_id, buyer_id=uuid4(), reason="unpaid", cancelled_at=NOW)


def parcel_cancelled(order_id: UUID, lines: dict[UUID, int], *, parcel_id: UUID | None = None) -> ParcelCancelled:
    """One parcel will not be sent."""
    shop = uuid4()
    return ParcelCancelled(
        order_id=order_id,
        parcel_id=parcel_id or uuid4(),
        shop_id=shop,
        buyer_id=uuid4(),
        cooperative_id=None,
        lines=tuple(
            ParcelLine(
                product_id=product_id,
                quantity=count,
                amount_minor=1_000,
                payees=(Payee(party_id=shop, share_basis_points=10_000),),
            )
            for product_id, count in lines.items()
        ),
        reason="seller",
        cancelled_at=NOW,
    )


def returned(order_id: UUID, lines: dict[UUID, int], *, return_id: UUID | None = None) -> ReturnReceived:
    """Goods came back to the shop."""
    return ReturnReceived(
        order_id=order_id,
        parcel_id=uuid4(),
        shop_id=uuid4(),
        buyer_id=uuid4(),
        cooperative_id=None,
        return_id=return_id or uuid4(),
        lines=tuple(StockLine(product_id=product_id, quantity=count) for product_id, count in lines.items()),
        received_at=NOW,
    )
