"""What routes share: settings, commands with an Idempotency-Key, cursors, and words that people write."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeAlias
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BaseModel, StringConstraints

from services.cooperatives.settings import CooperativesSettings
from shared import idempotency, paging
from shared.auth import Principal
from shared.db import Connection
from shared.problems import Malformed

Words: TypeAlias = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=2, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Phone: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{7,14}$")]
Digits: TypeAlias = Annotated[str, StringConstraints(min_length=10, max_length=25)]


async def _settings(request: Request) -> CooperativesSettings:
    settings: CooperativesSettings = request.app.state.settings
    return settings


Settings: TypeAlias = Annotated[CooperativesSettings, Depends(_settings)]


async def once(
    conn: Connection,
    request: Request,
    person: Principal,
    key: str,
    body: Any,
    work: Callable[[], Awaitable[BaseModel]],
    *,
    status: int = 201,
) -> Response:
    """Do `work` once for this key. Raises KeyReused, KeyInUse."""
    claim = idempotency.Claim.of(person.id, request, key, body)
    return await idempotency.once(conn, claim, work, status=status)


def position(cursor: str | None) -> UUID | None:
    """The id after which a page begins. Raises Malformed."""
    if cursor is None:
        return None
    (last,) = paging.decode(cursor, size=1)
    try:
        return UUID(str(last))
    except ValueError as error:
        raise Malformed("the cursor is not one of this list") from error
