"""Patronage of members, and the surplus (SHU) of a year: tried, divided, read, paid out."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from services.cooperatives.domain.allocation import POOLS
from services.cooperatives.domain.book_year import BookYear
from services.cooperatives.domain.division import Division, exact_share, residue_of
from services.cooperatives.domain.meeting import MeetingRules
from services.cooperatives.domain.meeting_problems import (
    AllocationNotWhole,
    DividedAlready,
    NotDecided,
    NothingToPayOut,
    SurplusNotFound,
    YearNotOver,
)
from services.cooperatives.domain.problems import CooperativeNotFound, MemberNotFound, NotYourTask
from services.cooperatives.routes.desk import Settings, once, position
from services.cooperatives.routes.surplus_models import (
    FundView,
    OwnSurplus,
    PaidOutView,
    Patronage,
    PatronageEntry,
    PatronageRole,
    ShareView,
    SurplusAsked,
    SurplusView,
    YearView,
)
from services.cooperatives.store import meetings, patronage
from services.cooperatives.store import surplus as store
from services.cooperatives.use_cases.divide_surplus import divide_surplus, read_year, try_division
from services.cooperatives.use_cases.pay_out_surplus import pay_out_surplus
from shared import idempotency, paging
from shared.auth import CurrentPerson
from shared.calendar import day_of
from shared.clock import utc_now
from shared.db import Connection
from shared.exact import to_text
from shared.http import Db
from shared.idempotency import IdempotencyKey
from shared.money import CURRENCY
from shared.paging import Cursor, Limit
from shared.problems import Malformed, documented
from shared.sql import Row

router = APIRouter(prefix="/v1/cooperatives/{cooperative_id}", tags=["surplus"])

Year = Annotated[int, Path(ge=2000, le=9998)]
AskedYear = Annotated[int, Query(ge=2000, le=9998)]


@router.get("/members/{member_id}/patronage", responses=documented(MemberNotFound, Malformed))
async def get_patronage(
    cooperative_id: UUID,
    member_id: UUID,
    year: AskedYear,
    person: CurrentPerson,
    db: Db,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Patronage:
    """A member's patronage of a book year, to the member and to officers."""
    before = None
    if cursor is not None:
        at, parcel, role, party = paging.decode(cursor, size=4)
        before = (paging.moment(at), _id(parcel), str(role), _id(party))
    async with db.reading() as conn:
        month = await store.require_member_or_officer(conn, cooperative_id, member_id, person.id)
        days = BookYear(year, month)
        of_year: dict[str, Any] = {
            "cooperative_id": cooperative_id,
            "member_id": member_id,
            "first_day": days.first_day,
            "last_day": days.last_day,
        }
        roles = [
            PatronageRole(**row, net_minor=row["completed_minor"] - row["refunded_minor"])
            for row in await patronage.totals(conn, **of_year)
        ]
        rows = await patronage.entries(conn, **of_year, before=before, limit=limit + 1)
    page = rows[:limit]
    last = page[-1] if len(rows) > limit else None
    return Patronage(
        member_id=member_id,
        year=year,
        first_day=days.first_day,
        last_day=days.last_day,
        currency=CURRENCY,
        completed_minor=sum(role.completed_minor for role in roles),
        refunded_minor=sum(role.refunded_minor for role in roles),
        net_minor=sum(role.net_minor for role in roles),
        roles=roles,
        items=[PatronageEntry(**{name: row[name] for name in PatronageEntry.model_fields}) for row in page],
        next_cursor=None
        if last is None
        else paging.encode(last["completed_at"], last["parcel_id"], last["role"], last["party_id"]),
    )


def _id(value: Any) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as error:
        raise Malformed("the cursor is not one of this list") from error


