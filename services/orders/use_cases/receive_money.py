"""Receive money that a provider tells us of: by its notification, by its answer, or because we asked.

Told twice is received once: the provider's reference decides. Money that cannot count for the order is written down and
goes back; none is kept silently.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.order import Verdict, money_received
from services.orders.domain.problems import UnknownCharge
from services.orders.store import Receipt
from services.orders.use_cases.give_back import give_back_receipt
from services.orders.use_cases.record_steps import Taken, record_steps
from shared.db import Connection


@dataclass(frozen=True, slots=True)
class Money:
    """An amount that came in, in rupiah, under the provider's own reference."""

    provider: str
    provider_reference: str
    amount_minor: int
    received_at: datetime


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
        return None
    await store.settle_charge(conn, order_id, "paid")
    if verdict.is_kept:
        await record_steps(conn, [Taken(order, step)], now=now)
    else:
        receipt = Receipt(order_id, money.provider, money.provider_reference, money.amount_minor)
        await give_back_receipt(conn, order, receipt, reason=verdict.value, now=now)
    return verdict
