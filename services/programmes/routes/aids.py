"""The aid register: entered by officers, decided by a second one when it is much, seen by who gets it."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from services.programmes.domain.problems import (
    AidDecided,
    AidNotFound,
    AidTwice,
    NotToYourself,
    RegionNotFound,
    SecondPersonNeeded,
    ShopNotOfPerson,
)
from services.programmes.routes.desk import NEWEST, json_answer, officer_of, page_of, place_of
from services.programmes.store import aids as store
from services.programmes.use_cases.grant_aid import ProposeAid, decide_aid, propose_aid
from shared import idempotency
from shared.auth import CurrentPerson
from shared.clock import utc_now
from shared.contracts.base import Amount, RegionCode
from shared.http import Db
from shared.idempotency import IdempotencyKey
from shared.ids import new_id
from shared.paging import Cursor, Limit
from shared.problems import Forbidden, documented

router = APIRouter(tags=["aid"])

Kind = Literal["money", "equipment", "material", "service"]


class NewAid(BaseModel):
    """Aid of a public programme for a person, or for their shop."""

    person_id: UUID
    shop_id: UUID | None = None
    programme: str = Field(pattern="^[a-z0-9-]{2,60}$")
    year: int = Field(ge=2000, le=9999, description="The programme's year: once a person.")
    kind: Kind
    amount_minor: Annotated[Amount, Field(ge=1)]
    currency: Literal["IDR"] = "IDR"
    region_code: RegionCode


class AidView(BaseModel):
    """An entry of the register."""

    aid_id: UUID
    programme: str
    year: int
    person_id: UUID
    shop_id: UUID | None
    kind: Kind
    amount_minor: int
    currency: str
    region_code: str
    status: Literal["proposed", "granted", "refused"]
    needs_second: bool
    proposed_at: AwareDatetime
    decided_at: AwareDatetime | None


class Aids(BaseModel):
    """A page of the register, the youngest first."""

    items: list[AidView]
    next_cursor: str | None


def _view(row: Any) -> AidView:
    return AidView(status=row["state"], **{name: row[name] for name in AidView.model_fields if name != "status"})


@router.post(
    "/aids",
    status_code=201,
    response_model=AidView,
    responses=documented(Forbidden, RegionNotFound, ShopNotOfPerson, AidTwice, NotToYourself),
)
async def create_aid(body: NewAid, key: IdempotencyKey, person: CurrentPerson, request: Request, db: Db) -> Response:
    """Enter aid: granted at once, or, above the limit, proposed until another officer decides."""
    officer = officer_of(person)
    command = ProposeAid(aid_id=new_id(), **body.model_dump())
    async with db.transaction() as conn:

        async def work() -> AidView:
            return _view(await propose_aid(conn, command, officer, by=person.id, now=utc_now()))

        return await idempotency.once(conn, idempotency.Claim.of(person.id, request, key, body), work)


@router.post(
    "/aids/{aid_id}/approve",
    responses=documented(Forbidden, AidNotFound, AidDecided, SecondPersonNeeded, NotToYourself),
)
async def approve_aid(aid_id: UUID, person: CurrentPerson, db: Db) -> AidView:
    """Grant what another officer proposed."""
    return await _decide(aid_id, person, db, is_granted=True)


@router.post(
    "/aids/{aid_id}/refuse",
    responses=documented(Forbidden, AidNotFound, AidDecided, SecondPersonNeeded, NotToYourself),
)
async def refuse_aid(aid_id: UUID, person: CurrentPerson, db: Db) -> AidView:
    """Refuse what another officer proposed; it may be proposed anew."""
    return await _decide(aid_id, person, db, is_granted=False)


async def _decide(aid_id: UUID, person: CurrentPerson, db: Db, *, is_granted: bool) -> AidView:
    officer = officer_of(person)
    async with db.transaction() as conn:
        return _view(
            await decide_aid(conn, aid_id=aid_id, is_granted=is_granted, officer=officer, by=person.id, now=utc_now())
        )


@router.get("/aids", response_model=Aids)
async def list_own_aids(person: CurrentPerson, db: Db, limit: Limit = 20, cursor: Cursor = None) -> Response:
    """What the caller got, or is proposed to get."""
    async with db.reading() as conn:
        rows = await store.aids_of(conn, person.id, after=place_of(cursor, NEWEST), limit=limit + 1)
    items, next_cursor = page_of(rows, limit, "proposed_at", "aid_id")
    return json_answer({"items": [_view(row).model_dump() for row in items], "next_cursor": next_cursor})


@router.get("/aids/register", response_model=Aids, responses=documented(Forbidden))
async def list_register(
    person: CurrentPerson,
    db: Db,
    region: Annotated[RegionCode | None, Query(description="A province finds its regencies too.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The register of the officer's regions."""
    officer = officer_of(person)
    async with db.reading() as conn:
        rows = await store.aids_for(conn, officer, region=region, after=place_of(cursor, NEWEST), limit=limit + 1)
    items, next_cursor = page_of(rows, limit, "proposed_at", "aid_id")
    return json_answer({"items": [_view(row).model_dump() for row in items], "next_cursor": next_cursor})
