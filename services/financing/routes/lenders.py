"""Lenders, and what they would lend."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, StringConstraints

from services.financing.domain.problems import LenderTaken
from services.financing.routes.answers import json_answer, once
from services.financing.store import lenders as store
from services.financing.use_cases.register_lender import register_lender
from shared.auth import CurrentPerson, require_role
from shared.clock import utc_now
from shared.http import Db
from shared.idempotency import IdempotencyKey
from shared.ids import new_id
from shared.problems import Forbidden, Unauthenticated, documented

router = APIRouter(prefix="/v1", tags=["lenders"], responses=documented(Unauthenticated))

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=2, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class NewLender(BaseModel):
    """A licensed partner, and the machine client of identity that acts for it."""

    client_id: UUID
    slug: Annotated[str, StringConstraints(pattern="^[a-z0-9-]{3,30}$")]
    name: Name


class LenderView(BaseModel):
    """A lender."""

    lender_id: UUID
    client_id: UUID
    slug: str
    name: str
    state: str
    registered_at: AwareDatetime


class Lenders(BaseModel):
    """All lenders."""

    items: list[LenderView]


@router.post("/lenders", status_code=201, response_model=LenderView, responses=documented(Forbidden, LenderTaken))
async def create_lender(
    body: NewLender, key: IdempotencyKey, person: CurrentPerson, request: Request, db: Db
) -> Response:
    """Register a lender (operator)."""
    require_role(person, "operator")
    lender_id = new_id()
    async with db.transaction() as conn:

        async def work() -> LenderView:
            lender = await register_lender(
                conn,
                lender_id=lender_id,
                client_id=body.client_id,
                slug=body.slug,
                name=body.name,
                now=utc_now(),
            )
            return LenderView.model_validate(lender, from_attributes=True)

        return await once(conn, request, person, key, body, work)


@router.get("/lenders", response_model=Lenders, responses=documented(Forbidden))
async def list_lenders(person: CurrentPerson, db: Db) -> Response:
    """All lenders (operator)."""
    require_role(person, "operator")
    async with db.reading() as conn:
        found = await store.lenders(conn)
    views = [LenderView.model_validate(lender, from_attributes=True).model_dump(mode="json") for lender in found]
    return json_answer({"items": views})
