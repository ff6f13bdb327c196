"""Record the steps that orders have taken: the rows, what follows from them, and the facts that others hear.

The orders are locked by the caller. Set-based: a worker's batch of a thousand answers costs as many statements as one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.order import Effect, Order, OrderStatus, Step
from services.orders.domain.parcel import ParcelStatus
from services.orders.use_cases import parcel_facts
from services.orders.use_cases.give_back import give_back_all
from services.orders.use_cases.pay_from_savings import ask_cooperatives
from shared import calls_out, outbox
from shared.contracts.orders import OrderCancelled, OrderConfirmed, OrderPaid, ReservationRequested
from shared.db import Connection

# What is asked of the payment provider, by order.
CHARGE, END_CHARGE, CHECK, CHECK_ENDED = "charge", "end_charge", "check_charge", "check_ended_charge"


@dataclass(frozen=True, slots=True)
class Taken:
    """An order as it was, and the step it takes. `shortages` is the JSON text of catalog's reasons, to be shown."""

    before: Order
    step: Step
    shortages: str | None = None

    @property
    def after(self) -> Order:
        """The order as it is now."""
        return self.step.order


async def record_steps(conn: Connection, taken: Sequence[Taken], *, now: datetime) -> None:
    """Write all steps that change something, and do what they ask for."""
    changed = [one for one in taken if one.after != one.before]
    if not changed:
        return
    deadlines = [deadline_seconds(conn, one.after.status) for one in changed]
    await store.write_steps(conn, changed, deadlines, now=now)
    await _ask_payments(conn, _with(changed, Effect.ASK_PAYMENT), now=now)
    await _end(conn, _with(changed, Effect.CANCEL), now=now)
    revived = [one.before.order_id for one in changed if is_revived(one)]
    if revived:
        await store.revive_parcels(conn, revived)
    again = [one.after.order_id for one in _with(changed, Effect.ASK_STOCK_AGAIN)]
    lines = await store.lines_of_orders(conn, again) if again else {}
    for one in changed:
        for effect in one.step.effects:
            _publish(conn, one, effect, lines=lines, now=now)
    refunded = _with(changed, Effect.REFUND_ALL)
    if refunded:
        await give_back_all(conn, [(one.after, refund_reason(one.after)) for one in refunded], now=now)


def is_revived(one: Taken) -> bool:
    """Whether an order that had ended is to be fulfilled after all."""
    return one.before.status is OrderStatus.RECLAIMING and one.after.status is OrderStatus.CONFIRMED


def refund_reason(order: Order) -> str:
    """Why all money of a cancelled order goes back."""
    return "paid_too_late" if order.cancel_reason == "paid_too_late" else "order_cancelled"


def deadline_seconds(conn: Connection, status: OrderStatus) -> float | None:
    """How long an order may stay as it is before somebody must look."""
    if status is OrderStatus.RESERVED:
        return float(conn.settings.payment_seconds)
    if status in {OrderStatus.PLACED, OrderStatus.RECLAIMING}:
        return float(conn.settings.stock_answer_seconds)
    return None


def _with(taken: Sequence[Taken], effect: Effect) -> list[Taken]:
    return [one for one in taken if effect in one.step.effects]


async def _ask_payments(conn: Connection, asking: Sequence[Taken], *, now: datetime) -> None:
    if not asking:
        return
    await store.insert_charges(conn, [(one.after.order_id, one.after.total_minor) for one in asking], now=now)
    await ask_cooperatives(conn, [one.after for one in asking if one.after.method == "savings"], now=now)
    subjects: dict[str, dict[str, str]] = {
        str(one.after.order_id): {} for one in asking if one.after.method != "savings"
    }
    if subjects:
        await calls_out.request_all(conn, CHARGE, subjects, deadline_seconds=float(conn.settings.payment_seconds))


async def _end(conn: Connection, ending: Sequence[Taken], *, now: datetime) -> None:
    """Parcels end with their order, and nobody shall pay for it any more."""
    if not ending:
        return
    order_ids = [one.after.order_id for one in ending]
    committed = {one.after.order_id: one.after for one in ending if one.before.status is OrderStatus.CONFIRMED}
    if committed:
        await _publish_cancelled_parcels(conn, committed, now=now)
    await store.end_parcels(conn, order_ids, now=now)
    paid_first = [one.after.order_id for one in ending if one.before.status is not OrderStatus.PLACED]
    if paid_first and (open_charges := await store.open_charges(conn, paid_first)):
        await calls_out.request_all(conn, END_CHARGE, {str(order_id): {} for order_id in open_charges})


async def _publish_cancelled_parcels(conn: Connection, orders: Mapping[UUID, Order], *, now: datetime) -> None:
    """Stock of a confirmed order has left: it comes back parcel by parcel."""
    parcels = await store.lock_parcels(conn, orders)
    lines = await store.lines_of_parcels(conn, orders)
    for parcel in parcels.values():
        order = orders[parcel.order_id]
        if parcel.status is ParcelStatus.PENDING and order.cancel_reason is not None:
            rows = lines[parcel.parcel_id]
            outbox.append(conn, parcel_facts.cancelled(order, parcel, rows, reason=order.cancel_reason, now=now))


def _publish(conn: Connection, one: Taken, effect: Effect, *, lines: store.LinesOfOrders, now: datetime) -> None:
    order = one.after
    if effect is Effect.CONFIRM:
        outbox.append(conn, OrderConfirmed(order_id=order.order_id, buyer_id=order.buyer_id, confirmed_at=now))
    elif effect is Effect.MARK_PAID:
        outbox.append(conn, paid_event(order, now=now))
    elif effect is Effect.CANCEL:
        assert order.cancel_reason is not None, "a cancelled order has a reason"
        outbox.append(
            conn,
            OrderCancelled(
                order_id=order.order_id, buyer_id=order.buyer_id, reason=order.cancel_reason, cancelled_at=now
            ),
        )
    elif effect is Effect.ASK_STOCK_AGAIN:
        outbox.append(
            conn,
            ReservationRequested(
                order_id=order.order_id,
                attempt=order.attempt,
                lines=tuple(lines[order.order_id]),
                requested_at=now,
            ),
        )


def paid_event(order: Order, *, now: datetime) -> OrderPaid:
    """All money of the order is here."""
    return OrderPaid(
        order_id=order.order_id,
        buyer_id=order.buyer_id,
        payment_method=order.method,
        amount_minor=order.received_minor,
        currency=order.currency,
        paid_at=now,
    )
