"""Run carriers' manifests: of the first so many shops with undelivered parcels, the oldest order's parcel is brought.

Rounds that are asked for together share a transaction and are decided one after the other, as if each came alone.
Rounds of several processes share the work: a shop whose oldest order another holds is passed over.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from services.orders import store
from services.orders.domain.order import Order, OrderStatus
from services.orders.domain.parcel import ParcelStatus
from services.orders.store import Parcel, Undelivered
from services.orders.use_cases import parcel_facts
from services.orders.use_cases.deliver_parcel import hand_over
from shared import idempotency, outbox
from shared.db import Connection
from shared.idempotency import Claim, KeyInUse, Replay
from shared.problems import Problem

CARRIER = "manifest"
DONE = 200
MOVING = frozenset({ParcelStatus.PENDING, ParcelStatus.SHIPPED})


@dataclass(frozen=True, slots=True)
class Round:
    """A carrier wants to visit at most `count` shops."""

    claim: Claim
    count: int


async def run_manifests(conn: Connection, rounds: Sequence[Round], *, now: datetime) -> list[Replay | Problem]:
    """An answer for each round, in order: 200 with what it brought, the answer given before, or why not."""
    claimed = await idempotency.claim(conn, [one.claim for one in rounds])
    fresh = [i for i, outcome in enumerate(claimed) if outcome is None]
    answers: list[Replay | Problem] = [outcome or KeyInUse() for outcome in claimed]
    if not fresh:
        return answers
    brought = await _bring(conn, [rounds[i].count for i in fresh], now=now)
    for i, parcels in zip(fresh, brought, strict=True):
        answers[i] = Replay(DONE, answer_of(parcels))
    await idempotency.store(
        conn, [(rounds[i].claim, one.status, one.body) for i in fresh if isinstance(one := answers[i], Replay)]
    )
    return answers


async def _bring(conn: Connection, counts: Sequence[int], *, now: datetime) -> list[list[Parcel]]:
    """What each round brings."""
    found = await store.undelivered_parcels(conn, shops=sum(counts), each=len(counts))
    shares = share(counts, found)
    chosen = [one for round_ in shares for one in round_]
    orders = await store.lock_free_orders(conn, [one.order_id for one in chosen])
    orders = {order_id: order for order_id, order in orders.items() if order.status is OrderStatus.CONFIRMED}
    if not orders:
        return [[] for _ in counts]
    parcels = await store.parcels_among(conn, [one.parcel_id for one in chosen if one.order_id in orders])
    held = {one.shop_id for one in chosen if one.parcel_id not in parcels}  # their oldest may be among what is held
    brought = [
        [
            parcels[one.parcel_id]
            for one in round_
            if one.shop_id not in held and parcels[one.parcel_id].status in MOVING
        ]
        for round_ in shares
    ]
    await _move(conn, [parcel for round_ in brought for parcel in round_], orders, now=now)
    return brought


def share(counts: Sequence[int], found: Sequence[Undelivered]) -> list[list[Undelivered]]:
    """Round by round, the oldest parcel of each of the first shops that still have one."""
    by_shop: dict[UUID, deque[Undelivered]] = defaultdict(deque)
    for one in found:
        by_shop[one.shop_id].append(one)
    queues = list(by_shop.values())
    shares = []
    for count in counts:
        queues = [queue for queue in queues if queue]
        shares.append([queue.popleft() for queue in queues[:count]])
    return shares


async def _move(conn: Connection, moving: Sequence[Parcel], orders: dict[UUID, Order], *, now: datetime) -> None:
    for parcel in moving:
        if parcel.status is ParcelStatus.PENDING:
            outbox.append(conn, parcel_facts.shipped(orders[parcel.order_id], parcel, now=now))
    if moving:
        await hand_over(conn, [(orders[parcel.order_id], parcel) for parcel in moving], carrier=CARRIER, now=now)


def answer_of(parcels: Sequence[Parcel]) -> bytes:
    """The answer, made once: these bytes are sent, stored and replayed."""
    return orjson.dumps(
        {
            "delivered": [
                {"parcel_id": str(p.parcel_id), "order_id": str(p.order_id), "shop_id": str(p.shop_id)} for p in parcels
            ]
        }
    )
