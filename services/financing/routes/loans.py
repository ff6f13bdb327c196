"""Loans: for their borrower and their lender only. The lender says what was paid out and what came in directly."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from services.financing.domain import loan_book
from services.financing.domain.loan_book import Due
from services.financing.domain.problems import (
    DateOutOfRange,
    LenderNotFound,
    LoanNotAgreed,
    LoanNotFound,
    LoanNotRunning,
    MoreThanIsOwed,
    NotASettlement,
    ReferenceTaken,
)
from services.financing.domain.products import Scheme
from services.financing.routes.answers import json_answer, once
from services.financing.routes.applications import LAST_ID, id_of
from services.financing.routes.callers import CurrentLender, MaybeLender
from services.financing.routes.lenders import rate_text
from services.financing.store import loans as store
from services.financing.store.lenders import Lender
from services.financing.store.loans import Loan
from services.financing.use_cases.count_money import Counted
from services.financing.use_cases.disburse_loan import disburse_loan
from services.financing.use_cases.grade_loans import grade_loans
from services.financing.use_cases.repay_loan import Pay, repay_loan, settle_loan, settlement_of
from shared import paging
from shared.auth import CurrentPerson, Principal, require_role
from shared.calendar import day_of
from shared.clock import utc_now
from shared.db import Connection
from shared.http import Db
from shared.idempotency import IdempotencyKey
from shared.ids import new_id
from shared.money import AMOUNT_MINOR_MAX
from shared.paging import Cursor, Limit
from shared.problems import Forbidden, Unauthenticated, documented

router = APIRouter(prefix="/v1", tags=["loans"], responses=documented(Unauthenticated))

GRADING_DAYS_AHEAD_MAX = 3650  # a loan never goes back to an earlier day, so a slip of the pen must stay small
Reference = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9._/-]{1,64}$")]


class Disbursement(BaseModel):
    """When the lender paid the loan out, and under which reference of its own. No names."""

    date: date
    reference: Reference


class Payment(BaseModel):
    """What was paid to the lender directly, under its own reference, which counts once."""

    amount_minor: int = Field(ge=1, le=AMOUNT_MINOR_MAX)
    reference: Reference


class LoanView(BaseModel):
    """A loan. `kol`: collectability, 1 (current) to 5 (loss), as of `graded_on`."""

    loan_id: UUID
    application_id: UUID
    offer_id: UUID
    lender_id: UUID
    shop_id: UUID
    scheme: Scheme
    annual_rate: str | None
    margin_minor: int | None
    amount_minor: int
    currency: str
    tenor_months: int
    share_basis_points_max: int
    first_due_days: int | None
    state: Literal["agreed", "running", "repaid"]
    agreed_at: AwareDatetime
    disbursed_on: date | None
    disbursement_reference: str | None
    repaid_at: AwareDatetime | None
    mandate_id: UUID
    mandate_version: int
    kol: int
    days_past_due: int
    graded_on: date | None
    principal_outstanding_minor: int
    cost_outstanding_minor: int
    outstanding_minor: int
    next_due_on: date | None
    next_due_minor: int | None


class Loans(BaseModel):
    """The caller's loans, newest first."""

    items: list[LoanView]
    next_cursor: str | None


class DueView(BaseModel):
    """One instalment of the plan."""

    number: int
    due_on: date
    principal_minor: int
    cost_minor: int
    amount_minor: int
    principal_paid_minor: int
    cost_paid_minor: int
    cost_waived_minor: int
    open_minor: int


class RepaymentView(BaseModel):
    """Money that counted. `passed_on_at`: for an instalment out of a payout, when it reached the lender's account."""

    repayment_id: UUID
    instalment_id: UUID | None
    reference: str | None
    amount_minor: int
    principal_minor: int
    cost_minor: int
    waived_minor: int
    received_at: AwareDatetime
    passed_on_at: AwareDatetime | None


class ScheduleView(BaseModel):
    """The plan, and what was paid."""

    loan_id: UUID
    dues: list[DueView]
    repayments: list[RepaymentView]


class CountedView(BaseModel):
    """Money that was counted, and what is owed after it."""

    repayment_id: UUID
    loan_id: UUID
    amount_minor: int
    principal_minor: int
    cost_minor: int
    waived_minor: int
    outstanding_minor: int
    currency: str


