"""Who is a member: applications, candidates, members, the register, dues. For officers, who see only their own."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from services.cooperatives import store
from services.cooperatives.domain.cooperative import EndReason, MemberState
from services.cooperatives.domain.identity import veiled
from services.cooperatives.domain.problems import (
    AccountGone,
    ApplicationDecided,
    ApplicationNotFound,
    AppliedAlready,
    CooperativeNotFound,
    DebtsNotBooked,
    IdentityNumberRefused,
    LinkedAlready,
    MemberNotFound,
    MonthHasBegun,
    NeedsAnotherPerson,
    NotInThisState,
    NotYourTask,
    UnknownRegion,
)
from services.cooperatives.routes.desk import Digits, Phone, Settings, Words, once, part_of, position
from services.cooperatives.use_cases.apply import Apply, apply
from services.cooperatives.use_cases.change_dues import change_dues
from services.cooperatives.use_cases.decide_application import approve_application, reject_application
from services.cooperatives.use_cases.end_membership import EndMembership, end_membership
from services.cooperatives.use_cases.link_account import make_link_code
from services.cooperatives.use_cases.suspend_member import resume_member, suspend_member
from shared import paging
from shared.auth import CurrentPerson
from shared.calendar import day_of
from shared.clock import utc_now
from shared.contracts.base import RegionCode
from shared.http import Db
from shared.idempotency import IdempotencyKey, KeyInUse, KeyMissing, KeyReused
from shared.ids import new_id
from shared.money import AMOUNT_MINOR_MAX
from shared.paging import Cursor, Limit
from shared.problems import Malformed, Unauthenticated, documented

router = APIRouter(
    prefix="/v1/cooperatives/{cooperative_id}",
    tags=["members"],
    responses=documented(Unauthenticated, CooperativeNotFound),
)

ApplicationState = Literal["waiting", "approved", "rejected"]


class NewApplication(BaseModel):
    """Who wants to join. With `has_account` false an officer applies for somebody who has none."""

    name: Words
    has_account: bool = True
    phone: Phone | None = None
    identity_number: Digits | None = Field(
        default=None, description="NIK (in a secondary cooperative NPWP); only a keyed hash of it is kept."
    )
    region_code: RegionCode | None = Field(default=None, description="Where they live; else as the cooperative.")


class ApplicationMade(BaseModel):
    """It waits for an officer."""

    application_id: UUID
    state: Literal["waiting"]


class ApplicationApproved(BaseModel):
    """A candidate (calon anggota), until the principal savings are paid."""

    application_id: UUID
    state: Literal["approved"]
    member_id: UUID
    member_state: Literal["candidate"]


class ApplicationRejected(BaseModel):
    """Nothing about the person is kept."""

    application_id: UUID
    state: Literal["rejected"]


class ApplicationView(BaseModel):
    """An application as officers see it."""

    application_id: UUID
    name: str | None
    phone: str | None
    has_account: bool
    region_code: str
    state: ApplicationState
    applied_at: AwareDatetime
    decided_at: AwareDatetime | None
    member_id: UUID | None


class ApplicationList(BaseModel):
    """Applications in the order in which they came."""

    items: list[ApplicationView]
    next_cursor: str | None


class MemberView(BaseModel):
    """A member as officers see them; money in rupiah. `payable_minor` is what a former member is still to get."""

    member_id: UUID
    name: str | None
    phone: str | None
    state: MemberState
    register_number: int | None
    has_account: bool
    region_code: str
    is_founder: bool
    admitted_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    end_reason: EndReason | None
    principal_minor: int
    mandatory_minor: int
    voluntary_minor: int
    payable_minor: int


class MemberList(BaseModel):
    """Members in the order in which they were approved."""

    items: list[MemberView]
    next_cursor: str | None


class RegisterLine(BaseModel):
    """One line of the register (buku daftar anggota)."""

    position: int
    member_id: UUID
    register_number: int
    name: str | None
    change: Literal["admitted", "suspended", "resumed", "ended"]
    reason: EndReason | None
    entered_at: AwareDatetime


class Register(BaseModel):
    """Lines of the register in their order."""

    items: list[RegisterLine]
    next_cursor: str | None


class DuesLine(BaseModel):
    """What a member owes of the mandatory savings so far, has paid, and is behind (negative: ahead)."""

    member_id: UUID
    name: str | None
    register_number: int
    owed_minor: int
    paid_minor: int
    behind_minor: int


class DuesList(BaseModel):
    """Members by register number, up to and including a month."""

    month: date
    currency: str
    items: list[DuesLine]
    next_cursor: str | None


class NewDues(BaseModel):
    """So much per month, from the month of a day on that has not begun; in rupiah."""

    from_month: date
    monthly_minor: int = Field(ge=0, le=1_000_000_000_000)


class DuesView(BaseModel):
    """What holds from that month on."""

    from_month: date
    monthly_minor: int
    currency: str


class MemberStateView(BaseModel):
    """What became of the membership."""

    member_id: UUID
    state: MemberState


class Ending(BaseModel):
    """Why it ends, and what the member owes by the books."""

    reason: Literal["resigned", "died", "dismissed"]
    debts_minor: int = Field(default=0, ge=0, le=AMOUNT_MINOR_MAX, description="Taken from savings; in account 1201.")


class EndedView(BaseModel):
    """The membership is over; so much is to be paid out."""

    member_id: UUID
    state: Literal["ended"]
    payable_minor: int


class LinkCode(BaseModel):
    """A code for the member to type once; it is shown this once."""

    code: str
    expires_at: AwareDatetime


@router.post(
    "/applications",
    status_code=201,
    response_model=ApplicationMade,
    responses=documented(
        KeyMissing, KeyReused, KeyInUse, NotYourTask, AppliedAlready, AccountGone, UnknownRegion, IdentityNumberRefused
    ),
)
async def create_application(
    cooperative_id: UUID,
    body: NewApplication,
    key: IdempotencyKey,
    person: CurrentPerson,
    request: Request,
    settings: Settings,
    db: Db,
) -> Response:
    """Apply for oneself, or as an officer for somebody without an account."""
    remembered = body.model_copy(
        update={"identity_number": veiled(settings.members_key.get_secret_value(), body.identity_number)}
    )
    command = Apply(
        new_id(),
        cooperative_id,
        person.id if body.has_account else None,
        body.name,
        None if body.has_account else body.phone,
        body.identity_number,
        body.region_code,
        person.id,
    )
    async with db.transaction() as conn:

        async def work() -> ApplicationMade:
            await apply(conn, command, now=utc_now())
            return ApplicationMade(application_id=command.application_id, state="waiting")

        return await once(conn, request, person, key, remembered, work)


@router.get("/applications", responses=documented(Malformed))
async def list_applications(
    cooperative_id: UUID,
    person: CurrentPerson,
    db: Db,
    state: ApplicationState | None = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> ApplicationList:
    """Applications; for officers."""
    async with db.reading() as conn:
        await store.as_officer(conn, cooperative_id, person.id)
        rows = await store.applications(conn, cooperative_id, state=state, after=position(cursor), most=limit + 1)
    return ApplicationList(
        items=[ApplicationView(**row) for row in rows[:limit]],
        next_cursor=paging.encode(rows[limit - 1]["application_id"]) if len(rows) > limit else None,
    )


@router.post(
    "/applications/{application_id}/approve",
    responses=documented(
        NotYourTask, ApplicationNotFound, ApplicationDecided, NeedsAnotherPerson, AppliedAlready, AccountGone
    ),
)
async def approve(cooperative_id: UUID, application_id: UUID, person: CurrentPerson, db: Db) -> ApplicationApproved:
    """An officer approves; not one's own application."""
    async with db.transaction() as conn:
        member_id = await approve_application(conn, cooperative_id, application_id, by=person.id, now=utc_now())
    return ApplicationApproved(
        application_id=application_id, state="approved", member_id=member_id, member_state="candidate"
    )


