"""Receive money that a provider tells us of: by its notification, by its answer, or because we asked.

Told twice is received once: the provider's reference decides. Money that cannot count for the order is written down and
goes back; none is kept silently. All of it is booked as it comes.
"""

from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.order import Verdict, money_received
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
    step, verdict = money_received(order, money.amount_minor)
    is_new = await store.insert_receipt(
        conn,
        provider=money.provider,
        provider_reference=money.provider_reference,
        order_id=order_id,
        amount_minor=money.amount_minor,
        verdict=verdict,
        received_at=money.received_at,
    )
    if not is_new:
        return None, []
    movements = [money_in(order_id, money, cooperative_id)]
    await store.settle_charge(conn, order_id, "paid")
    if verdict.is_kept:
        await record_steps(conn, [Taken(order, step)], now=now)
    else:
        receipt = Receipt(order_id, money.provider, money.provider_reference, money.amount_minor)
        movements += await give_back_receipt(conn, order, receipt, cooperative_id, reason=verdict.value, now=now)
    return verdict, movements
