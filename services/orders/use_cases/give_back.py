"""Give money back: write down what must go back and whose it is, book it, and ask the provider to send it.

What must stay true: a receipt never gives back more than it brought, a line never more than it cost; the provider is
asked with the refund's own id, so asking twice is asking once. Cash is handed back by the shop and savings are credited
again by the cooperative: those refunds are made when they are written.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.order import Order
from services.orders.domain.problems import MoreThanPaid
from services.orders.domain.refunds import RefundedPart, everything
from services.orders.domain.settlement import StandingPart
from services.orders.store import NewRefund, Owners, Parcel, Receipt, accounts
from services.orders.store.accounts import Movement
from services.orders.use_cases.book_money import AT_THE_DOOR, Outgoing, refunded
from services.orders.use_cases.open_money import OpenMoney, open_money
from services.orders.use_cases.refund_facts import refund_event
from shared import calls_out, outbox
from shared.db import Connection
from shared.ids import new_id

REFUND = "refund"
PROVIDER_SECONDS = 30 * 86_400  # so long the provider is asked again


async def give_back_all(conn: Connection, orders: Sequence[tuple[Order, str]], *, now: datetime) -> None:
    """All money that counts for these (locked) orders goes back, each for its reason."""
    receipts = await store.lock_receipts(conn, [order.order_id for order, _ in orders])
    money = await open_money(conn, [order for order, _ in orders], now=now)
    refunds = []
    for order, reason in orders:
        of_order = [receipt for receipt in receipts if receipt.order_id == order.order_id]
        parts = everything(money.refundable(order.order_id))
        refunds += _refunds(order, of_order, parts, reason=reason)
    await post_refunds(conn, [order for order, _ in orders], refunds, money, now=now)


async def give_back_parts(
    conn: Connection,
    order: Order,
    parts: Sequence[RefundedPart],
    money: OpenMoney,
    *,
    reason: str,
    now: datetime,
    parcel: tuple[UUID, UUID] | None = None,
    requested_by: UUID | None = None,
) -> list[NewRefund]:
    """These parts of the (locked) order's money go back; `parcel` and its shop are named when it is about one.

    Raises MoreThanPaid when the receipts do not have it.
    """
    receipts = await store.lock_receipts(conn, [order.order_id])
    left_minor = sum(receipt.left_minor for receipt in receipts)
    if sum(part.amount_minor for part in parts) > left_minor:
        raise MoreThanPaid(f"{left_minor} is left of what was paid", left_minor=left_minor)
    refunds = _refunds(order, receipts, parts, reason=reason)
    if parcel is not None:
        refunds = [replace(refund, parcel_id=parcel[0], shop_id=parcel[1]) for refund in refunds]
    refunds = [replace(refund, requested_by=requested_by) for refund in refunds]
    await post_refunds(conn, [order], refunds, money, now=now)
    return refunds


async def give_back_parcel(conn: Connection, order: Order, parcel: Parcel, *, reason: str, now: datetime) -> None:
    """What was paid for a parcel that its buyer does not get goes back, less what went back already."""
    money = await open_money(conn, [order], now=now)
    items = [item for item in money.refundable(order.order_id) if item.parcel_id == parcel.parcel_id]
    of_parcel = (parcel.parcel_id, parcel.shop_id)
    await give_back_parts(conn, order, everything(items), money, reason=reason, now=now, parcel=of_parcel)


async def give_back_receipt(
    conn: Connection, order: Order, receipt: Receipt, cooperative_id: UUID | None, *, reason: str, now: datetime
) -> list[Movement]:
    """Money that does not count for the order goes back whole; the movements, for the caller to post."""
    cooperatives = {} if cooperative_id is None else {order.order_id: cooperative_id}
    refund = _refund(receipt, receipt.left_minor, (), reason=reason)
    return await write_refunds(conn, [order], [refund], OpenMoney({}, cooperatives, []), now=now)


def _refunds(
    order: Order, receipts: Sequence[Receipt], parts: Sequence[RefundedPart], *, reason: str
) -> list[NewRefund]:
    """A refund per receipt: cash was taken per parcel and goes back from there, all else came in one receipt."""
    if order.method != AT_THE_DOOR:
        sums = [(receipt, list(parts)) for receipt in receipts[:1]]
    else:
        sums = [
            (receipt, [part for part in parts if str(part.parcel_id) == receipt.provider_reference])
            for receipt in receipts
        ]
    return [
        _refund(receipt, sum(part.amount_minor for part in of_receipt), of_receipt, reason=reason)
        for receipt, of_receipt in sums
        if of_receipt
    ]


def _refund(receipt: Receipt, amount_minor: int, parts: Sequence[RefundedPart], *, reason: str) -> NewRefund:
    return NewRefund(
        refund_id=new_id(),
        order_id=receipt.order_id,
        parcel_id=None,
        shop_id=None,
        provider=receipt.provider,
        provider_reference=receipt.provider_reference,
        amount_minor=amount_minor,
        reason=reason,
        requested_by=None,
        parts=tuple(parts),
    )


async def post_refunds(
    conn: Connection, orders: Collection[Order], refunds: Sequence[NewRefund], money: OpenMoney, *, now: datetime
) -> None:
    """Write the refunds and post what moves."""
    movements = await write_refunds(conn, orders, refunds, money, now=now)
    await accounts.post(conn, [*money.movements, *movements])


async def write_refunds(
    conn: Connection, orders: Collection[Order], refunds: Sequence[NewRefund], money: OpenMoney, *, now: datetime
) -> list[Movement]:
    """Write the refunds, publish those that are made at once, ask for the others; the movements of all."""
    if not refunds:
        return []
    owners, by_id = money.owners, {order.order_id: order for order in orders}
    await store.insert_refunds(conn, refunds, now=now)
    parts = [(refund.refund_id, part) for refund in refunds for part in refund.parts]
    if parts:
        await store.insert_refund_parts(conn, parts)
    movements = await _movements(conn, refunds, money, owners, now=now)
    for refund in refunds:
        if outgoing(refund, None, {}).is_immediate:
            await finish(conn, by_id[refund.order_id], refund, refund.parts, owners, number=None, now=now)
        else:
            await calls_out.request(conn, REFUND, str(refund.refund_id), {}, deadline_seconds=PROVIDER_SECONDS)
    return movements


async def finish(
    conn: Connection,
    order: Order,
    refund: NewRefund,
    parts: Sequence[RefundedPart],
    owners: Owners,
    *,
    number: str | None,
    now: datetime,
) -> None:
    """The money is with the buyer: the fact, and its id beside the refund."""
    outbox.append(conn, refund_event(order, refund, parts, owners, now=now))
    event_id = conn.events[-1].event_id
    await store.finish_refund(conn, refund.refund_id, is_made=True, refund_number=number, event_id=event_id, now=now)


def outgoing(refund: NewRefund, cooperative_id: UUID | None, owners: Owners) -> Outgoing:
    """The refund as it is booked."""
    shop_of = {parcel_id: shop_id for parcel_id, (shop_id, _) in owners.items()}
    return Outgoing(refund.refund_id, refund.order_id, refund.provider, refund.amount_minor, cooperative_id, shop_of)


async def _movements(
    conn: Connection, refunds: Sequence[NewRefund], money: OpenMoney, owners: Owners, *, now: datetime
) -> list[Movement]:
    from_settled = {part.parcel_id for refund in refunds for part in refund.parts if part.is_of_settled}
    standing: Mapping[UUID, list[StandingPart]] = await store.standing_parts(conn, from_settled) if from_settled else {}
    movements, taken = [], []
    for refund in refunds:
        cooperative_id = money.cooperatives.get(refund.order_id)
        movement, of_parts = refunded(outgoing(refund, cooperative_id, owners), refund.parts, standing, now=now)
        movements.append(movement)
        taken += of_parts
    if taken:
        await store.take_back_parts(conn, taken)
    return movements