@router.get("/years/{year}", responses=documented(CooperativeNotFound))
async def get_year(cooperative_id: UUID, year: Year, person: CurrentPerson, db: Db) -> YearView:
    """Until when members must meet about a book year, whether they did, and whether its surplus is divided."""
    async with db.reading() as conn:
        rules = await meetings.rules_for_anyone_inside(conn, cooperative_id, person.id)
        standing = await store.standing(conn, cooperative_id, year)
    days, due_on, now = rules.year(year), rules.due_on(year), utc_now()
    return YearView(
        year=year,
        first_day=days.first_day,
        last_day=days.last_day,
        is_over=now >= days.ends_at,
        meeting_due_on=due_on,
        is_meeting_overdue=standing["meeting_id"] is None and day_of(now) > due_on,
        meeting_id=standing["meeting_id"],
        distributed_at=standing["distributed_at"],
    )


@router.post(
    "/years/{year}/surplus",
    status_code=201,
    response_model=SurplusView,
    responses={
        **documented(
            CooperativeNotFound,
            NotYourTask,
            AllocationNotWhole,
            YearNotOver,
            NotDecided,
            DividedAlready,
            idempotency.KeyMissing,
        ),
        200: {"model": SurplusView, "description": "A dry run: nothing was stored."},
    },
)
async def post_surplus(
    cooperative_id: UUID,
    year: Year,
    body: SurplusAsked,
    person: CurrentPerson,
    settings: Settings,
    request: Request,
    db: Db,
    dry_run: bool = False,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """Divide the surplus as the annual meeting decided, once; with dry_run, calculate only, for any officer.

    Members are paged; the next page of a dry run calculates again. Dividing needs an Idempotency-Key.
    """
    allocation = body.allocation.model_dump()
    after = position(cursor)
    if dry_run:
        async with db.transaction("repeatable_read") as conn:
            read = await read_year(conn, cooperative_id, year, by=person.id)
        division = await try_division(read, allocation)
        view = _division_view(read.rules, year, division, after=after, limit=limit)
        return Response(view.model_dump_json(), media_type="application/json")
    key = idempotency.key_of(request)
    async with db.transaction() as conn:

        async def work() -> SurplusView:
            await divide_surplus(
                conn,
                cooperative_id,
                year,
                allocation,
                by=person.id,
                must_be_over=not settings.surplus_before_year_end,
                now=utc_now(),
            )
            rules, _ = await meetings.rules_for_officer(conn, cooperative_id, person.id)
            return await _run_view(conn, rules, year, after=None, limit=limit)

        return await once(conn, request, person, key, body, work)


@router.get("/years/{year}/surplus", responses=documented(CooperativeNotFound, SurplusNotFound, Malformed))
async def get_surplus(
    cooperative_id: UUID, year: Year, person: CurrentPerson, db: Db, limit: Limit = 20, cursor: Cursor = None
) -> SurplusView:
    """How a year was divided, with each member's line, to officers."""
    async with db.reading() as conn:
        rules, _ = await meetings.rules_for_officer(conn, cooperative_id, person.id)
        return await _run_view(conn, rules, year, after=position(cursor), limit=limit)


@router.get("/years/{year}/surplus/mine", responses=documented(SurplusNotFound))
async def get_own_surplus(cooperative_id: UUID, year: Year, person: CurrentPerson, db: Db) -> OwnSurplus:
    """What the caller got of a year's surplus, and of what."""
    async with db.reading() as conn:
        rows = await store.shares_of_account(conn, cooperative_id, year, person.id)
        run = await store.run_of_year(conn, cooperative_id, year)
    return OwnSurplus(year=year, surplus_minor=run["surplus_minor"], currency=CURRENCY, items=_stored_shares(run, rows))


@router.post(
    "/members/{member_id}/surplus/payout",
    status_code=201,
    response_model=PaidOutView,
    responses=documented(MemberNotFound, NothingToPayOut),
)
async def post_payout(
    cooperative_id: UUID, member_id: UUID, key: IdempotencyKey, person: CurrentPerson, request: Request, db: Db
) -> Response:
    """Move what is owed to a member of surpluses to their voluntary savings; the member or an officer asks."""
    async with db.transaction() as conn:

        async def work() -> PaidOutView:
            paid = await pay_out_surplus(conn, cooperative_id, member_id, by=person.id, now=utc_now())
            return PaidOutView(
                movement_id=paid.movement_id,
                kind="voluntary" if paid.kind == "voluntary" else "payable",
                amount_minor=paid.amount_minor,
                tax_minor=paid.tax_minor,
                currency=CURRENCY,
            )

        return await once(conn, request, person, key, {}, work)


def _division_view(
    rules: MeetingRules, year: int, division: Division, *, after: UUID | None, limit: int
) -> SurplusView:
    days = rules.year(year)
    shares = [share for share in division.shares if after is None or share.member_id > after]
    page = shares[:limit]
    items = []
    for share in page:
        exact = division.exact.exact[str(share.member_id)]
        items.append(
            ShareView(
                member_id=share.member_id,
                savings_minor=share.savings_minor,
                dealings_minor=share.dealings_minor,
                capital_minor=share.capital_minor,
                service_minor=share.service_minor,
                total_minor=share.total_minor,
                exact_capital=to_text(exact.capital),
                exact_service=to_text(exact.dealings),
            )
        )
    return SurplusView(
        cooperative_id=rules.cooperative_id,
        year=year,
        is_dry_run=True,
        is_year_over=utc_now() >= days.ends_at,
        first_day=days.first_day,
        last_day=days.last_day,
        currency=CURRENCY,
        surplus_minor=division.surplus_minor,
        loss_minor=division.exact.loss_minor,
        allocation=dict(division.allocation),
        rounding=division.rounding,
        capital_base=rules.capital_base,
        savings_total_minor=division.savings_total_minor,
        dealings_total_minor=division.dealings_total_minor,
        members=len(division.shares),
        members_minor=division.members_minor,
        undistributed_minor=division.undistributed_minor,
        residue_minor=residue_of(
            division.surplus_minor, division.allocation, division.members_minor, division.undistributed_minor
        ),
        funds=_funds(division.allocation, division.funds),
        meeting_id=None,
        motion_id=None,
        distributed_at=None,
        items=items,
        next_cursor=paging.encode(page[-1].member_id) if len(shares) > limit else None,
    )


async def _run_view(conn: Connection, rules: MeetingRules, year: int, *, after: UUID | None, limit: int) -> SurplusView:
    run = await store.run_of_year(conn, rules.cooperative_id, year)
    rows = await store.shares_of_year(conn, rules.cooperative_id, year, after=after, limit=limit + 1)
    page = rows[:limit]
    days = rules.year(year)
    return SurplusView(
        **{name: run[name] for name in SurplusView.model_fields if name in run and name != "funds"},
        cooperative_id=rules.cooperative_id,
        year=year,
        is_dry_run=False,
        is_year_over=utc_now() >= days.ends_at,
        first_day=days.first_day,
        last_day=days.last_day,
        currency=CURRENCY,
        loss_minor=max(-run["surplus_minor"], 0),
        residue_minor=residue_of(
            run["surplus_minor"], run["allocation"], run["members_minor"], run["undistributed_minor"]
        ),
        funds=_funds(run["allocation"], run["funds"]),
        items=_stored_shares(run, page),
        next_cursor=paging.encode(page[-1]["member_id"]) if len(rows) > limit else None,
    )


def _stored_shares(run: Row, rows: Iterable[Row]) -> list[ShareView]:
    """Exact parts follow from the bases and totals that were written down."""
    views = []
    for row in rows:
        exact = exact_share(
            run["surplus_minor"],
            run["allocation"],
            savings=(row["savings_minor"], run["savings_total_minor"]),
            dealings=(row["dealings_minor"], run["dealings_total_minor"]),
        )
        views.append(
            ShareView(
                **row,
                total_minor=row["capital_minor"] + row["service_minor"],
                exact_capital=to_text(exact.capital),
                exact_service=to_text(exact.dealings),
            )
        )
    return views


def _funds(allocation: Mapping[str, int], funds: Mapping[str, int]) -> list[FundView]:
    """In one order, whether they were just calculated or read."""
    return [
        FundView(name=name, basis_points=allocation.get(name, 0), amount_minor=funds[name])
        for name in POOLS
        if name in funds
    ]
