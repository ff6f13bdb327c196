"""The general ledger of a cooperative: journals by hand, trial balance, entries of an account. For officers."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from services.cooperatives import store
from services.cooperatives.domain.chart import chart_on, line_of
from services.cooperatives.domain.journal import JournalLine
from services.cooperatives.domain.meeting_problems import YearDivided
from services.cooperatives.domain.problems import (
    AccountNotFound,
    BalanceRefused,
    CooperativeNotFound,
    DecidedAlready,
    JournalNotFound,
    JournalRefused,
    NeedsAnotherPerson,
    NotYourTask,
)
from services.cooperatives.routes.desk import Words, once, position
from services.cooperatives.use_cases.keep_journal import EnterJournal, approve_journal, enter_journal, refuse_journal
from shared import paging
from shared.auth import CurrentPerson
from shared.calendar import WIB, day_of
from shared.clock import utc_now
from shared.http import Db
from shared.idempotency import IdempotencyKey, KeyInUse, KeyMissing, KeyReused
from shared.ids import new_id
from shared.ledger import Kind, Side
from shared.money import AMOUNT_MINOR_MAX, CURRENCY
from shared.paging import Cursor, Limit
from shared.problems import Malformed, Unauthenticated, documented

router = APIRouter(
    prefix="/v1/cooperatives/{cooperative_id}",
    tags=["books"],
    responses=documented(Unauthenticated, CooperativeNotFound),
)

JournalState = Literal["waiting", "posted", "refused"]


class LineOfJournal(BaseModel):
    """So much on one side of one account, in rupiah."""

    code: str = Field(pattern="^[1-5][0-9]{3}$")
    side: Side
    amount_minor: int = Field(ge=1, le=AMOUNT_MINOR_MAX)


class NewJournal(BaseModel):
    """What the treasurer writes: both sides have one sum."""

    description: Words
    booked_on: date | None = Field(default=None, description="The day of the books; today when it is not said.")
    lines: list[LineOfJournal] = Field(min_length=2, max_length=40)


class JournalMade(BaseModel):
    """It waits for another officer."""

    journal_id: UUID
    state: JournalState


class JournalView(BaseModel):
    """A journal as officers see it."""

    journal_id: UUID
    description: str
    booked_on: date
    state: JournalState
    entered_by: UUID
    entered_at: AwareDatetime
    decided_by: UUID | None
    decided_at: AwareDatetime | None
    lines: list[LineOfJournal]


class JournalList(BaseModel):
    """Journals in the order in which they were entered."""

    items: list[JournalView]
    next_cursor: str | None


class TrialLine(BaseModel):
    """A line of the chart; its balance is in one of the two columns, the other is 0."""

    code: str
    name: str
    kind: Kind
    debit_minor: int
    credit_minor: int


class TrialBalance(BaseModel):
    """All lines at one moment; both columns have one sum."""

    cooperative_id: UUID
    on: date
    currency: str
    lines: list[TrialLine]
    debit_minor: int
    credit_minor: int


class Entry(BaseModel):
    """What was booked on a line of the chart."""

    transfer_id: UUID
    leg: int
    side: Side
    amount_minor: int
    reason: str
    member_id: UUID | None
    event_at: AwareDatetime
    created_at: AwareDatetime


class Entries(BaseModel):
    """Entries in the order in which they were booked."""

    code: str
    name: str
    currency: str
    items: list[Entry]
    next_cursor: str | None


@router.post(
    "/journals",
    status_code=201,
    response_model=JournalMade,
    responses=documented(KeyMissing, KeyReused, KeyInUse, NotYourTask, JournalRefused),
)
async def create_journal(
    cooperative_id: UUID, body: NewJournal, key: IdempotencyKey, person: CurrentPerson, request: Request, db: Db
) -> Response:
    """The treasurer writes a journal; it is booked when another officer approves."""
    now = utc_now()
    command = EnterJournal(
        new_id(),
        cooperative_id,
        body.description,
        body.booked_on or day_of(now),
        [JournalLine(line.code, line.side, line.amount_minor) for line in body.lines],
        person.id,
    )
    async with db.transaction() as conn:

        async def work() -> JournalMade:
            await enter_journal(conn, command, now=now)
            return JournalMade(journal_id=command.journal_id, state="waiting")

        return await once(conn, request, person, key, body, work)


@router.get("/journals", responses=documented(Malformed))
async def list_journals(
    cooperative_id: UUID,
    person: CurrentPerson,
    db: Db,
    state: JournalState | None = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> JournalList:
    """Journals with their lines."""
    async with db.reading() as conn:
        await store.as_officer(conn, cooperative_id, person.id)
        rows = await store.journals(conn, cooperative_id, state=state, after=position(cursor), most=limit + 1)
        lines = await store.journal_lines(conn, [row["journal_id"] for row in rows])
    return JournalList(
        items=[
            JournalView(
                **row,
                lines=[
                    LineOfJournal(code=line.code, side=line.side, amount_minor=line.amount_minor)
                    for line in lines.get(row["journal_id"], [])
                ],
            )
            for row in rows[:limit]
        ],
        next_cursor=paging.encode(rows[limit - 1]["journal_id"]) if len(rows) > limit else None,
    )


DECISIONS = documented(NotYourTask, JournalNotFound, DecidedAlready, NeedsAnotherPerson, BalanceRefused)


@router.post(
    "/journals/{journal_id}/approve",
    responses=documented(NotYourTask, JournalNotFound, DecidedAlready, NeedsAnotherPerson, BalanceRefused, YearDivided),
)
async def approve(cooperative_id: UUID, journal_id: UUID, person: CurrentPerson, db: Db) -> JournalMade:
    """Another officer than the one who wrote it books it."""
    async with db.transaction() as conn:
        await approve_journal(conn, cooperative_id, journal_id, by=person.id, now=utc_now())
    return JournalMade(journal_id=journal_id, state="posted")


@router.post("/journals/{journal_id}/refuse", responses=DECISIONS)
async def refuse(cooperative_id: UUID, journal_id: UUID, person: CurrentPerson, db: Db) -> JournalMade:
    """Another officer refuses it; it is never booked."""
    async with db.transaction() as conn:
        await refuse_journal(conn, cooperative_id, journal_id, by=person.id, now=utc_now())
    return JournalMade(journal_id=journal_id, state="refused")


@router.get("/ledger/trial-balance", responses=documented(Malformed))
async def show_trial_balance(
    cooperative_id: UUID, person: CurrentPerson, db: Db, on: date | None = None
) -> TrialBalance:
    """Each line of the chart now, or at the end of a day, members' shares together."""
    today = day_of(utc_now())
    before = None if on is None else datetime.combine(on, time(0), WIB) + timedelta(days=1)
    async with db.reading() as conn:
        await store.as_officer(conn, cooperative_id, person.id)
        rows = await store.trial_balance(conn, cooperative_id, before=before)
    chart = chart_on(today)
    lines = [TrialLine(**row, name=chart[row["code"]].name, kind=chart[row["code"]].kind) for row in rows]
    return TrialBalance(
        cooperative_id=cooperative_id,
        on=on or today,
        currency=CURRENCY,
        lines=lines,
        debit_minor=sum(line.debit_minor for line in lines),
        credit_minor=sum(line.credit_minor for line in lines),
    )


@router.get("/ledger/accounts/{code}/entries", responses=documented(AccountNotFound, Malformed))
async def list_entries(
    cooperative_id: UUID,
    code: Annotated[str, Path(pattern="^[1-5][0-9]{3}$")],
    person: CurrentPerson,
    db: Db,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Entries:
    """What was booked on a line of the chart."""
    after = None
    if cursor is not None:
        at, transfer_id, leg = paging.decode(cursor, size=3)
        after = (paging.moment(at), position(paging.encode(transfer_id)) or UUID(int=0), paging.whole(leg) % 32_768)
    async with db.reading() as conn:
        await store.as_officer(conn, cooperative_id, person.id)
        line = line_of(code, day_of(utc_now()))
        rows = await store.entries(conn, cooperative_id, code, after=after, most=limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    return Entries(
        code=code,
        name=line.name,
        currency=CURRENCY,
        items=[Entry(**row) for row in rows[:limit]],
        next_cursor=None if last is None else paging.encode(last["created_at"], last["transfer_id"], last["leg"]),
    )
