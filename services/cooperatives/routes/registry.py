"""Cooperatives: register, look, list; who holds which office."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from services.cooperatives import store
from services.cooperatives.domain.cooperative import Articles, CapitalBase, Cooperative, Role
from services.cooperatives.domain.governance import Kind
from services.cooperatives.domain.identity import veiled
from services.cooperatives.domain.problems import (
    AccountGone,
    AppliedAlready,
    CooperativeNotFound,
    IdentityNumberRefused,
    LastOfficer,
    NotYourTask,
    NumberTaken,
    OfficeTaken,
    TooFewFounders,
    UnknownRegion,
)
from services.cooperatives.domain.rulebook import RULES
from services.cooperatives.routes.desk import Digits, Phone, Settings, Words, once, part_of, position
from services.cooperatives.use_cases.appoint_officer import appoint_officer, dismiss_officer
from services.cooperatives.use_cases.register_cooperative import (
    Founder,
    RegisterCooperative,
    register_cooperative,
)
from shared import paging, regions
from shared.auth import CurrentPerson
from shared.calendar import day_of
from shared.clock import utc_now
from shared.contracts.base import RegionCode
from shared.http import Db
from shared.idempotency import IdempotencyKey, KeyInUse, KeyMissing, KeyReused
from shared.ids import new_id
from shared.money import CURRENCY
from shared.paging import Cursor, Limit
from shared.problems import Malformed, Unauthenticated, documented

router = APIRouter(prefix="/v1/cooperatives", tags=["registry"])

SAVINGS_MAX = 1_000_000_000_000
LegalNumber = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class NewFounder(BaseModel):
    """One of those who found it, and so its first candidates. In a secondary cooperative: a cooperative."""

    name: Words
    account_id: UUID | None = None
    phone: Phone | None = None
    identity_number: Digits | None = Field(default=None, description="NIK; in a secondary cooperative NPWP.")
    region_code: RegionCode | None = None


class NewOffice(BaseModel):
    """An office for somebody with an account."""

    account_id: UUID
    role: Role


class Quorum(BaseModel):
    """A share of the members that must be present: "more than" it, or "at least" it."""

    numerator: int = Field(default=1, ge=1, le=1000)
    denominator: int = Field(default=2, ge=1, le=1000)
    is_more_than: bool = True


class NewCooperative(BaseModel):
    """A cooperative to register, with what its articles (AD/ART) say. Money in rupiah."""

    name: Words
    kind: Kind = Kind.PRIMARY
    region_code: RegionCode
    legal_number: LegalNumber | None = Field(default=None, description="Nomor badan hukum.")
    national_number: LegalNumber | None = Field(default=None, description="NIK koperasi, as it is printed.")
    book_year_end_month: int = Field(default=12, ge=1, le=12)
    principal_savings_minor: int = Field(ge=1, le=SAVINGS_MAX, description="Once, the same for every member.")
    mandatory_savings_minor: int = Field(default=0, ge=0, le=SAVINGS_MAX, description="Per month.")
    withdrawal_limit_minor: int | None = Field(
        default=None, ge=0, le=SAVINGS_MAX, description="More than this needs a second officer; else the house rule."
    )
    quorum: Quorum = Field(default_factory=Quorum)
    invitation_days: int = Field(default=14, ge=0, le=90)
    capital_base: CapitalBase = CapitalBase.PRINCIPAL_AND_MANDATORY
    founders: list[NewFounder] = Field(min_length=1, max_length=1000)
    officers: list[NewOffice] = Field(default_factory=list, max_length=50)


class CooperativeMade(BaseModel):
    """It is registered; `founders` are the candidates' ids in the order of the request."""

    cooperative_id: UUID
    founders: list[UUID]


class CooperativeView(BaseModel):
    """What anybody may know of a cooperative: also what its articles ask of a member."""

    cooperative_id: UUID
    name: str
    kind: Kind
    region_code: str
    region_name: str
    legal_number: str | None
    national_number: str | None
    registered_at: AwareDatetime
    book_year_end_month: int
    principal_savings_minor: int
    mandatory_savings_minor: int
    withdrawal_limit_minor: int
    currency: str
    quorum: Quorum
    invitation_days: int
    capital_base: CapitalBase
    market_limit_minor: int = Field(description="What it may owe the market for orders paid from savings; 0: none.")
    market_used_minor: int = Field(description="What it owes; below zero the market owes.")


class OfficerView(BaseModel):
    """Who holds an office."""

    account_id: UUID
    role: Role
    appointed_at: AwareDatetime


class Officers(BaseModel):
    """All offices of a cooperative."""

    items: list[OfficerView]


class OfficeView(BaseModel):
    """An office that was given."""

    account_id: UUID
    role: Role


class CooperativeInList(BaseModel):
    """What anybody may know of a cooperative."""

    cooperative_id: UUID
    name: str
    kind: Literal["primer", "sekunder"]
    region_code: str
    region_name: str
    registered_at: AwareDatetime


class CooperativeList(BaseModel):
    """Cooperatives in the order in which they registered."""

    items: list[CooperativeInList]
    next_cursor: str | None


