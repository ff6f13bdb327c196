"""Go on with orders whose stock catalog has set aside, or could not.

Every answer carries the attempt that it belongs to; a stale one, or one for an order that has ended, changes nothing:
the order's own cancellation, later in the same order of events, gives the stock back.
"""

from collections.abc import Sequence
from datetime import datetime

import orjson

from services.orders import store
from services.orders.domain.order import stock_refused, stock_reserved
from services.orders.use_cases.record_steps import Taken, record_steps
from shared.contracts.catalog import StockRefused, StockReserved
from shared.db import Connection


async def go_on_with_reserved(conn: Connection, answers: Sequence[StockReserved], *, now: datetime) -> None:
    """Cash orders are confirmed; others are asked for their money; late money has bought its goods after all."""
    orders = await store.lock_orders(conn, [answer.order_id for answer in answers])
    taken = [
        Taken(order, stock_reserved(order, answer.attempt))
        for answer in answers
        if (order := orders.get(answer.order_id))
    ]
    await record_steps(conn, taken, now=now)


async def end_refused(conn: Connection, answers: Sequence[StockRefused], *, now: datetime) -> None:
    """Orders whose stock was refused end, with the reasons shown; late money goes back."""
    orders = await store.lock_orders(conn, [answer.order_id for answer in answers])
    taken = []
    for answer in answers:
        order = orders.get(answer.order_id)
        if order is not None:
            is_changed = all(shortage.reason in {"changed", "withdrawn"} for shortage in answer.shortages)
            step = stock_refused(order, answer.attempt, is_offer_changed=is_changed)
            shortages = orjson.dumps([shortage.model_dump(mode="json") for shortage in answer.shortages]).decode()
            taken.append(Taken(order, step, shortages))
    await record_steps(conn, taken, now=now)
