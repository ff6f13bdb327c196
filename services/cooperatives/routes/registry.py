"""Cooperatives: register, look, list; offices."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel

from services.cooperatives import store
from services.cooperatives.routes.desk import position
from shared import paging, regions
from shared.http import Db
from shared.paging import Cursor, Limit
from shared.problems import Malformed, documented

router = APIRouter(prefix="/v1/cooperatives", tags=["registry"])


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
    after = position(cursor)
    part = None if q is None else q.strip().lower().replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    async with db.reading() as conn:
        rows = await store.cooperatives(conn, region=region, part=part, after=after, most=limit + 1)
    page = rows[:limit]
    return CooperativeList(
        items=[
            CooperativeInList(**row, region_name=regions.full_name_of(row["region_code"]) or row["region_code"])
            for row in page
        ],
        next_cursor=paging.encode(page[-1]["cooperative_id"]) if len(rows) > limit else None,
    )