@router.get("", responses=documented(Malformed))
async def list_cooperatives(
    db: Db,
    region: Annotated[str | None, Query(max_length=20)] = None,
    q: Annotated[str | None, Query(max_length=100)] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> CooperativeList:
    """Cooperatives of a region and the regions in it, or with a part of a name."""
    async with db.reading() as conn:
        rows = await store.cooperatives(conn, region=region, part=part_of(q), after=position(cursor), most=limit + 1)
    page = rows[:limit]
    return CooperativeList(
        items=[
            CooperativeInList(**row, region_name=regions.full_name_of(row["region_code"]) or row["region_code"])
            for row in page
        ],
        next_cursor=paging.encode(page[-1]["cooperative_id"]) if len(rows) > limit else None,
    )


@router.post(
    "",
    status_code=201,
    response_model=CooperativeMade,
    responses=documented(
        Unauthenticated,
        KeyMissing,
        KeyReused,
        KeyInUse,
        TooFewFounders,
        UnknownRegion,
        NumberTaken,
        OfficeTaken,
        AppliedAlready,
        IdentityNumberRefused,
        AccountGone,
    ),
)
async def create_cooperative(
    body: NewCooperative, key: IdempotencyKey, person: CurrentPerson, request: Request, settings: Settings, db: Db
) -> Response:
    """Register a cooperative. Whoever does, and is given no office, becomes its chair."""
    now = utc_now()
    if body.quorum.numerator > body.quorum.denominator:
        raise Malformed("a quorum is at most all members")
    limit_minor = body.withdrawal_limit_minor
    if limit_minor is None:
        limit_minor = RULES.in_force("second_person_for_withdrawals", day_of(now)).whole("limit_minor")
    articles = Articles(
        body.book_year_end_month,
        body.principal_savings_minor,
        limit_minor,
        body.quorum.numerator,
        body.quorum.denominator,
        body.quorum.is_more_than,
        body.invitation_days,
        body.capital_base,
    )
    cooperative = Cooperative(
        new_id(), body.name, body.kind, body.region_code, body.legal_number, body.national_number, articles, now
    )
    command = RegisterCooperative(
        cooperative,
        body.mandatory_savings_minor,
        [Founder(f.name, f.account_id, f.phone, f.identity_number, f.region_code) for f in body.founders],
        [(office.account_id, office.role) for office in body.officers],
        person.id,
    )
    async with db.transaction() as conn:

        async def work() -> CooperativeMade:
            founders = await register_cooperative(conn, command, now=now)
            return CooperativeMade(cooperative_id=cooperative.cooperative_id, founders=founders)

        secret = settings.members_key.get_secret_value()
        veiled_founders = [
            founder.model_copy(update={"identity_number": veiled(secret, founder.identity_number)})
            for founder in body.founders
        ]
        remembered = body.model_copy(update={"founders": veiled_founders})
        return await once(conn, request, person, key, remembered, work)


@router.get("/{cooperative_id}", responses=documented(CooperativeNotFound))
async def show_cooperative(cooperative_id: UUID, db: Db) -> CooperativeView:
    """A cooperative and what its articles say."""
    async with db.reading() as conn:
        found = await store.cooperative(conn, cooperative_id)
        monthly_minor = await store.monthly_dues(conn, cooperative_id, day_of(utc_now()).replace(day=1))
        market = (await store.markets(conn, [cooperative_id]))[cooperative_id]
    articles = found.articles
    return CooperativeView(
        cooperative_id=found.cooperative_id,
        name=found.name,
        kind=found.kind,
        region_code=found.region_code,
        region_name=regions.full_name_of(found.region_code) or found.region_code,
        legal_number=found.legal_number,
        national_number=found.national_number,
        registered_at=found.registered_at,
        book_year_end_month=articles.book_year_end_month,
        principal_savings_minor=articles.principal_savings_minor,
        mandatory_savings_minor=monthly_minor,
        withdrawal_limit_minor=articles.withdrawal_limit_minor,
        currency=CURRENCY,
        quorum=Quorum(
            numerator=articles.quorum_numerator,
            denominator=articles.quorum_denominator,
            is_more_than=articles.quorum_is_more_than,
        ),
        invitation_days=articles.invitation_days,
        capital_base=articles.capital_base,
        market_limit_minor=market.limit_minor,
        market_used_minor=market.owed_minor,
    )


@router.get("/{cooperative_id}/officers", responses=documented(Unauthenticated, CooperativeNotFound))
async def list_officers(cooperative_id: UUID, person: CurrentPerson, db: Db) -> Officers:
    """Who holds an office; for officers."""
    async with db.reading() as conn:
        await store.as_officer(conn, cooperative_id, person.id)
        rows = await store.officers(conn, cooperative_id)
    return Officers(items=[OfficerView(**row) for row in rows])


@router.post(
    "/{cooperative_id}/officers",
    status_code=201,
    responses=documented(Unauthenticated, CooperativeNotFound, NotYourTask, OfficeTaken, AccountGone),
)
async def create_officer(cooperative_id: UUID, body: NewOffice, person: CurrentPerson, db: Db) -> OfficeView:
    """An acting officer gives somebody an office; where none is left, an operator does."""
    async with db.transaction() as conn:
        await appoint_officer(
            conn,
            cooperative_id,
            body.account_id,
            body.role,
            by=person.id,
            is_operator="operator" in person.roles,
            now=utc_now(),
        )
    return OfficeView(account_id=body.account_id, role=body.role)


@router.delete(
    "/{cooperative_id}/officers/{account_id}",
    status_code=204,
    responses=documented(Unauthenticated, CooperativeNotFound, NotYourTask, LastOfficer),
)
async def delete_officer(cooperative_id: UUID, account_id: UUID, person: CurrentPerson, db: Db) -> None:
    """An acting officer ends an office; the last acting one stays."""
    async with db.transaction() as conn:
        await dismiss_officer(conn, cooperative_id, account_id, by=person.id, now=utc_now())
