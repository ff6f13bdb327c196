"""Money of members: deposits, withdrawals, and those that wait for a second officer."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from services.cooperatives import store
from services.cooperatives.domain.problems import (
    CooperativeNotFound,
    DecidedAlready,
    MemberNotFound,
    NeedsAnotherPerson,
    NotInThisState,
    NotYourTask,
    PrincipalExceeded,
    TooLittleCash,
    TooLittleSaved,
    WithdrawalNotFound,
)
from services.cooperatives.domain.savings import SavingsKind
from services.cooperatives.routes.desk import StatementPage, once, position, statement
from services.cooperatives.store.savings import Withdrawal
from services.cooperatives.use_cases.deposit import Deposit, deposit
from services.cooperatives.use_cases.withdraw import Withdraw, approve_withdrawal, refuse_withdrawal, withdraw
from shared import paging
from shared.auth import CurrentPerson
from shared.clock import utc_now
from shared.http import Db
from shared.idempotency import IdempotencyKey, KeyInUse, KeyMissing, KeyReused
from shared.money import AMOUNT_MINOR_MAX, CURRENCY
from shared.paging import Cursor, Limit
from shared.problems import Malformed, Unauthenticated, documented

router = APIRouter(
    prefix="/v1/cooperatives/{cooperative_id}",
    tags=["savings"],
    responses=documented(Unauthenticated, CooperativeNotFound),
)

WithdrawalState = Literal["waiting", "paid", "refused"]


class NewDeposit(BaseModel):
    """Cash received from a member, in rupiah."""

    kind: Literal["principal", "mandatory", "voluntary"]
    amount_minor: int = Field(ge=1, le=AMOUNT_MINOR_MAX)


class DepositView(BaseModel):
    """What is saved of this kind now. `register_number`: the member was admitted by this payment, under this number."""

    movement_id: UUID
    kind: SavingsKind
    amount_minor: int
    balance_minor: int
    currency: str
    register_number: int | None


class NewWithdrawal(BaseModel):
    """Cash to pay: `voluntary` savings, or what is `payable` to a former member; in rupiah."""

    kind: Literal["voluntary", "payable"] = "voluntary"
    amount_minor: int = Field(ge=1, le=AMOUNT_MINOR_MAX)


class WithdrawalView(BaseModel):
    """Paid, or waiting for another officer with the money held."""

    withdrawal_id: UUID
    member_id: UUID
    kind: SavingsKind
    amount_minor: int
    currency: str
    needs_second: bool
    state: WithdrawalState


class WithdrawalInList(WithdrawalView):
    """A withdrawal as officers see it."""

    name: str | None
    register_number: int | None
    asked_by: UUID
    asked_at: AwareDatetime
    decided_by: UUID | None
    decided_at: AwareDatetime | None


class WithdrawalList(BaseModel):
    """Withdrawals in the order in which they were asked for."""

    items: list[WithdrawalInList]
    next_cursor: str | None


def _view(withdrawal: Withdrawal) -> WithdrawalView:
    return WithdrawalView(
        withdrawal_id=withdrawal.withdrawal_id,
        member_id=withdrawal.member_id,
        kind=withdrawal.kind,
        amount_minor=withdrawal.amount_minor,
        currency=CURRENCY,
        needs_second=withdrawal.needs_second,
        state=withdrawal.state,
    )


@router.post(
    "/members/{member_id}/deposits",
    status_code=201,
    response_model=DepositView,
    responses=documented(
        KeyMissing,
        KeyReused,
        KeyInUse,
        NotYourTask,
        MemberNotFound,
        NeedsAnotherPerson,
        NotInThisState,
        PrincipalExceeded,
    ),
)
async def create_deposit(
    cooperative_id: UUID,
    member_id: UUID,
    body: NewDeposit,
    key: IdempotencyKey,
    person: CurrentPerson,
    request: Request,
    db: Db,
) -> Response:
    """Take in savings; the principal paid in full makes a candidate a member."""
    command = Deposit(cooperative_id, member_id, SavingsKind(body.kind), body.amount_minor, person.id)
    async with db.transaction() as conn:

        async def work() -> DepositView:
            done = await deposit(conn, command, now=utc_now())
            return DepositView(
                movement_id=done.movement_id,
                kind=command.kind,
                amount_minor=command.amount_minor,
                balance_minor=done.balance_minor,
                currency=CURRENCY,
                register_number=done.register_number,
            )

        return await once(conn, request, person, key, body, work)


@router.post(
    "/members/{member_id}/withdrawals",
    status_code=201,
    response_model=WithdrawalView,
    responses=documented(
        KeyMissing, KeyReused, KeyInUse, NotYourTask, MemberNotFound, NotInThisState, TooLittleSaved, TooLittleCash
    ),
)
async def create_withdrawal(
    cooperative_id: UUID,
    member_id: UUID,
    body: NewWithdrawal,
    key: IdempotencyKey,
    person: CurrentPerson,
    request: Request,
    db: Db,
) -> Response:
    """Pay out at once, or, above the limit of the articles, hold the money until another officer approves."""
    command = Withdraw(cooperative_id, member_id, SavingsKind(body.kind), body.amount_minor, person.id)
    async with db.transaction() as conn:

        async def work() -> WithdrawalView:
            return _view(await withdraw(conn, command, now=utc_now()))

        return await once(conn, request, person, key, body, work)


@router.get("/members/{member_id}/savings", responses=documented(MemberNotFound, Malformed))
async def show_statement(
    cooperative_id: UUID, member_id: UUID, person: CurrentPerson, db: Db, limit: Limit = 20, cursor: Cursor = None
) -> StatementPage:
    """A member's statement, newest first; for officers."""
    async with db.reading() as conn:
        await store.as_officer(conn, cooperative_id, person.id)
        if not await store.members(conn, cooperative_id, member_id=member_id):
            raise MemberNotFound
        return await statement(conn, member_id, limit=limit, cursor=cursor)


@router.get("/withdrawals", responses=documented(Malformed))
async def list_withdrawals(
    cooperative_id: UUID,
    person: CurrentPerson,
    db: Db,
    state: WithdrawalState | None = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> WithdrawalList:
    """Withdrawals; for officers."""
    async with db.reading() as conn:
        await store.as_officer(conn, cooperative_id, person.id)
        rows = await store.withdrawals(conn, cooperative_id, state=state, after=position(cursor), most=limit + 1)
    return WithdrawalList(
        items=[WithdrawalInList(**row, currency=CURRENCY) for row in rows[:limit]],
        next_cursor=paging.encode(rows[limit - 1]["withdrawal_id"]) if len(rows) > limit else None,
    )


DECISIONS = documented(NotYourTask, WithdrawalNotFound, DecidedAlready, NeedsAnotherPerson)


@router.post("/withdrawals/{withdrawal_id}/approve", responses=DECISIONS)
async def approve(cooperative_id: UUID, withdrawal_id: UUID, person: CurrentPerson, db: Db) -> WithdrawalView:
    """Another officer than the one who asked pays it."""
    async with db.transaction() as conn:
        return _view(await approve_withdrawal(conn, cooperative_id, withdrawal_id, by=person.id, now=utc_now()))


@router.post("/withdrawals/{withdrawal_id}/refuse", responses=DECISIONS)
async def refuse(cooperative_id: UUID, withdrawal_id: UUID, person: CurrentPerson, db: Db) -> WithdrawalView:
    """Another officer refuses it; the money is free again."""
    async with db.transaction() as conn:
        return _view(await refuse_withdrawal(conn, cooperative_id, withdrawal_id, by=person.id, now=utc_now()))
