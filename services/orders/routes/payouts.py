"""Payouts: drafted by an officer or the clock, approved by another officer, sent to the bank, answered by it.

Officers have the platform role operator or finance. To everybody else a batch does not exist; a shop sees its own
payouts, and so does a person.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Query, Request, Response

from services.orders import store
from services.orders.domain import bank_file
from services.orders.domain.bank_file import BadFile
from services.orders.domain.payouts import BatchStatus
from services.orders.domain.problems import (
    BadBankAnswer,
    BankFileErased,
    ContradictingAnswer,
    NothingToPay,
    SecondPersonNeeded,
    WrongBatchState,
)
from services.orders.store import mandates, payouts
from services.orders.use_cases.approve_payouts import approve_payouts
from services.orders.use_cases.draft_payouts import cancel_payouts, draft_payouts
from services.orders.use_cases.read_bank_file import read_bank_file
from services.orders.use_cases.record_bank_answer import Verdict, record_bank_answer
from services.orders.views.payouts import (
    BatchInList,
    BatchList,
    BatchView,
    NewBatch,
    PayoutList,
    PayoutView,
    RecordedAnswer,
)
from shared import paging
from shared.auth import CurrentPerson, Principal, require_role
from shared.clock import utc_now
from shared.db import Connection
from shared.http import Db
from shared.idempotency import Claim, IdempotencyKey, KeyInUse, KeyMissing, KeyReused, once
from shared.paging import Cursor, Limit
from shared.problems import Forbidden, Malformed, NotFound, Unauthenticated, documented

log = structlog.get_logger()

router = APIRouter(prefix="/v1", tags=["payouts"])
OFFICERS = ("operator", "finance")
MAY_SEE_MONEY = frozenset({"owner", "manager"})
KEYS = (KeyMissing, KeyReused, KeyInUse)


@router.post(
    "/payouts",
    status_code=201,
    response_model=BatchView,
    responses=documented(*KEYS, NothingToPay, Malformed, Forbidden, Unauthenticated),
)
async def draft(body: NewBatch, key: IdempotencyKey, person: CurrentPerson, db: Db, request: Request) -> Response:
    """Draft a batch of everybody who has enough to get; it promises nothing until another person approves it."""
    require_role(person, *OFFICERS)
    async with db.transaction() as conn:

        async def work() -> BatchView:
            batch_id = await draft_payouts(conn, up_to_date=body.up_to_date, created_by=person.id, now=utc_now())
            return await _view(conn, batch_id)

        return await once(conn, Claim.of(person.id, request, key, body), work)


@router.post(
    "/payouts/{batch_id}/approve",
    response_model=BatchView,
    responses=documented(*KEYS, NotFound, WrongBatchState, SecondPersonNeeded, Unauthenticated),
)
async def approve(batch_id: UUID, key: IdempotencyKey, person: CurrentPerson, db: Db, request: Request) -> Response:
    """Approve what another person drafted: every line is decided anew, and goes to the bank."""
    _require_officer(person)
    is_sent = bool(request.app.state.settings.bank_url)
    async with db.transaction() as conn:

        async def work() -> BatchView:
            await approve_payouts(conn, batch_id, approved_by=person.id, is_sent=is_sent, now=utc_now())
            return await _view(conn, batch_id)

        return await once(conn, Claim.of(person.id, request, key, {}), work, status=200)


@router.post(
    "/payouts/{batch_id}/cancel",
    response_model=BatchView,
    responses=documented(*KEYS, NotFound, WrongBatchState, Unauthenticated),
)
async def cancel(batch_id: UUID, key: IdempotencyKey, person: CurrentPerson, db: Db, request: Request) -> Response:
    """Give a draft up; its payees are free for the next one."""
    _require_officer(person)
    async with db.transaction() as conn:

        async def work() -> BatchView:
            await cancel_payouts(conn, batch_id, cancelled_by=person.id, now=utc_now())
            return await _view(conn, batch_id)

        return await once(conn, Claim.of(person.id, request, key, {}), work, status=200)


@router.get("/payouts", responses=documented(Malformed, Forbidden, Unauthenticated))
async def list_batches(
    person: CurrentPerson,
    db: Db,
    status: Annotated[BatchStatus | None, Query()] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> BatchList:
    """Batches, the newest first."""
    require_role(person, *OFFICERS)
    async with db.reading() as conn:
        rows = await payouts.batches(
            conn, status=None if status is None else status.value, before=_position(cursor), most=limit + 1
        )
    page = rows[:limit]
    last = page[-1] if len(rows) > limit else None
    next_cursor = None if last is None else paging.encode(last["created_at"], last["batch_id"])
    return BatchList(items=[BatchInList.of(row) for row in page], next_cursor=next_cursor)


@router.get("/payouts/{batch_id}", responses=documented(NotFound, Unauthenticated))
async def show(batch_id: UUID, person: CurrentPerson, db: Db) -> BatchView:
    """A batch with its lines and what the bank said."""
    _require_officer(person)
    async with db.transaction("repeatable_read") as conn:
        return await _view(conn, batch_id)


@router.get(
    "/payouts/{batch_id}/bank-file",
    response_class=Response,
    responses={
        200: {"content": {"text/csv": {}}},
        **documented(NotFound, WrongBatchState, BankFileErased, Unauthenticated),
    },
)
async def show_bank_file(batch_id: UUID, person: CurrentPerson, db: Db) -> Response:
    """The file for the bank, once the batch is approved: the same bytes every time. Reading it is logged."""
    _require_officer(person)
    async with db.transaction("repeatable_read") as conn:
        file = await read_bank_file(conn, batch_id)
    log.info("bank_file_read", batch_id=str(batch_id), read_by=str(person.id))
    headers = {"Content-Disposition": f'attachment; filename="{file.name}"', "X-Checksum-SHA256": file.sha256}
    return Response(file.raw, media_type="text/csv", headers=headers)


@router.post(
    "/payouts/{batch_id}/bank-answer",
    responses=documented(NotFound, BadBankAnswer, ContradictingAnswer, Unauthenticated),
    max_body_size=bank_file.ANSWER_BYTES_MAX,
    openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def take_bank_answer(batch_id: UUID, person: CurrentPerson, db: Db, request: Request) -> RecordedAnswer:
    """The bank's answer file, by an officer's hand. It is its own idempotency key: again, it changes nothing."""
    _require_officer(person)
    try:
        answer = bank_file.read_answer(await request.body())
    except BadFile as error:
        raise BadBankAnswer(str(error)) from error
    async with db.transaction() as conn:
        recorded = await record_bank_answer(conn, batch_id, answer, received_by=person.id, now=utc_now())
    if recorded.verdict is Verdict.REFUSED:
        raise ContradictingAnswer(recorded.detail)
    return RecordedAnswer.of(recorded)


@router.get("/shops/{shop_id}/payouts", responses=documented(NotFound, Forbidden, Malformed, Unauthenticated))
async def list_of_shop(
    shop_id: UUID, person: CurrentPerson, db: Db, limit: Limit = 20, cursor: Cursor = None
) -> PayoutList:
    """What the shop was paid, for its owner and managers."""
    async with db.reading() as conn:
        role = await store.role_in_shop(conn, shop_id=shop_id, account_id=person.id)
        if role is None:
            raise NotFound
        if role not in MAY_SEE_MONEY:
            raise Forbidden
        return await _payouts(conn, shop_id, limit=limit, cursor=cursor)


@router.get("/me/payouts", responses=documented(Malformed, Unauthenticated))
async def list_mine(person: CurrentPerson, db: Db, limit: Limit = 20, cursor: Cursor = None) -> PayoutList:
    """What I was paid as a member of joint listings."""
    async with db.reading() as conn:
        return await _payouts(conn, person.id, limit=limit, cursor=cursor)


def _require_officer(person: Principal) -> None:
    """Raises NotFound: a batch is nobody else's business."""
    if person.roles.isdisjoint(OFFICERS):
        raise NotFound


async def _view(conn: Connection, batch_id: UUID) -> BatchView:
    rows = await payouts.read_batch(conn, batch_id)
    if rows is None:
        raise NotFound
    return BatchView.of(rows, await mandates.remittances_waiting(conn, now=utc_now()))


async def _payouts(conn: Connection, payee_id: UUID, *, limit: int, cursor: str | None) -> PayoutList:
    rows = await payouts.payouts_of_payee(conn, payee_id, before=_position(cursor), most=limit + 1)
    page = rows[:limit]
    instalments = await payouts.instalments_of_payouts(conn, [row["payout_id"] for row in page])
    last = page[-1] if len(rows) > limit else None
    return PayoutList(
        items=[PayoutView.of(row, instalments.get(row["payout_id"], [])) for row in page],
        next_cursor=None if last is None else paging.encode(last["created_at"], last["payout_id"]),
    )


def _position(cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    at, id_ = paging.decode(cursor, size=2)
    try:
        return paging.moment(at), UUID(str(id_))
    except ValueError as error:
        raise Malformed("the cursor is not one of this list") from error
