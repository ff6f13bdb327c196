"""What operators look at: reservations that should have ended."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel

from services.catalog.routes.answers import json_answer
from services.catalog.store import search as store
from shared import paging
from shared.auth import CurrentPerson, require_role
from shared.clock import utc_now
from shared.http import Db
from shared.paging import Cursor, Limit
from shared.problems import Forbidden, Malformed, documented

router = APIRouter(tags=["reservations"])

EARLIEST = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
FIRST_ID = UUID(int=0)


class ReservedLine(BaseModel):
    """So many of one product, set aside."""

    product_id: UUID
    quantity: int


class StaleReservation(BaseModel):
    """Stock set aside for an order, long ago."""

    order_id: UUID
    attempt: int
    reserved_at: AwareDatetime
    lines: list[ReservedLine]


class StaleReservations(BaseModel):
    """Old reservations, the oldest first."""

    items: list[StaleReservation]
    next_cursor: str | None


@router.get("/reservations/stale", response_model=StaleReservations, responses=documented(Forbidden, Malformed))
async def list_stale_reservations(
    person: CurrentPerson,
    db: Db,
    older_than_seconds: Annotated[int, Query(ge=0, le=366 * 86_400)] = 86_400,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Reservations older than this; catalog never ends one by itself, so each belongs to an order to look at."""
    require_role(person, "operator")
    after = (EARLIEST, FIRST_ID)
    if cursor is not None:
        at, order_id = paging.decode(cursor, size=2)
        try:
            after = (paging.moment(at), UUID(order_id))
        except (ValueError, TypeError, AttributeError) as error:
            raise Malformed("the cursor is not one of this list") from error
    before = utc_now() - timedelta(seconds=older_than_seconds)
    async with db.reading() as conn:
        rows = await store.stale_reservations(conn, before=before, after=after, limit=limit + 1)
    items = [
        {
            "order_id": row["order_id"],
            "attempt": row["attempt"],
            "reserved_at": row["reserved_at"],
            "lines": [
                {"product_id": product_id, "quantity": quantity}
                for product_id, quantity in zip(row["product_ids"], row["quantities"], strict=True)
            ],
        }
        for row in rows[:limit]
    ]
    last = rows[limit - 1] if len(rows) > limit else None
    next_cursor = None if last is None else paging.encode(last["reserved_at"], str(last["order_id"]))
    return json_answer({"items": items, "next_cursor": next_cursor})
