"""The life of an order as a calculation: what it becomes when something happens, and what must be done then.

What must stay true: an answer of the stock counts only for the attempt that asked; money that comes twice, too late or
in the wrong amount is never kept silently; nothing leaves a final state except money that comes after the order
expired unpaid, which asks for the stock once more.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from services.orders.domain.parcel import ParcelStatus
from services.orders.domain.problems import NotCancellable
from shared.contracts.orders import CancelReason, PaymentMethod


class OrderStatus(StrEnum):
    """Where an order is in its life."""

    PLACED = "placed"  # durable; catalog has not answered yet
    RESERVED = "reserved"  # stock is set aside; waiting for the money
    CONFIRMED = "confirmed"  # will be fulfilled: paid, or paid at the door
    RECLAIMING = "reclaiming"  # money came after the stock was given back: asking again
    COMPLETED = "completed"  # every parcel has ended, at least one with the buyer
    CANCELLED = "cancelled"


class Effect(StrEnum):
    """What has to be done because of a step."""

    ASK_PAYMENT = "ask_payment"
    CONFIRM = "confirm"
    MARK_PAID = "mark_paid"
    CANCEL = "cancel"
    ASK_STOCK_AGAIN = "ask_stock_again"
    REFUND_ALL = "refund_all"
    COMPLETE = "complete"


class Verdict(StrEnum):
    """What became of money that came in."""

    ACCEPTED = "accepted"
    LATE = "late"
    WRONG_AMOUNT = "wrong_amount"
    DUPLICATE = "duplicate"
    AFTER_CANCEL = "after_cancel"

    @property
    def is_kept(self) -> bool:
        """Whether the money counts for the order; what is not kept is refunded."""
        return self in {Verdict.ACCEPTED, Verdict.LATE}


@dataclass(frozen=True, slots=True)
class Order:
    """What decides the next step of an order."""

    order_id: UUID
    buyer_id: UUID
    status: OrderStatus
    method: PaymentMethod
    attempt: int
    total_minor: int
    received_minor: int
    currency: str
    cancel_reason: CancelReason | None = None

    @property
    def is_paid_first(self) -> bool:
        """Whether money must come before the parcels leave."""
        return self.method != "cod" and self.total_minor > 0


@dataclass(frozen=True, slots=True)
class Step:
    """The order as it is from now on, and what must be done."""

    order: Order
    effects: tuple[Effect, ...] = ()


def stock_reserved(order: Order, attempt: int) -> Step:
    """Catalog set the stock aside. A stale answer, or one for an order that has ended, changes nothing."""
    if attempt != order.attempt:
        return Step(order)
    if order.status is OrderStatus.PLACED:
        if order.is_paid_first:
            return Step(replace(order, status=OrderStatus.RESERVED), (Effect.ASK_PAYMENT,))
        return Step(replace(order, status=OrderStatus.CONFIRMED), (Effect.CONFIRM,))
    if order.status is OrderStatus.RECLAIMING:
        return Step(replace(order, status=OrderStatus.CONFIRMED), (Effect.CONFIRM, Effect.MARK_PAID))
    return Step(order)


def stock_refused(order: Order, attempt: int, *, is_offer_changed: bool = False) -> Step:
    """Catalog could not set the stock aside: the order ends, and late money goes back."""
    if attempt != order.attempt:
        return Step(order)
    if order.status is OrderStatus.PLACED:
        return _cancelled(order, "offer_changed" if is_offer_changed else "out_of_stock")
    if order.status is OrderStatus.RECLAIMING:
        return _cancelled(order, "paid_too_late", Effect.REFUND_ALL)
    return Step(order)


def money_received(order: Order, amount_minor: int) -> tuple[Step, Verdict]:
    """Money came in through the provider, for the first time under its reference."""
    if order.received_minor > 0:
        return Step(order), Verdict.DUPLICATE
    if amount_minor != order.total_minor:
        return Step(order), Verdict.WRONG_AMOUNT
    held = replace(order, received_minor=amount_minor)
    if order.status is OrderStatus.RESERVED:
        return Step(replace(held, status=OrderStatus.CONFIRMED), (Effect.MARK_PAID, Effect.CONFIRM)), Verdict.ACCEPTED
    if order.status is OrderStatus.CANCELLED and order.cancel_reason in {"unpaid", "payment_refused"}:
        asking = replace(held, status=OrderStatus.RECLAIMING, attempt=order.attempt + 1, cancel_reason=None)
        return Step(asking, (Effect.ASK_STOCK_AGAIN,)), Verdict.LATE
    return Step(order), Verdict.AFTER_CANCEL


def charge_refused(order: Order) -> Step:
    """The provider will not take this payment."""
    return _cancelled(order, "payment_refused") if order.status is OrderStatus.RESERVED else Step(order)


def payment_deadline_passed(order: Order) -> Step:
    """The time to pay is over."""
    return _cancelled(order, "unpaid") if order.status is OrderStatus.RESERVED else Step(order)


def cancel(order: Order, parcels: Collection[ParcelStatus], *, by: CancelReason) -> Step:
    """Somebody wants the order to end; possible until the first parcel is shipped. Raises NotCancellable."""
    if order.status in {OrderStatus.COMPLETED, OrderStatus.CANCELLED}:
        raise NotCancellable(f"the order is {order.status.value}")
    if not set(parcels) <= {ParcelStatus.PENDING, ParcelStatus.CANCELLED}:
        raise NotCancellable("a parcel is on its way already")
    return _cancelled(order, by, *([Effect.REFUND_ALL] if order.received_minor else []))


def parcels_ended(order: Order, parcels: Collection[ParcelStatus]) -> Step:
    """A parcel has ended: when it was the last one, so has the order."""
    if order.status is not OrderStatus.CONFIRMED or not all(parcel.is_final for parcel in parcels):
        return Step(order)
    if ParcelStatus.COMPLETED in parcels:
        return Step(replace(order, status=OrderStatus.COMPLETED), (Effect.COMPLETE,))
    return _cancelled(order, "buyer" if ParcelStatus.RETURNED in parcels else "seller")


def is_paid_at_the_door(order: Order, parcels: Collection[ParcelStatus]) -> bool:
    """Whether the cash of every parcel that still counts has been taken, and there is some."""
    reached = {ParcelStatus.DELIVERED, ParcelStatus.COMPLETED}
    counted = [parcel for parcel in parcels if parcel not in {ParcelStatus.CANCELLED, ParcelStatus.RETURNED}]
    return order.method == "cod" and order.received_minor > 0 and all(parcel in reached for parcel in counted)


def _cancelled(order: Order, reason: CancelReason, *effects: Effect) -> Step:
    return Step(replace(order, status=OrderStatus.CANCELLED, cancel_reason=reason), (Effect.CANCEL, *effects))
