"""The pull feed: a lender's own log, page by page; an empty page may wait for news."""

import time
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from services.financing.routes.answers import json_answer
from services.financing.routes.partner_views import Position, Subscriber
from services.financing.running import Waiting
from services.financing.store import partner
from services.financing.store.lenders import Lender
from shared.http import Db
from shared.paging import Limit
from shared.problems import Forbidden, Unauthenticated, documented

router = APIRouter(prefix="/v1", tags=["events"], responses=documented(Unauthenticated, Forbidden))

WAIT_SECONDS_MAX = 30
Types: TypeAlias = Annotated[
    str, Query(max_length=2000, pattern=r"^[a-z0-9_.,]*$", description="Comma separated; empty: all.")
]


class Feed(BaseModel):
    """A page of a lender's log. Ask next with `after=next_position`: that also says that this page has arrived."""

    events: list[dict[str, Any]] = Field(description="CloudEvents 1.0 with their `position`, in order, without gaps.")
    next_position: int
    head_position: int = Field(description="How far the log reaches.")
    missed: int = Field(description="How many positions were told beyond `after`, these among them.")
    first_position: int = Field(description="The first that is still kept.")


@router.get("/events", response_model=Feed)
async def read_events(
    lender: Subscriber,
    request: Request,
    db: Db,
    after: Position = 0,
    types: Types = "",
    limit: Limit = 100,
    wait: Annotated[int, Query(ge=0, le=WAIT_SECONDS_MAX, description="Seconds to wait for news.")] = 0,
) -> Response:
    """What was told beyond `after`. With `wait`, an empty answer comes only after so many seconds without news."""
    waiting: Waiting = request.app.state.waiting
    deadline = time.monotonic() + wait
    wanted = [one for one in types.split(",") if one]
    page = await _page(db, lender, after, wanted, limit, confirmed=after)
    while not page["events"] and (left := deadline - time.monotonic()) > 0:
        if not await waiting.until_beyond(lender.lender_id, page["head_position"], seconds=left):
            break
        page = await _page(db, lender, page["next_position"], wanted, limit)  # what was passed over is not read again
        page["missed"] = max(0, page["head_position"] - after)
    return json_answer(page)


async def _page(
    db: Db, lender: Lender, after: int, types: list[str], limit: int, *, confirmed: int = 0
) -> dict[str, Any]:
    async with db.reading() as conn:
        bounds = await partner.bounds(conn, lender.lender_id)
        if 0 < confirmed <= bounds.head:
            await partner.confirm_pulled(conn, lender.lender_id, confirmed)
        events = await partner.read_log(conn, lender.lender_id, after=after, upto=bounds.head, types=types, most=limit)
    reached = events[-1].position if len(events) == limit else max(bounds.head, after)
    return {
        "events": [event.as_document() for event in events],
        "next_position": reached,
        "head_position": bounds.head,
        "missed": max(0, bounds.head - after),
        "first_position": bounds.first_kept,
    }
