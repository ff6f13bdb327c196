"""A payee's money: statement, figures, taxpayer; and a refund that is tried again.

A payee is a shop, for its owner and managers, or a member of a joint listing, for that person. Others find nothing.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.orders import store
from services.orders.domain.problems import RefundNotFailed
from services.orders.store import statements
from services.orders.store.statements import Bounds
from services.orders.use_cases.send_refund import retry_refund
from services.orders.views.money import (
    BookLine,
    BooksView,
    DashboardView,
    StatementLine,
    StatementView,
    Taxpaying,
    TaxpayingView,
)
from services.orders.views.shown import StatusView
from shared import paging
from shared.auth import CurrentPerson, Principal, require_role
from shared.calendar import WIB, day_of
from shared.clock import utc_now
from shared.db import Connection
from shared.http import Db
from shared.idempotency import Claim, IdempotencyKey, KeyInUse, KeyMissing, KeyReused, once
from shared.money import CURRENCY
from shared.paging import Cursor, Limit
from shared.problems import Forbidden, Malformed, NotFound, Unauthenticated, documented

router = APIRouter(prefix="/v1", tags=["money"])
DAYS_SHOWN = 30
OFFICERS = ("operator", "finance")
Day = Annotated[date | None, Query(ge=date(2000, 1, 1), le=date(9000, 1, 1))]


@router.get("/shops/{payee_id}/statement", responses=documented(NotFound, Malformed, Unauthenticated))
async def statement(
    payee_id: UUID,
    person: CurrentPerson,
    db: Db,
    from_date: Day = None,
    to_date: Day = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> StatementView:
    """What a payee got and gave in a period (days of Jakarta, the last month unless said), line by line.

    All pages show one snapshot: entries that come later belong to the next statement.
    """
    until = to_date or day_of(utc_now())
    since = from_date or until - timedelta(days=DAYS_SHOWN)
    async with db.transaction("repeatable_read") as conn:
        await _require(conn, payee_id, person)
        if cursor:
            after, before, last = (paging.whole(value) for value in paging.decode(cursor, size=3))
            bounds = Bounds(before, last)
        else:
            bounds = await statements.statement_bounds(
                conn, payee_id, since=_midnight(since), until=_midnight(until + timedelta(days=1))
            )
            after = bounds.before
        opening_minor, closing_minor = await statements.balances_at(conn, payee_id, bounds)
        rows = await statements.statement_lines(conn, payee_id, after=after, last=bounds.last, most=limit + 1)
    page = rows[:limit]
    is_more = len(rows) > limit
    return StatementView(
        payee_id=payee_id,
        currency=CURRENCY,
        from_date=since,
        to_date=until,
        opening_minor=opening_minor,
        closing_minor=closing_minor,
        items=[StatementLine.of(row) for row in page],
        next_cursor=paging.encode(page[-1]["account_version"], bounds.before, bounds.last) if is_more else None,
    )


@router.get("/shops/{shop_id}/dashboard", responses=documented(NotFound, Unauthenticated))
async def dashboard(shop_id: UUID, person: CurrentPerson, db: Db, with_parcels: bool = False) -> DashboardView:
    """A shop's figures, all of one moment; with the open parcels that they count, if asked for."""
    async with db.reading() as conn:
        await _require(conn, shop_id, person)
        row = await statements.dashboard(conn, shop_id, with_parcels=with_parcels)
    balance_minor = row["balance_minor"] or 0
    return DashboardView(
        shop_id=shop_id,
        as_of=row["as_of"],
        currency=CURRENCY,
        orders=row["orders"],
        parcels=row["parcels"],
        open_parcels=row["open_parcels"],
        open_minor=row["open_minor"],
        turnover_minor=row["settled_minor"] - row["taken_back_minor"],
        commission_minor=row["commission_minor"],
        tax_minor=row["tax_minor"],
        unsettled_minor=row["unsettled_minor"],
        balance_minor=balance_minor,
        next_payout_minor=max(balance_minor, 0),
        open=row["open"],
    )


@router.get("/trial-balance", responses=documented(Forbidden, Unauthenticated))
async def trial_balance(person: CurrentPerson, db: Db) -> BooksView:
    """For officers: the market's books, all of one moment. What all stripes of an account hold is one line."""
    require_role(person, *OFFICERS)
    async with db.reading() as conn:
        rows = await statements.trial_balance(conn)
    return BooksView(
        items=[BookLine(**dict(row)) for row in rows],
        debit_minor=sum(row["debit_minor"] for row in rows),
        credit_minor=sum(row["credit_minor"] for row in rows),
    )


@router.put("/shops/{payee_id}/taxpayer", responses=documented(NotFound, Unauthenticated))
async def declare(payee_id: UUID, body: Taxpaying, person: CurrentPerson, db: Db) -> TaxpayingView:
    """What the payee is for the tax on its sales; it counts for parcels that are settled from now on."""
    now = utc_now()
    declared = body.as_declared(day_of(now).year)
    async with db.transaction() as conn:
        if not await store.declare_taxpayer(conn, payee_id, declared, account_id=person.id, now=now):
            raise NotFound
    return TaxpayingView(payee_id=payee_id, declared_at=now, **body.model_dump())


@router.post(
    "/orders/{order_id}/refunds/{refund_id}/retry",
    response_model=StatusView,
    responses=documented(KeyMissing, KeyReused, KeyInUse, NotFound, Forbidden, RefundNotFailed, Unauthenticated),
)
async def retry(
    order_id: UUID, refund_id: UUID, key: IdempotencyKey, person: CurrentPerson, db: Db, request: Request
) -> Response:
    """For operators: the provider is asked once more for a refund that failed, under the same reference."""
    async with db.transaction() as conn:

        async def work() -> StatusView:
            await retry_refund(conn, order_id, refund_id, person)
            return StatusView(status="requested")

        return await once(conn, Claim.of(person.id, request, key, {}), work, status=200)


async def _require(conn: Connection, payee_id: UUID, person: Principal) -> None:
    """Raises NotFound unless the person may see this payee's money."""
    is_operator = "operator" in person.roles
    if not is_operator and not await statements.may_see_money(conn, payee_id, account_id=person.id):
        raise NotFound


def _midnight(day: date) -> datetime:
    """When the day begins in Jakarta."""
    return datetime.combine(day, time(), tzinfo=WIB).astimezone(UTC)