@router.post(
    "/applications/{application_id}/reject",
    responses=documented(NotYourTask, ApplicationNotFound, ApplicationDecided, NeedsAnotherPerson),
)
async def reject(cooperative_id: UUID, application_id: UUID, person: CurrentPerson, db: Db) -> ApplicationRejected:
    """An officer rejects; what was written about the person is erased."""
    async with db.transaction() as conn:
        await reject_application(conn, cooperative_id, application_id, by=person.id, now=utc_now())
    return ApplicationRejected(application_id=application_id, state="rejected")


@router.get("/members", responses=documented(Malformed))
async def list_members(
    cooperative_id: UUID,
    person: CurrentPerson,
    db: Db,
    state: MemberState | None = None,
    q: Annotated[str | None, Query(max_length=100)] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> MemberList:
    """Members with their savings; for officers."""
    async with db.reading() as conn:
        await store.as_officer(conn, cooperative_id, person.id)
        rows = await store.members(
            conn,
            cooperative_id,
            state=None if state is None else state.value,
            part=part_of(q),
            after=position(cursor),
            most=limit + 1,
        )
    return MemberList(
        items=[MemberView(**row) for row in rows[:limit]],
        next_cursor=paging.encode(rows[limit - 1]["member_id"]) if len(rows) > limit else None,
    )


@router.get("/members/{member_id}", responses=documented(MemberNotFound))
async def show_member(cooperative_id: UUID, member_id: UUID, person: CurrentPerson, db: Db) -> MemberView:
    """One member; for officers."""
    async with db.reading() as conn:
        await store.as_officer(conn, cooperative_id, person.id)
        rows = await store.members(conn, cooperative_id, member_id=member_id)
    if not rows:
        raise MemberNotFound
    return MemberView(**rows[0])


@router.post(
    "/members/{member_id}/end",
    status_code=201,
    response_model=EndedView,
    responses=documented(
        KeyMissing, KeyReused, KeyInUse, NotYourTask, MemberNotFound, NeedsAnotherPerson, NotInThisState, DebtsNotBooked
    ),
)
async def end(
    cooperative_id: UUID,
    member_id: UUID,
    body: Ending,
    key: IdempotencyKey,
    person: CurrentPerson,
    request: Request,
    db: Db,
) -> Response:
    """End a membership: savings less debts become payable."""
    command = EndMembership(cooperative_id, member_id, EndReason(body.reason), body.debts_minor, person.id)
    async with db.transaction() as conn:

        async def work() -> EndedView:
            payable_minor = await end_membership(conn, command, now=utc_now())
            return EndedView(member_id=member_id, state="ended", payable_minor=payable_minor)

        return await once(conn, request, person, key, body, work)


CHANGES = documented(NotYourTask, MemberNotFound, NeedsAnotherPerson, NotInThisState)


@router.post("/members/{member_id}/suspend", responses=CHANGES)
async def suspend(cooperative_id: UUID, member_id: UUID, person: CurrentPerson, db: Db) -> MemberStateView:
    """Suspend a member: no voluntary savings are taken in or spent."""
    async with db.transaction() as conn:
        await suspend_member(conn, cooperative_id, member_id, by=person.id, now=utc_now())
    return MemberStateView(member_id=member_id, state=MemberState.SUSPENDED)


@router.post("/members/{member_id}/resume", responses=CHANGES)
async def resume(cooperative_id: UUID, member_id: UUID, person: CurrentPerson, db: Db) -> MemberStateView:
    """Let a suspended member be one again."""
    async with db.transaction() as conn:
        await resume_member(conn, cooperative_id, member_id, by=person.id, now=utc_now())
    return MemberStateView(member_id=member_id, state=MemberState.ACTIVE)


@router.post(
    "/members/{member_id}/link-codes",
    status_code=201,
    responses=documented(NotYourTask, MemberNotFound, NotInThisState, LinkedAlready),
)
async def create_link_code(cooperative_id: UUID, member_id: UUID, person: CurrentPerson, db: Db) -> LinkCode:
    """A code with which the member joins the membership to an account; a new one ends the one before."""
    async with db.transaction() as conn:
        code, expires_at = await make_link_code(conn, cooperative_id, member_id, by=person.id, now=utc_now())
    return LinkCode(code=code, expires_at=expires_at)


@router.get("/register", responses=documented(Malformed))
async def show_register(
    cooperative_id: UUID, person: CurrentPerson, db: Db, limit: Limit = 100, cursor: Cursor = None
) -> Register:
    """The register, line by line; for officers."""
    after = 0 if cursor is None else paging.whole(paging.decode(cursor, size=1)[0])
    async with db.reading() as conn:
        await store.as_officer(conn, cooperative_id, person.id)
        rows = await store.register(conn, cooperative_id, after=after, most=limit + 1)
    return Register(
        items=[RegisterLine(**row) for row in rows[:limit]],
        next_cursor=paging.encode(rows[limit - 1]["position"]) if len(rows) > limit else None,
    )


@router.get("/dues", responses=documented(Malformed))
async def list_dues(
    cooperative_id: UUID,
    person: CurrentPerson,
    db: Db,
    is_behind: bool = True,
    month: date | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> DuesList:
    """Who is behind with the mandatory savings; for officers."""
    month = (month or day_of(utc_now())).replace(day=1)
    after = None if cursor is None else paging.whole(paging.decode(cursor, size=1)[0])
    async with db.reading() as conn:
        await store.as_officer(conn, cooperative_id, person.id)
        rows = await store.dues(conn, cooperative_id, month=month, is_behind=is_behind, after=after, most=limit + 1)
    return DuesList(
        month=month,
        currency="IDR",
        items=[DuesLine(**row) for row in rows[:limit]],
        next_cursor=paging.encode(rows[limit - 1]["register_number"]) if len(rows) > limit else None,
    )


@router.put("/dues", responses=documented(NotYourTask, MonthHasBegun))
async def put_dues(cooperative_id: UUID, body: NewDues, person: CurrentPerson, db: Db) -> DuesView:
    """Another amount of mandatory savings from a month on; the chair's task, as a meeting decided."""
    month = body.from_month.replace(day=1)
    async with db.transaction() as conn:
        await change_dues(conn, cooperative_id, month, body.monthly_minor, by=person.id, now=utc_now())
    return DuesView(from_month=month, monthly_minor=body.monthly_minor, currency="IDR")
