"""Place orders: many at once, in one transaction, each decided and answered on its own.

This is the hottest path of the market. It makes a fixed number of round trips however many orders there are, and leaves
nothing behind for an order that it refuses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from services.orders import store
from services.orders.domain.placing import NewOrder, Offer, WantedLine, place
from services.orders.domain.problems import EmptyCart
from services.orders.domain.shipping import ShippingFees
from services.orders.store import SavingsPayment, ShipTo
from shared import idempotency, outbox
from shared.contracts.orders import PaymentMethod
from shared.db import Connection
from shared.idempotency import Claim, Replay
from shared.ids import new_id
from shared.problems import Forbidden, Problem

CREATED = 201


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """What a buyer asks for. Without lines, what is in the cart, which is emptied."""

    buyer_id: UUID
    claim: Claim
    lines: tuple[WantedLine, ...] | None
    ship_to: ShipTo
    method: PaymentMethod
    traceparent: str | None
    cooperative_id: UUID | None = None  # whose savings pay


async def place_orders(
    conn: Connection, commands: Sequence[PlaceOrder], *, fees: ShippingFees, answer_seconds: float, now: datetime
) -> list[Replay | Problem]:
    """An answer for each command, in order: 201 with the order, the answer given before, or why not."""
    claimed = await idempotency.claim(conn, [command.claim for command in commands])
    fresh = [i for i, outcome in enumerate(claimed) if outcome is None]
    answers: list[Replay | Problem] = [outcome or Forbidden() for outcome in claimed]
    if not fresh:
        return answers
    erased = await store.erased_among(conn, {commands[i].buyer_id for i in fresh})
    wanted = await _wanted_lines(conn, {i: commands[i] for i in fresh})
    offers = await store.offers(conn, {line.product_id for lines in wanted.values() for line in lines})
    placed: dict[int, NewOrder] = {}
    for i in fresh:
        try:
            placed[i] = _decide(commands[i], wanted[i], offers, erased=erased, fees=fees, now=now)
            answers[i] = Replay(CREATED, answer_of(placed[i]))
        except Problem as problem:
            answers[i] = problem
    if placed:
        await _write(conn, commands, placed, answers, answer_seconds=answer_seconds)
    return answers


async def _wanted_lines(conn: Connection, commands: dict[int, PlaceOrder]) -> dict[int, Sequence[WantedLine]]:
    """The lines of each command; a cart goes to the first command that checks it out."""
    from_cart = {command.buyer_id for command in commands.values() if command.lines is None}
    carts = dict(await store.lock_carts(conn, from_cart)) if from_cart else {}
    return {
        i: command.lines if command.lines is not None else carts.pop(command.buyer_id, ())
        for i, command in commands.items()
    }


def _decide(
    command: PlaceOrder,
    lines: Sequence[WantedLine],
    offers: dict[UUID, Offer],
    *,
    erased: set[UUID],
    fees: ShippingFees,
    now: datetime,
) -> NewOrder:
    if command.buyer_id in erased:
        raise Forbidden
    if not lines:
        raise EmptyCart
    return place(
        lines,
        offers,
        buyer_id=command.buyer_id,
        method=command.method,
        region_code=command.ship_to.region_code,
        fees=fees,
        new_id=new_id,
        now=now,
    )


async def _write(
    conn: Connection,
    commands: Sequence[PlaceOrder],
    placed: dict[int, NewOrder],
    answers: Sequence[Replay | Problem],
    *,
    answer_seconds: float,
) -> None:
    await store.insert_orders(
        conn,
        list(placed.values()),
        [commands[i].ship_to for i in placed],
        [commands[i].traceparent for i in placed],
        answer_seconds=answer_seconds,
    )
    savings = [
        SavingsPayment(order.order_id, new_id(), cooperative_id)
        for i, order in placed.items()
        if (cooperative_id := commands[i].cooperative_id) is not None
    ]
    if savings:
        await store.insert_savings_payments(conn, savings)
    kept = [(commands[i].claim, answer.status, answer.body) for i in placed if isinstance(answer := answers[i], Replay)]
    await idempotency.store(conn, kept)
    from_cart = [
        (order.buyer_id, line.offer.product_id)
        for i, order in placed.items()
        if commands[i].lines is None
        for line in order.lines
    ]
    if from_cart:
        await store.empty_carts(conn, from_cart)
    for i, order in placed.items():
        outbox.append(conn, order.as_placed_event(), traceparent=commands[i].traceparent)


def answer_of(order: NewOrder) -> bytes:
    """The answer, made once: these bytes are sent, stored and replayed."""
    goods_minor = sum(parcel.goods_minor for parcel in order.parcels)
    return orjson.dumps(
        {
            "order_id": str(order.order_id),  # asyncpg's ids and ours are of a class that orjson does not know
            "status": "placed",
            "goods_minor": goods_minor,
            "shipping_minor": order.total_minor - goods_minor,
            "total_minor": order.total_minor,
            "currency": order.currency,
            "payment": {"method": order.method},
            "parcels": [
                {
                    "parcel_id": str(parcel.parcel_id),
                    "shop_id": str(parcel.shop_id),
                    "goods_minor": parcel.goods_minor,
                    "shipping_minor": parcel.shipping_minor,
                    "status": "pending",
                }
                for parcel in order.parcels
            ],
            "placed_at": order.placed_at,
        }
    )