class SettlementView(BaseModel):
    """What would end the loan on that day."""

    loan_id: UUID
    on: date
    amount_minor: int
    principal_minor: int
    cost_minor: int
    waived_minor: int


class Grading(BaseModel):
    """As of which day."""

    as_of: date


class GradedView(BaseModel):
    """How many loans were graded."""

    as_of: date
    loans: int


def _view(loan: Loan, dues: Sequence[Due]) -> dict[str, Any]:
    following = next((due for due in dues if due.open_minor), None)
    special = {
        "annual_rate": rate_text(loan.annual_rate_pct),
        "principal_outstanding_minor": sum(due.principal_open_minor for due in dues),
        "cost_outstanding_minor": sum(due.cost_open_minor for due in dues),
        "outstanding_minor": loan_book.outstanding_minor(dues),
        "next_due_on": None if following is None else following.due_on,
        "next_due_minor": None if following is None else following.open_minor,
    }
    return {name: special[name] if name in special else getattr(loan, name) for name in LoanView.model_fields}


def _counted(counted: Counted) -> CountedView:
    repayment = counted.repayment
    return CountedView(
        repayment_id=repayment.repayment_id,
        loan_id=repayment.loan_id,
        amount_minor=repayment.amount_minor,
        principal_minor=repayment.principal_minor,
        cost_minor=repayment.cost_minor,
        waived_minor=repayment.waived_minor,
        outstanding_minor=counted.outstanding_minor,
        currency=counted.loan.currency,
    )


async def _loan(conn: Connection, loan_id: UUID, person: Principal, lender: Lender | None) -> Loan:
    """For its borrower or its lender; everybody else finds nothing."""
    if lender is not None:
        loan = await store.loan_of(conn, loan_id, lender_id=lender.lender_id)
    else:
        loan = await store.loan_of(conn, loan_id, person_id=person.id)
    if loan is None:
        raise LoanNotFound
    return loan


