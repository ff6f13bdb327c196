"""Orders: look, list, cancel, refund, and what is stuck. Placing them is in placing.py."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.orders import store
from services.orders.domain.order import OrderStatus
from services.orders.domain.problems import (
    MoreThanPaid,
    MoreThanSent,
    NotCancellable,
)
from services.orders.use_cases.book_money import IMMEDIATE
from services.orders.use_cases.cancel_order import cancel_order
from services.orders.use_cases.refund_order import refund_order
from services.orders.use_cases.send_refund import settled_calls_left_out
from services.orders.views.asked import Cancellation, NewRefund, quantities
from services.orders.views.shown import (
    OrderInList,
    OrderList,
    OrderView,
    RefundsView,
    RefundView,
    StatusView,
    StuckCall,
    StuckOrder,
    StuckView,
)
from shared import calls_out, paging
from shared.auth import CurrentPerson, require_role
from shared.clock import utc_now
from shared.http import Db
from shared.idempotency import (
    Claim,
    IdempotencyKey,
    KeyInUse,
    KeyMissing,
    KeyReused,
    once,
)
from shared.paging import Cursor, Limit
from shared.problems import Forbidden, Malformed, NotFound, Unauthenticated, documented

router = APIRouter(prefix="/v1/orders", tags=["orders"])


@router.get("/stuck", responses=documented(Forbidden, Unauthenticated))
async def list_stuck(
    person: CurrentPerson,
    db: Db,
    grace_seconds: Annotated[float, Query(ge=0, le=1e9)] = 0,
    limit: Limit = 100,
) -> StuckView:
    """For operators: orders that wait longer than they should, and calls to the provider that are not done."""
    require_role(person, "operator")
    async with db.reading() as conn:
        orders = await store.stuck_orders(conn, grace_seconds=grace_seconds, most=limit)
        calls = await settled_calls_left_out(conn, await calls_out.hanging(conn, most=limit))
    return StuckView(
        orders=[StuckOrder(**row) for row in orders],
        calls=[StuckCall(**{name: call[name] for name in StuckCall.model_fields}) for call in calls],
    )


@router.get("/{order_id}", responses=documented(NotFound, Unauthenticated))
async def show_order(order_id: UUID, person: CurrentPerson, db: Db) -> OrderView:
    """An order, for its buyer; staff of a shop in it see their own parcels."""
    is_operator = "operator" in person.roles
    async with db.reading() as conn:
        row = await store.read_order(conn, order_id, account_id=person.id, is_operator=is_operator)
    if row is None:
        raise NotFound
    return OrderView.of(row, viewer=person.id, is_operator=is_operator)


@router.get("", responses=documented(Malformed, Unauthenticated))
async def list_orders(
    person: CurrentPerson,
    db: Db,
    role: Annotated[Literal["buyer", "seller"] | None, Query()] = None,
    shop_id: UUID | None = None,
    status: OrderStatus | None = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> OrderList:
    """My orders, newest first: as a buyer, or as staff of the shop `shop_id`."""
    is_seller = role == "seller" or (role is None and shop_id is not None)
    before = _position(cursor) if cursor else None
    wanted = None if status is None else status.value
    async with db.reading() as conn:
        if is_seller:
            if shop_id is None:
                raise Malformed("a seller's list needs shop_id")
            rows = await store.orders_of_shop(
                conn, shop_id, account_id=person.id, status=wanted, before=before, most=limit + 1
            )
        else:
            rows = await store.orders_of_buyer(conn, person.id, status=wanted, before=before, most=limit + 1)
        page = rows[:limit]
        parcels = await store.parcels_of_orders(conn, [row["order_id"] for row in page])
    items = [
        OrderInList.of(
            row,
            [p for p in parcels if p["order_id"] == row["order_id"] and (not is_seller or p["shop_id"] == shop_id)],
            is_whole=not is_seller,
        )
        for row in page
    ]
    last = page[-1]["parcel_id" if is_seller else "order_id"] if len(rows) > limit else None
    return OrderList(items=items, next_cursor=None if last is None else paging.encode(last))


@router.post("/{order_id}/cancel", responses=documented(NotFound, NotCancellable, Unauthenticated))
async def cancel(order_id: UUID, person: CurrentPerson, db: Db, body: Cancellation | None = None) -> StatusView:
    """Cancel an order before its first parcel is shipped; what was paid goes back."""
    async with db.transaction() as conn:
        order = await cancel_order(conn, order_id, person, now=utc_now())
    return StatusView(status=order.status.value)


@router.post(
    "/{order_id}/refunds",
    status_code=201,
    response_model=RefundsView,
    responses=documented(
        KeyMissing, KeyReused, KeyInUse, NotFound, Forbidden, MoreThanPaid, MoreThanSent, Unauthenticated
    ),
)
async def refund(
    order_id: UUID, body: NewRefund, key: IdempotencyKey, person: CurrentPerson, db: Db, request: Request
) -> Response:
    """Give money back: a shop for its own parcel, an operator for anything; never more than was paid."""
    async with db.transaction() as conn:

        async def work() -> RefundsView:
            refunds = await refund_order(
                conn,
                order_id,
                person,
                quantities=None if body.lines is None else quantities(body.lines),
                amount_minor=body.amount_minor,
                reason=body.reason,
                now=utc_now(),
            )
            return RefundsView(
                refunds=[
                    RefundView(
                        refund_id=one.refund_id,
                        parcel_id=one.parcel_id,
                        amount_minor=one.amount_minor,
                        reason=one.reason,
                        status="made" if one.provider in IMMEDIATE else "requested",
                    )
                    for one in refunds
                ]
            )

        return await once(conn, Claim.of(person.id, request, key, body), work)


def _position(cursor: str) -> UUID:
    (last,) = paging.decode(cursor, size=1)
    try:
        return UUID(str(last))
    except ValueError as error:
        raise Malformed("the cursor is not one of this list") from error
