"""Hear what a cooperative says to a charge: taken from the savings, or refused.

Only the cooperative that was asked, under the charge that it was asked for, is believed. Money that comes after the
order's time is late money: the stock is asked for again, or the savings are credited again by refund_made.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.orders import store
from services.orders.domain.order import charge_refused
from services.orders.store import SavingsPayment, accounts
from services.orders.store.accounts import Movement
from services.orders.use_cases.book_money import SAVINGS
from services.orders.use_cases.receipts import Money
from services.orders.use_cases.receive_money import take_money
from services.orders.use_cases.record_steps import Taken, record_steps
from shared.contracts.cooperatives import SavingsAnswer, SavingsCharged, SavingsRefused
from shared.db import Connection
from shared.handlers import Reject


async def take_savings(conn: Connection, answers: Sequence[SavingsCharged], *, now: datetime) -> None:
    """Savings were charged for these orders. Raises Reject for a charge that nobody asked for."""
    asked = await _asked(conn, answers)
    movements: list[Movement] = []
    for answer in answers:
        payment = asked[answer.order_id]
        money = Money(SAVINGS, str(payment.charge_id), answer.amount_minor, answer.charged_at)
        _, moved = await take_money(conn, answer.order_id, money, cooperative_id=payment.cooperative_id, now=now)
        movements += moved
    await accounts.post(conn, movements)


async def end_without_savings(conn: Connection, answers: Sequence[SavingsRefused], *, now: datetime) -> None:
    """Nothing was taken: these orders end, unless they have ended before. Raises Reject for an unknown charge."""
    await _asked(conn, answers)
    orders = await store.lock_orders(conn, [answer.order_id for answer in answers])
    for order_id in orders:
        await store.settle_charges(conn, [order_id], "refused")
    await record_steps(conn, [Taken(order, charge_refused(order)) for order in orders.values()], now=now)


async def _asked(conn: Connection, answers: Sequence[SavingsAnswer]) -> dict[UUID, SavingsPayment]:
    asked = await store.savings_payments_of(conn, [answer.order_id for answer in answers])
    for answer in answers:
        payment = asked.get(answer.order_id)
        if payment is None or (payment.charge_id, payment.cooperative_id) != (answer.charge_id, answer.cooperative_id):
            raise Reject(f"nobody asked {answer.cooperative_id} for the charge {answer.charge_id}")
    return asked