@router.get("/loans", response_model=Loans)
async def list_loans(
    person: CurrentPerson, lender: MaybeLender, db: Db, limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """A person's own loans; for a lender's machine client, those that the lender gave."""
    before = LAST_ID if cursor is None else id_of(cursor)
    async with db.reading() as conn:
        found = await store.loans_of(
            conn,
            person_id=person.id if lender is None else None,
            lender_id=None if lender is None else lender.lender_id,
            before=before,
            limit=limit + 1,
        )
        page = found[:limit]
        dues = await store.dues_of(conn, [loan.loan_id for loan in page])
    items = [_view(loan, dues.get(loan.loan_id, ())) for loan in page]
    next_cursor = paging.encode(page[-1].loan_id) if len(found) > limit else None
    return json_answer({"items": items, "next_cursor": next_cursor})


@router.get("/loans/{loan_id}", response_model=LoanView, responses=documented(LoanNotFound))
async def get_loan(loan_id: UUID, person: CurrentPerson, lender: MaybeLender, db: Db) -> Response:
    """A loan."""
    async with db.reading() as conn:
        loan = await _loan(conn, loan_id, person, lender)
        dues = (await store.dues_of(conn, [loan_id])).get(loan_id, ())
    return json_answer(_view(loan, dues))


@router.get("/loans/{loan_id}/schedule", response_model=ScheduleView, responses=documented(LoanNotFound))
async def get_schedule(loan_id: UUID, person: CurrentPerson, lender: MaybeLender, db: Db) -> Response:
    """The plan, and what was paid of it."""
    async with db.reading() as conn:
        await _loan(conn, loan_id, person, lender)
        dues = (await store.dues_of(conn, [loan_id])).get(loan_id, ())
        repayments = await store.repayments_of(conn, loan_id)
    return json_answer(
        {
            "loan_id": loan_id,
            "dues": [{name: getattr(due, name) for name in DueView.model_fields} for due in dues],
            "repayments": [dict(row) for row in repayments],
        }
    )


@router.get("/loans/{loan_id}/settlement", response_model=SettlementView, responses=documented(LoanNotFound))
async def get_settlement(loan_id: UUID, person: CurrentPerson, lender: MaybeLender, db: Db) -> Response:
    """What would end the loan today."""
    today = day_of(utc_now())
    async with db.reading() as conn:
        loan = await _loan(conn, loan_id, person, lender)
        dues = (await store.dues_of(conn, [loan_id])).get(loan_id, ())
    ending = settlement_of(loan, dues, on=today)
    return json_answer(
        {
            "loan_id": loan_id,
            "on": today,
            "amount_minor": ending.paid_minor,
            "principal_minor": ending.principal_minor,
            "cost_minor": ending.cost_minor,
            "waived_minor": ending.waived_minor,
        }
    )


@router.post(
    "/loans/{loan_id}/disbursement",
    status_code=201,
    response_model=LoanView,
    responses=documented(LoanNotFound, LoanNotAgreed, DateOutOfRange, LenderNotFound),
)
async def create_disbursement(
    loan_id: UUID,
    body: Disbursement,
    key: IdempotencyKey,
    person: CurrentPerson,
    lender: CurrentLender,
    request: Request,
    db: Db,
) -> Response:
    """The lender has paid the loan out: its plan begins, and instalments may be withheld from payouts."""
    async with db.transaction() as conn:

        async def work() -> LoanView:
            loan = await disburse_loan(
                conn,
                loan_id,
                lender_id=lender.lender_id,
                disbursed_on=body.date,
                reference=body.reference,
                now=utc_now(),
            )
            dues = (await store.dues_of(conn, [loan_id]))[loan_id]
            return LoanView.model_validate(_view(loan, dues))

        return await once(conn, request, person, key, body, work)


@router.post(
    "/loans/{loan_id}/repayments",
    status_code=201,
    response_model=CountedView,
    responses=documented(LoanNotFound, LoanNotRunning, MoreThanIsOwed, ReferenceTaken, LenderNotFound),
)
async def create_repayment(
    loan_id: UUID,
    body: Payment,
    key: IdempotencyKey,
    person: CurrentPerson,
    lender: CurrentLender,
    request: Request,
    db: Db,
) -> Response:
    """Money was paid to the lender directly: it counts for the oldest dues, cost before principal."""
    pay = Pay(new_id(), loan_id, body.amount_minor, body.reference)
    async with db.transaction() as conn:

        async def work() -> CountedView:
            return _counted(await repay_loan(conn, pay, lender_id=lender.lender_id, now=utc_now()))

        return await once(conn, request, person, key, body, work)


@router.post(
    "/loans/{loan_id}/settlement",
    status_code=201,
    response_model=CountedView,
    responses=documented(LoanNotFound, LoanNotRunning, NotASettlement, ReferenceTaken, LenderNotFound),
)
async def create_settlement(
    loan_id: UUID,
    body: Payment,
    key: IdempotencyKey,
    person: CurrentPerson,
    lender: CurrentLender,
    request: Request,
    db: Db,
) -> Response:
    """The loan was paid off early: the amount of `GET .../settlement`; cost of later periods is waived."""
    pay = Pay(new_id(), loan_id, body.amount_minor, body.reference)
    async with db.transaction() as conn:

        async def work() -> CountedView:
            return _counted(await settle_loan(conn, pay, lender_id=lender.lender_id, now=utc_now()))

        return await once(conn, request, person, key, body, work)


@router.post("/gradings", status_code=201, response_model=GradedView, responses=documented(Forbidden, DateOutOfRange))
async def create_grading(
    body: Grading, key: IdempotencyKey, person: CurrentPerson, request: Request, db: Db
) -> Response:
    """Grade all running loans as of a day (operator); the daily clock does it for today by itself."""
    require_role(person, "operator")
    if body.as_of > day_of(utc_now()) + timedelta(days=GRADING_DAYS_AHEAD_MAX):
        raise DateOutOfRange
    loans = 0
    while True:
        async with db.transaction() as conn:
            found = await grade_loans(conn, as_of=body.as_of, now=utc_now())
        loans += found
        if not found:
            break
    async with db.transaction() as conn:

        async def work() -> GradedView:
            return GradedView(as_of=body.as_of, loans=loans)

        return await once(conn, request, person, key, body, work)
