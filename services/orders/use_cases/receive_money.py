"""Receive money that a provider tells us of: by its notification, by its answer, or because we asked.

Told twice is received once: the provider's reference decides. Money that cannot count for the order is written down and
goes back; none is kept silently. All of it is booked as it comes.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.order import Order, Verdict, money_received
from services.orders.domain.problems import UnknownCharge
from services.orders.store import Receipt, accounts
from services.orders.store.accounts import Movement
from services.orders.use_cases.book_money import money_in
from services.orders.use_cases.give_back import give_back_receipt
from services.orders.use_cases.receipts import Money
from services.orders.use_cases.record_steps import Taken, record_steps
from shared.db import Connection


async def receive_notified_money(conn: Connection, order_id: UUID, money: Money, *, now: datetime) -> Verdict | None:
    """Receive the money of a notification. Raises UnknownCharge unless it was paid to the order's own charge.

    A provider signs for all its merchants with one key and lets each choose its references, so another merchant's
    signed notification may name our order. Only the provider's own reference, told to us alone, says whose money it is.
    """
    charge = await store.charge_subject(conn, order_id)
    if charge is None or charge.provider_reference != money.provider_reference:
        raise UnknownCharge
    return await receive_money(conn, order_id, money, now=now)


async def receive_money(conn: Connection, order_id: UUID, money: Money, *, now: datetime) -> Verdict | None:
    """What became of the money; None when we knew of it already. Raises UnknownCharge."""
    verdict, movements = await take_money(conn, order_id, money, now=now)
    await accounts.post(conn, movements)
    return verdict


async def take_money(
    conn: Connection, order_id: UUID, money: Money, *, cooperative_id: UUID | None = None, now: datetime
) -> tuple[Verdict | None, list[Movement]]:
    """The same, with what the caller has to post; `cooperative_id` of savings. Raises UnknownCharge."""
    order = await store.lock_order(conn, order_id)
    if order is None:
        raise UnknownCharge
    (taken,) = await take_all(conn, [(order, money, cooperative_id)], now=now)
    return taken


async def take_all(
    conn: Connection, incoming: Sequence[tuple[Order, Money, UUID | None]], *, now: datetime
) -> list[tuple[Verdict | None, list[Movement]]]:
    """The same for many (locked) orders, each named once; the cooperative of savings is beside the money."""
    steps = [money_received(order, money.amount_minor) for order, money, _ in incoming]
    new = await store.insert_receipts(
        conn,
        [(order.order_id, money, verdict) for (order, money, _), (_, verdict) in zip(incoming, steps, strict=True)],
    )
    taken: list[tuple[Verdict | None, list[Movement]]] = []
    kept: list[Taken] = []
    for (order, money, cooperative_id), (step, verdict) in zip(incoming, steps, strict=True):
        if (money.provider, money.provider_reference) not in new:
            taken.append((None, []))
            continue
        movements = [money_in(order.order_id, money, cooperative_id)]
        if verdict.is_kept:
            kept.append(Taken(order, step))
        else:
            receipt = Receipt(order.order_id, money.provider, money.provider_reference, money.amount_minor)
            movements += await give_back_receipt(conn, order, receipt, cooperative_id, reason=verdict.value, now=now)
        taken.append((verdict, movements))
    paid = [order.order_id for (order, _, _), (verdict, _) in zip(incoming, taken, strict=True) if verdict is not None]
    await store.settle_charges(conn, paid, "paid")
    await record_steps(conn, kept, now=now)
    return taken
