"""Lists: `limit` and an opaque `cursor` that says where the next page begins."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

import orjson
from fastapi import Query

from shared.problems import Malformed

Limit: TypeAlias = Annotated[int, Query(ge=1, le=100)]
Cursor: TypeAlias = Annotated[str | None, Query(max_length=500)]


WHOLE_MAX = 2**63 - 1  # as the database counts


def encode(*position: Any) -> str:
    """The cursor of a position: values that JSON knows, UUIDs and times."""
    return base64.urlsafe_b64encode(orjson.dumps(position, default=str)).decode().rstrip("=")


def decode(cursor: str, *, size: int) -> list[Any]:
    """The position of a cursor. Raises Malformed."""
    try:
        position = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise Malformed("the cursor is not one of ours") from error
    if not isinstance(position, list) or len(position) != size:
        raise Malformed("the cursor is not one of this list")
    return position


def moment(value: Any) -> datetime:
    """A time in a cursor. Raises Malformed for what is none, or lies where no calendar reaches."""
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, TypeError, OverflowError) as error:
        raise Malformed("the cursor is not one of this list") from error


def whole(value: Any) -> int:
    """A number in a cursor. Raises Malformed for what is none, or more than the database counts."""
    try:
        number = int(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise Malformed("the cursor is not one of this list") from error
    if abs(number) > WHOLE_MAX:
        raise Malformed("the cursor is not one of this list")
    return number
