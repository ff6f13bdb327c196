"""What routes share: an officer's rights, today's date in Jakarta, places in lists, JSON answers."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import orjson
from fastapi import Response
from pydantic import Field, StringConstraints

from services.programmes.domain.officer import Officer
from shared import paging
from shared.auth import Principal
from shared.calendar import day_of
from shared.clock import utc_now
from shared.problems import Forbidden, Malformed
from shared.sql import Row

Scheme: TypeAlias = Annotated[str, Field(pattern="^[a-z0-9-]{2,40}$", description="E.g. keamanan-pangan.")]
Line: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]

LAST_ID = UUID(int=2**128 - 1)
FIRST_ID = UUID(int=0)
NEWEST = (datetime(9999, 1, 1, tzinfo=UTC), LAST_ID)
OLDEST = (datetime(1, 1, 2, tzinfo=UTC), FIRST_ID)


def officer_of(person: Principal) -> Officer:
    """The caller's rights. Raises Forbidden for who is no officer of any region, and for machine clients."""
    officer = Officer.of(person.roles)
    if officer.is_none or person.kind != "person":
        raise Forbidden("this is for officers of a region")
    return officer


def today() -> date:
    """The day it is in Jakarta."""
    return day_of(utc_now())


def place_of(cursor: str | None, start: tuple[datetime, UUID]) -> tuple[datetime, UUID]:
    """Where a page begins. Raises Malformed."""
    if cursor is None:
        return start
    moment, last_id = paging.decode(cursor, size=2)
    return paging.moment(moment), id_in(last_id)


def id_in(value: Any) -> UUID:
    """An id in a cursor. Raises Malformed."""
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError) as error:
        raise Malformed("the cursor is not one of this list") from error


def page_of(rows: list[Row], limit: int, *position: str) -> tuple[list[Row], str | None]:
    """The rows of a page of which one more was asked for, and where the next one begins."""
    items = rows[:limit]
    cursor = None
    if len(rows) > limit:
        cursor = paging.encode(*(_written(items[-1][name]) for name in position))
    return items, cursor


def _written(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def json_answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The answer with `content` as JSON. asyncpg's own kind of UUID is what needs `str`."""
    return Response(orjson.dumps(content, default=str), status, headers=headers, media_type="application/json")
