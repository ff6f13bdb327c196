"""Give money back: write down what must go back, and ask the provider to send it.

What must stay true: a receipt never gives back more than it brought; the provider is asked with the refund's own id, so
asking twice is asking once. Cash taken at the door is handed back by the shop: that refund is made when it is written.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.order import Order
from services.orders.domain.problems import MoreThanPaid
from services.orders.store import NewRefund, Parcel, Receipt
from shared import calls_out, outbox
from shared.contracts.orders import RefundMade
from shared.db import Connection
from shared.ids import new_id

REFUND = "refund"
AT_THE_DOOR = "cod"  # the provider of cash


async def give_back_all(conn: Connection, orders: Sequence[tuple[Order, str]], *, now: datetime) -> None:
    """All money that counts for these (locked) orders goes back, each for its reason."""
    by_order: dict[UUID, list[Receipt]] = defaultdict(list)
    for receipt in await store.lock_receipts(conn, [order.order_id for order, _ in orders]):
        by_order[receipt.order_id].append(receipt)
    for order, reason in orders:
        refunds = [_refund(receipt, receipt.left_minor, reason=reason) for receipt in by_order.get(order.order_id, ())]
        await _ask(conn, order, refunds, now=now)


async def give_back_part(
    conn: Connection,
    order: Order,
    amount_minor: int,
    *,
    reason: str,
    now: datetime,
    parcel_id: UUID | None = None,
    shop_id: UUID | None = None,
    requested_by: UUID | None = None,
) -> list[NewRefund]:
    """Part of the (locked) order's money goes back, from its oldest receipts first. Raises MoreThanPaid."""
    receipts = await store.lock_receipts(conn, [order.order_id])
    if parcel_id is not None:  # cash was taken per parcel and goes back from there
        receipts.sort(key=lambda receipt: receipt.provider_reference != str(parcel_id))
    left_minor = sum(receipt.left_minor for receipt in receipts)
    if amount_minor > left_minor:
        raise MoreThanPaid(f"{left_minor} is left of what was paid", left_minor=left_minor)
    refunds = []
    for receipt in receipts:
        part_minor = min(amount_minor, receipt.left_minor)
        amount_minor -= part_minor
        if part_minor > 0:
            refunds.append(
                _refund(
                    receipt, part_minor, reason=reason, parcel_id=parcel_id, shop_id=shop_id, requested_by=requested_by
                )
            )
    await _ask(conn, order, refunds, now=now)
    return refunds


async def give_back_parcel(conn: Connection, order: Order, parcel: Parcel, *, reason: str, now: datetime) -> None:
    """What was paid for a parcel that its buyer does not get goes back, less what went back already.

    A refund that names no parcel may have taken some of it: then what is left of the order's money goes back.
    """
    owed_minor = parcel.goods_minor + parcel.shipping_minor - await store.refunded_of_parcel(conn, parcel.parcel_id)
    left_minor = sum(receipt.left_minor for receipt in await store.lock_receipts(conn, [order.order_id]))
    if (amount_minor := min(owed_minor, left_minor)) > 0:
        await give_back_part(
            conn, order, amount_minor, reason=reason, now=now, parcel_id=parcel.parcel_id, shop_id=parcel.shop_id
        )


async def give_back_receipt(conn: Connection, order: Order, receipt: Receipt, *, reason: str, now: datetime) -> None:
    """Money that does not count for the order goes back whole."""
    await _ask(conn, order, [_refund(receipt, receipt.left_minor, reason=reason)], now=now)


def _refund(
    receipt: Receipt,
    amount_minor: int,
    *,
    reason: str,
    parcel_id: UUID | None = None,
    shop_id: UUID | None = None,
    requested_by: UUID | None = None,
) -> NewRefund:
    return NewRefund(
        refund_id=new_id(),
        order_id=receipt.order_id,
        parcel_id=parcel_id,
        shop_id=shop_id,
        provider=receipt.provider,
        provider_reference=receipt.provider_reference,
        amount_minor=amount_minor,
        reason=reason,
        requested_by=requested_by,
    )


async def _ask(conn: Connection, order: Order, refunds: Sequence[NewRefund], *, now: datetime) -> None:
    if not refunds:
        return
    await store.insert_refunds(conn, refunds, now=now)
    for refund in refunds:
        if refund.provider == AT_THE_DOOR:
            await store.finish_refund(conn, refund.refund_id, is_made=True, refund_number=None, now=now)
            outbox.append(conn, refund_event(order, refund, now=now))
        else:
            await calls_out.request(conn, REFUND, str(refund.refund_id), {}, deadline_seconds=30 * 86_400)


def refund_event(order: Order, refund: NewRefund, *, now: datetime) -> RefundMade:
    """Money of the order is with the buyer again."""
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
        refunded_at=now,
    )
