"""What a member sees: their memberships everywhere, their savings, and joining a membership to their account."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, StringConstraints

from services.cooperatives import store
from services.cooperatives.domain.cooperative import MemberState, Role
from services.cooperatives.domain.problems import AccountGone, LinkCodeRefused, LinkedAlready, MemberNotFound
from services.cooperatives.routes.desk import StatementPage, statement
from services.cooperatives.use_cases.link_account import link_account
from shared.auth import CurrentPerson
from shared.calendar import day_of
from shared.clock import utc_now
from shared.http import Db
from shared.money import CURRENCY
from shared.paging import Cursor, Limit
from shared.problems import Malformed, Unauthenticated, documented

router = APIRouter(prefix="/v1/me", tags=["mine"], responses=documented(Unauthenticated))


class MembershipView(BaseModel):
    """A membership with its savings, in rupiah. `principal_open_minor`: what a candidate still has to pay.

    `may_pay_at_market`: the cooperative is admitted there, so that voluntary savings pay for orders.
    """

    cooperative_id: UUID
    cooperative_name: str
    member_id: UUID
    name: str | None
    state: MemberState
    register_number: int | None
    admitted_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    principal_minor: int
    mandatory_minor: int
    voluntary_minor: int
    payable_minor: int
    principal_open_minor: int
    dues_behind_minor: int
    may_pay_at_market: bool
    currency: str


class Memberships(BaseModel):
    """All of a person's memberships, former ones too."""

    items: list[MembershipView]


class OwnOffice(BaseModel):
    """An office that the caller holds."""

    cooperative_id: UUID
    cooperative_name: str
    role: Role
    appointed_at: AwareDatetime


class OwnOffices(BaseModel):
    """All of them, the oldest first."""

    items: list[OwnOffice]


class Joining(BaseModel):
    """The code that an officer handed out."""

    code: Annotated[str, StringConstraints(min_length=8, max_length=40, pattern=r"^[A-Za-z0-9 -]+$")]


class Joined(BaseModel):
    """The membership is the account's now."""

    cooperative_id: UUID
    member_id: UUID
    state: MemberState


@router.get("/memberships")
async def list_memberships(person: CurrentPerson, db: Db) -> Memberships:
    """Where the caller is a candidate, a member, or was one."""
    month: date = day_of(utc_now()).replace(day=1)
    items = []
    async with db.reading() as conn:
        for row in await store.memberships(conn, person.id):
            dues = await store.dues(
                conn, row["cooperative_id"], month=month, is_behind=True, member_id=row["member_id"]
            )
            is_candidate = row["state"] == MemberState.CANDIDATE.value
            open_minor = row["principal_savings_minor"] - row["principal_minor"] if is_candidate else 0
            items.append(
                MembershipView(
                    **{name: value for name, value in row.items() if name != "principal_savings_minor"},
                    principal_open_minor=open_minor,
                    dues_behind_minor=dues[0]["behind_minor"] if dues else 0,
                    currency=CURRENCY,
                )
            )
    return Memberships(items=items)


@router.get("/offices")
async def list_offices(person: CurrentPerson, db: Db) -> OwnOffices:
    """Where the caller holds an office."""
    async with db.reading() as conn:
        rows = await store.offices_of(conn, person.id)
    return OwnOffices(items=[OwnOffice(**row) for row in rows])


@router.post(
    "/memberships", status_code=201, responses=documented(LinkCodeRefused, LinkedAlready, AccountGone, Malformed)
)
async def join(body: Joining, person: CurrentPerson, db: Db) -> Joined:
    """Join a membership to the caller's account by the code from the office."""
    async with db.transaction() as conn:
        member = await link_account(conn, body.code, person.id, now=utc_now())
    return Joined(cooperative_id=member.cooperative_id, member_id=member.member_id, state=member.state)


@router.get("/savings", responses=documented(MemberNotFound, Malformed))
async def show_savings(
    member_id: UUID, person: CurrentPerson, db: Db, limit: Limit = 20, cursor: Cursor = None
) -> StatementPage:
    """The statement of one of the caller's memberships, newest first."""
    async with db.reading() as conn:
        await store.require_own(conn, member_id, person.id)
        return await statement(conn, member_id, limit=limit, cursor=cursor)
