"""Facts of orders: the life of an order and of its parcels, all keyed and ordered by the order.

Orders alone owns the clock of an order. `attempt` counts how often stock was asked for: order_placed is attempt 1, each
reservation_requested the next; an answer to an older attempt is stale and ignored.
"""

from typing import Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import Amount, Currency, Event, Moment, Part, Quantity, RegionCode, event, topic
from shared.contracts.catalog import Payee, StockLine

ORDERS = topic("lumbung.orders", owner="orders", keyed_by="order_id")

PaymentMethod = Literal["qris", "va", "cod", "savings"]
CancelReason = Literal[
    "buyer",
    "seller",
    "out_of_stock",
    "unpaid",
    "payment_refused",
    "paid_too_late",
    "operator",
    "offer_changed",
]


class OrderLine(Part):
    """So many of one product, at the price frozen at sale."""

    product_id: UUID
    shop_id: UUID
    parcel_id: UUID
    version: int = Field(ge=1, description="The product's version that was sold.")
    category: str
    quantity: Quantity
    unit_price_minor: Amount
    payees: tuple[Payee, ...] = Field(min_length=1)


class OrderParcel(Part):
    """What one shop sends to the buyer in one parcel."""

    parcel_id: UUID
    shop_id: UUID
    cooperative_id: UUID | None
    region_code: RegionCode = Field(description="Where the shop is.")
    goods_minor: Amount
    shipping_minor: Amount


@event("orders.order_placed", version=1, topic=ORDERS, keyed_by="order_id", ordered_by="order_id")
class OrderPlaced(Event):
    """A buyer committed to buy; stock is not reserved yet. This is attempt 1 at the stock."""

    order_id: UUID
    buyer_id: UUID
    payment_method: PaymentMethod
    total_minor: Amount
    currency: Currency
    lines: tuple[OrderLine, ...] = Field(min_length=1)
    parcels: tuple[OrderParcel, ...] = Field(min_length=1)
    placed_at: Moment


@event("orders.reservation_requested", version=1, topic=ORDERS, keyed_by="order_id", ordered_by="order_id")
class ReservationRequested(Event):
    """Money came after the stock was given back: may the order have it again?"""

    order_id: UUID
    attempt: int = Field(ge=2)
    lines: tuple[StockLine, ...] = Field(min_length=1)
    requested_at: Moment


@event("orders.savings_charge_requested", version=1, topic=ORDERS, keyed_by="order_id", ordered_by="order_id")
class SavingsChargeRequested(Event):
    """A buyer pays from savings at a cooperative, which answers with savings_charged or savings_refused.

    Asked when the stock is reserved. A charge may still be made after `expires_at`: orders treats it as late money.
    """

    order_id: UUID
    charge_id: UUID
    cooperative_id: UUID
    buyer_id: UUID
    amount_minor: Amount
    currency: Currency
    expires_at: Moment
    requested_at: Moment


@event("orders.order_confirmed", version=1, topic=ORDERS, keyed_by="order_id", ordered_by="order_id")
class OrderConfirmed(Event):
    """The order will be fulfilled: it is paid, or is paid at delivery. Stock leaves for good."""

    order_id: UUID
    buyer_id: UUID
    confirmed_at: Moment


@event("orders.order_paid", version=1, topic=ORDERS, keyed_by="order_id", ordered_by="order_id")
class OrderPaid(Event):
    """All money of the order was received."""

    order_id: UUID
    buyer_id: UUID
    payment_method: PaymentMethod
    amount_minor: Amount
    currency: Currency
    paid_at: Moment


@event("orders.order_cancelled", version=1, topic=ORDERS, keyed_by="order_id", ordered_by="order_id")
class OrderCancelled(Event):
    """The order ends without fulfilment; whatever stock it holds is given back."""

    order_id: UUID
    buyer_id: UUID
    reason: CancelReason
    cancelled_at: Moment


class ParcelLine(Part):
    """What of one product a parcel holds, and what it was sold for."""

    product_id: UUID
    quantity: Quantity
    amount_minor: Amount
    payees: tuple[Payee, ...] = Field(min_length=1)


class ParcelFact(Event):
    """Whose parcel it is: ids as they were at the time of sale."""

    order_id: UUID
    parcel_id: UUID
    shop_id: UUID
    buyer_id: UUID
    cooperative_id: UUID | None


@event("orders.parcel_shipped", version=1, topic=ORDERS, keyed_by="order_id", ordered_by="order_id")
class ParcelShipped(ParcelFact):
    """The shop handed the parcel to a carrier."""

    shipped_at: Moment


@event("orders.parcel_delivered", version=1, topic=ORDERS, keyed_by="order_id", ordered_by="order_id")
class ParcelDelivered(ParcelFact):
    """The parcel reached the buyer."""

    collected_minor: Amount = Field(description="Cash taken at the door for a COD parcel, else 0.")
    currency: Currency
    delivered_at: Moment


@event("orders.parcel_completed", version=1, topic=ORDERS, keyed_by="order_id", ordered_by="order_id")
class ParcelCompleted(ParcelFact):
    """The buyer, or the clock, accepted the parcel: the sale counts, and may be settled."""

    lines: tuple[ParcelLine, ...] = Field(min_length=1)
    goods_minor: Amount
    shipping_minor: Amount
    currency: Currency
    region_code: RegionCode
    completed_by: Literal["buyer", "clock"]
    completed_at: Moment


@event("orders.parcel_cancelled", version=1, topic=ORDERS, keyed_by="order_id", ordered_by="order_id")
class ParcelCancelled(ParcelFact):
    """One parcel of a confirmed order will not be sent; its lines go back into stock."""

    lines: tuple[ParcelLine, ...] = Field(min_length=1)
    reason: CancelReason
    cancelled_at: Moment


@event("orders.return_received", version=1, topic=ORDERS, keyed_by="order_id", ordered_by="order_id")
class ReturnReceived(ParcelFact):
    """The shop has goods of a shipped parcel back and can sell them again."""

    return_id: UUID
    lines: tuple[StockLine, ...] = Field(min_length=1)
    received_at: Moment


class RefundedLine(Part):
    """What of one product was refunded; quantity 0: only money, as a rebate."""

    product_id: UUID
    quantity: int = Field(ge=0)
    amount_minor: Amount


class RefundPart(Part):
    """What of a refund belongs to one parcel. Patronage shrinks by its goods, if the parcel was ever completed."""

    parcel_id: UUID
    shop_id: UUID
    cooperative_id: UUID | None
    goods_minor: Amount
    shipping_minor: Amount
    lines: tuple[RefundedLine, ...]


@event("orders.refund_made", version=1, topic=ORDERS, keyed_by="order_id", ordered_by="order_id")
class RefundMade(Event):
    """Money of the order went back to the buyer."""

    order_id: UUID
    refund_id: UUID
    buyer_id: UUID
    parcel_id: UUID | None = Field(description="None: of the order as a whole.")
    shop_id: UUID | None
    payment_method: PaymentMethod
    amount_minor: Amount
    currency: Currency
    reason: str = Field(pattern="^[a-z_]{2,40}$")
    parts: tuple[RefundPart, ...] = Field(default=(), description="Whose money it was; their sum is the amount.")
    refunded_at: Moment
