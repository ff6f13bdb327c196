"""What a cooperative may owe the market for orders that its members pay from savings; set by an operator."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from services.cooperatives import store
from services.cooperatives.domain.problems import CooperativeNotFound, NeedsAnotherPerson, NotYourTask
from services.cooperatives.use_cases.admit_to_market import admit_to_market
from shared.auth import CurrentPerson
from shared.clock import utc_now
from shared.http import Db
from shared.money import CURRENCY
from shared.problems import Unauthenticated, documented

router = APIRouter(prefix="/v1/cooperatives", tags=["market"])

LIMIT_MAX = 1_000_000_000_000


class NewMarketLimit(BaseModel):
    """So much may the cooperative owe the market at most, in rupiah; 0: its savings do not pay there."""

    limit_minor: int = Field(ge=0, le=LIMIT_MAX)


class MarketView(BaseModel):
    """What a cooperative may owe the market, and what of it is used, in rupiah; below zero the market owes."""

    cooperative_id: UUID
    limit_minor: int
    used_minor: int
    currency: str


@router.put(
    "/{cooperative_id}/market_limit",
    responses=documented(Unauthenticated, CooperativeNotFound, NotYourTask, NeedsAnotherPerson),
)
async def put_market_limit(cooperative_id: UUID, body: NewMarketLimit, person: CurrentPerson, db: Db) -> MarketView:
    """An operator from outside admits a cooperative's savings to the market, changes the limit, or ends it by 0."""
    async with db.transaction() as conn:
        await admit_to_market(
            conn,
            cooperative_id,
            body.limit_minor,
            by=person.id,
            is_operator="operator" in person.roles,
            now=utc_now(),
        )
        market = (await store.markets(conn, [cooperative_id]))[cooperative_id]
    return MarketView(
        cooperative_id=cooperative_id,
        limit_minor=market.limit_minor,
        used_minor=market.owed_minor,
        currency=CURRENCY,
    )
